//! Gates that rustc compiles: what the attributes (pseudoptr/macros) and the closures of
//! callback.rs call, where no pass has written a gate.
//!
//! A call of a prebuilt library goes as pass `lend-calls` has it go: lend, close, let calls/mod.rs
//! put addresses in the handles' place, call, bring home, open. An exported function opens,
//! when foreign code calls it, and closes behind it.
//!
//! Invariant: between `enter` and `exit` nothing of the host's heap is touched: what is needed
//! lies in `Outward`, in the caller's frame. No exception passes but as panics.rs says.
//!
//! Attacker: is what is called, and may call the exported functions at any time with any
//! arguments. It can write `Outward`: words and loans are foreign memory to calls/mod.rs too.

use crate::calls::{self, ANY_ARGUMENT, Extent, GALEED_NO_ARGUMENT, Shape, Use};
use crate::fatal::fatal;
use crate::{gate, panics, shadow, sys};
use core::arch::global_asm;
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;

/// A shape and its uses, as calls/mod.rs finds them.
#[repr(C)]
pub struct Described<const N: usize> {
    shape: Shape,
    uses: [Use; N],
}

// SAFETY: never written; the name lives for ever.
unsafe impl<const N: usize> Sync for Described<N> {}

impl<const N: usize> Described<N> {
    /// `name`: with its NUL. `pointer`: it returns one.
    pub const fn new(name: &'static str, pointer: bool, uses: [Use; N]) -> Self {
        let shape = Shape {
            name: name.as_ptr().cast::<c_char>(),
            fixed: N as u8,
            result: if pointer {
                ANY_ARGUMENT
            } else {
                GALEED_NO_ARGUMENT
            },
            slots: 0,
            reserved: 0,
        };
        Described { shape, uses }
    }
}

const fn usage(extent: Extent, writes: bool, first: u8) -> Use {
    Use {
        extent: extent as u8,
        writes: writes as u8,
        first,
        second: GALEED_NO_ARGUMENT,
        unit: 1,
    }
}

/// As many bytes as that word says.
pub const fn bytes(length: u8, writes: bool) -> Use {
    usage(Extent::GALEED_BYTES, writes, length)
}

/// To the NUL.
pub const fn string(writes: bool) -> Use {
    usage(Extent::GALEED_STRING, writes, GALEED_NO_ARGUMENT)
}

/// Nothing.
pub const fn opaque() -> Use {
    usage(Extent::GALEED_OPAQUE, false, GALEED_NO_ARGUMENT)
}
/// All that was lent.
pub const fn rest() -> Use {
    usage(Extent::GALEED_REST, false, GALEED_NO_ARGUMENT)
}

/// A call on its way. The token is its address.
struct Outward<const N: usize, F, R> {
    described: &'static Described<N>,
    words: [u64; N],
    loans: *mut c_void,
    body: Option<F>,
    result: MaybeUninit<R>,
    made: bool,
    word: u64,
    word_of: fn(&R) -> u64,
}

unsafe extern "C-unwind" fn call_out<const N: usize, F: FnOnce(&[u64; N]) -> R, R>(
    data: *mut c_void,
) {
    // SAFETY: `gated` passes its own, of these types, for this call.
    let call = unsafe { &mut *data.cast::<Outward<N, F, R>>() };
    let (shape, words, loans) = (
        (&raw const *call.described).cast::<c_void>(),
        call.words.as_mut_ptr(),
        &raw mut call.loans,
    );
    // SAFETY: a described call; the words are as many as it says, the loans none.
    if unsafe { calls::begin(shape, words, loans, 0) } == 0 {
        return;
    }
    if let Some(body) = call.body.take() {
        let result = body(&call.words);
        // SAFETY: what begin said 1 to.
        call.word = unsafe { calls::end(shape, words, loans, (call.word_of)(&result), 0) };
        call.result.write(result);
        call.made = true;
    }
}

unsafe extern "C-unwind" fn thrown_out<const N: usize, F, R>(
    data: *mut c_void,
    exception: *mut c_void,
) {
    // SAFETY: as in call_out, which ended early.
    let call = unsafe { &mut *data.cast::<Outward<N, F, R>>() };
    let shape = (&raw const *call.described).cast::<c_void>();
    // SAFETY: what begin said 1 to; the gate is the innermost again.
    unsafe {
        calls::end(shape, call.words.as_mut_ptr(), &raw mut call.loans, 0, 0);
        panics::leave_gate(data, exception);
    }
}

/// None: the call was refused, and only reported.
unsafe fn gated<const N: usize, F: FnOnce(&[u64; N]) -> R, R>(
    described: &'static Described<N>,
    lent: usize,
    mut words: [u64; N],
    body: F,
    word_of: fn(&R) -> u64,
) -> Option<(R, u64)> {
    if is_foreign() {
        // A wrapper whose address was given away: the function itself.
        let result = body(&words);
        let word = word_of(&result);
        return Some((result, word));
    }
    for word in &mut words[..lent] {
        *word = gate::argument(*word);
    }
    let mut call = Outward {
        described,
        words,
        loans: core::ptr::null_mut(),
        body: Some(body),
        result: MaybeUninit::uninit(),
        made: false,
        word: 0,
        word_of,
    };
    let token = (&raw mut call).cast::<c_void>();
    // SAFETY: the token is in this frame, the name static; paired with the exit, or with
    // leave_gate.
    unsafe {
        gate::enter(token, described.shape.name);
        galeed_invoke(call_out::<N, F, R>, token, thrown_out::<N, F, R>);
        gate::exit(token);
    }
    // SAFETY: written where it says so.
    call.made
        .then(|| (unsafe { call.result.assume_init() }, call.word))
}

/// # Safety
/// `body` calls the described function with these words in place of its pointers, which are
/// the first `lent` of them, and does nothing else.
pub unsafe fn call<const N: usize, R>(
    described: &'static Described<N>,
    lent: usize,
    words: [u64; N],
    body: impl FnOnce(&[u64; N]) -> R,
) -> R {
    // SAFETY: the caller's promise.
    match unsafe { gated(described, lent, words, body, |_| 0) } {
        Some((result, _)) => result,
        // SAFETY: panics where zeros are no value of the type.
        None => unsafe { core::mem::zeroed() },
    }
}

/// # Safety
/// As for [`call`]; the result is a pointer, as a number.
pub unsafe fn call_pointer<const N: usize>(
    described: &'static Described<N>,
    lent: usize,
    words: [u64; N],
    body: impl FnOnce(&[u64; N]) -> u64,
) -> u64 {
    // SAFETY: the caller's promise.
    let returned = unsafe { gated(described, lent, words, body, |word| *word) };
    returned.map_or(0, |(_, word)| gate::result(word))
}

/// Is this thread in foreign code?
fn is_foreign() -> bool {
    // SAFETY: may be asked at any time.
    unsafe { sys::mpk_gate_is_foreign() != 0 }
}

/// A function of the host that foreign code has called. The token is its address.
struct Inward<F, R> {
    body: Option<F>,
    result: MaybeUninit<R>,
}

unsafe extern "C-unwind" fn call_in<F: FnOnce() -> R, R>(data: *mut c_void) {
    // SAFETY: `opened` passes its own; foreign code called it, and this is the way to answer.
    let call = unsafe {
        sys::mpk_callback_enter(data);
        shadow::suspend(data);
        &mut *data.cast::<Inward<F, R>>()
    };
    if let Some(body) = call.body.take() {
        call.result.write(body());
    }
    // SAFETY: pairs with the enter above.
    unsafe { gate::callback_exit(data) };
}

unsafe extern "C-unwind" fn thrown_in(data: *mut c_void, exception: *mut c_void) {
    // SAFETY: call_in was left by an exception behind its enter.
    unsafe { panics::leave_callback(data, exception) }
}

/// Runs `body` as the host, whoever called. It gets whether foreign code did, past all gates.
pub(crate) fn opened<R>(body: impl FnOnce(bool) -> R) -> R {
    if !is_foreign() {
        return body(false);
    }
    let mut call = Inward {
        body: Some(|| body(true)),
        result: MaybeUninit::uninit(),
    };
    invoke_in(&mut call);
    // SAFETY: call_in returned, and so had written it.
    unsafe { call.result.assume_init_read() }
}

fn invoke_in<F: FnOnce() -> R, R>(call: &mut Inward<F, R>) {
    // SAFETY: the token is in the caller's frame.
    unsafe { galeed_invoke(call_in::<F, R>, (&raw mut *call).cast(), thrown_in) };
}

/// What an exported function is.
///
/// # Panics
/// Passes a panic of `body` on behind the gate of the foreign call around it.
pub fn exported<R>(name: &'static str, body: impl FnOnce(bool) -> R) -> R {
    opened(|foreign| {
        // SAFETY: asks for this thread's own record, with the host's rights.
        let alone = unsafe { sys::mpk_gate_function() }.is_null();
        let caught = alone.then(|| Uncaught(name));
        let result = body(foreign);
        core::mem::forget(caught);
        result
    })
}

/// Nobody's gate is there for a panic to go on behind.
struct Uncaught(&'static str);

impl Drop for Uncaught {
    fn drop(&mut self) {
        fatal(format_args!(
            "a panic would leave {} for code that called it through no gate",
            self.0
        ));
    }
}

/// A pointer that foreign code passed.
pub fn inward(pointer: u64) -> u64 {
    gate::result(pointer)
}

/// A pointer that foreign code gets. pre: host rights.
pub fn outward(pointer: u64) -> u64 {
    gate::argument(pointer)
}

unsafe extern "C-unwind" {
    /// Calls body(data). An exception that leaves it is given to thrown(data, exception), and
    /// goes on when that returns.
    fn galeed_invoke(
        body: unsafe extern "C-unwind" fn(*mut c_void),
        data: *mut c_void,
        thrown: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void),
    );
}

// Rust has no landing pad that tells the exception, so this one is written by hand, for C's
// personality, as the passes' gates have it. [Itanium C++ ABI: Exception Handling; LSDA]
global_asm!(
    ".weak DW.ref.__gcc_personality_v0",
    ".hidden DW.ref.__gcc_personality_v0",
    ".section .data.rel.local.DW.ref.__gcc_personality_v0,\"awG\",@progbits,DW.ref.__gcc_personality_v0,comdat",
    ".balign 8",
    ".type DW.ref.__gcc_personality_v0,@object",
    ".size DW.ref.__gcc_personality_v0, 8",
    "DW.ref.__gcc_personality_v0:",
    ".quad __gcc_personality_v0",
    ".section .text.galeed_invoke,\"ax\",@progbits",
    ".globl galeed_invoke",
    ".hidden galeed_invoke",
    ".type galeed_invoke,@function",
    "galeed_invoke:",
    ".cfi_startproc",
    ".cfi_personality 155, DW.ref.__gcc_personality_v0", // indirect, relative, 4 bytes
    ".cfi_lsda 27, .Lgaleed_invoke_lsda",                // relative, 4 bytes
    "push rbx",
    ".cfi_adjust_cfa_offset 8",
    ".cfi_offset rbx, -16",
    "push r12",
    ".cfi_adjust_cfa_offset 8",
    ".cfi_offset r12, -24",
    "sub rsp, 8",
    ".cfi_adjust_cfa_offset 8",
    "mov rbx, rsi",
    "mov r12, rdx",
    "mov rax, rdi",
    "mov rdi, rsi",
    ".Lgaleed_invoke_begin:",
    "call rax",
    ".Lgaleed_invoke_end:",
    ".cfi_remember_state",
    "add rsp, 8",
    ".cfi_adjust_cfa_offset -8",
    "pop r12",
    ".cfi_adjust_cfa_offset -8",
    "pop rbx",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    ".cfi_restore_state",
    ".Lgaleed_invoke_pad:",
    "mov qword ptr [rsp], rax",
    "mov rdi, rbx",
    "mov rsi, rax",
    "call r12",
    "mov rdi, qword ptr [rsp]",
    "call _Unwind_Resume@PLT",
    "ud2",
    ".Lgaleed_invoke_last:",
    ".cfi_endproc",
    ".size galeed_invoke, .Lgaleed_invoke_last - galeed_invoke",
    ".section .gcc_except_table,\"a\",@progbits",
    ".Lgaleed_invoke_lsda:",
    ".byte 255, 255, 1", // offsets from the function's start, no types, uleb128
    ".uleb128 .Lgaleed_invoke_sites_end - .Lgaleed_invoke_sites",
    ".Lgaleed_invoke_sites:",
    ".uleb128 .Lgaleed_invoke_begin - galeed_invoke",
    ".uleb128 .Lgaleed_invoke_end - .Lgaleed_invoke_begin",
    ".uleb128 .Lgaleed_invoke_pad - galeed_invoke",
    ".uleb128 0",
    ".uleb128 .Lgaleed_invoke_end - galeed_invoke",
    ".uleb128 .Lgaleed_invoke_last - .Lgaleed_invoke_end",
    ".uleb128 0",
    ".uleb128 0",
    ".Lgaleed_invoke_sites_end:",
    ".text",
);
