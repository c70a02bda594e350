//! The C interface: galeed.h is generated from this file.
//!
//! The functions that rewritten code calls are thin entry points of the files
//! that do the work; see thunks.rs for why some are naked. Names and signatures are a contract with
//! the IR pass and cffi. Accessors are unsafe to Rust: a raw pointer is accessed as it is.
#![allow(rustdoc::broken_intra_doc_links, clippy::missing_safety_doc)] // the docs become a C header's

use crate::thunks::{keeping_returns, loading, loading_pointer, locating, storing};
use crate::{access, atomic, bytes, calls, cxx, gate, membrane, panics, pthread};
use core::ffi::{CStr, c_char, c_int, c_void};

/// The functions below are called by rewritten code (LLVM IR). In IR those marked [M] have the
/// preserve_most calling convention: every register but r11 and the result survives. All work on
/// handles *and* on raw pointers (accessed as they are, with foreign rights). A bad handle is a violation.
///
/// [M] Loads 1 byte, zero-extended.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_load1(pointer: u64) -> u64 {
    loading!(access::load1, "0", "movzx eax, byte ptr [rdi + rax]")
}

/// [M] Loads 2 bytes, zero-extended.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_load2(pointer: u64) -> u64 {
    loading!(access::load2, "1", "movzx eax, word ptr [rdi + rax]")
}

/// [M] Loads 4 bytes, zero-extended.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_load4(pointer: u64) -> u64 {
    loading!(access::load4, "3", "mov eax, dword ptr [rdi + rax]")
}

/// [M] Loads 8 bytes.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_load8(pointer: u64) -> u64 {
    loading!(access::load8, "7", "mov rax, qword ptr [rdi + rax]")
}

/// [M] Stores the low byte of value.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_store1(pointer: u64, value: u64) {
    storing!(access::store1, "0", "", "mov byte ptr [rdi + rax], sil")
}

/// [M] Stores the low 2 bytes of value.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_store2(pointer: u64, value: u64) {
    storing!(access::store2, "1", "", "mov word ptr [rdi + rax], si")
}

/// [M] Stores the low 4 bytes of value.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_store4(pointer: u64, value: u64) {
    storing!(access::store4, "3", "", "mov dword ptr [rdi + rax], esi")
}

/// [M] Stores 8 bytes.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_store8(pointer: u64, value: u64) {
    storing!(access::store8, "7", "", "mov qword ptr [rdi + rax], rsi")
}

/// [M] Loads a pointer, and lends it when what the pointer leads to is host memory.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_load_pointer(pointer: u64) -> u64 {
    loading_pointer!(membrane::load_pointer)
}

/// [M] Stores a pointer, turned back when it carries the tag and goes to host memory.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_store_pointer(pointer: u64, value: u64) {
    storing!(
        membrane::store_pointer,
        "7",
        "test rsi, rsi\njs 2f",
        "mov qword ptr [rdi + rax], rsi"
    )
}

/// Loads any other size. raw: foreign memory, never a handle.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_load_bytes(raw: *mut c_void, pointer: u64, bytes: u64) {
    locating!(bytes::memmove, "rcx")
}

/// Stores any other size. raw: foreign memory, never a handle.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_store_bytes(pointer: u64, raw: *const c_void, bytes: u64) {
    locating!(bytes::memmove, "rcx")
}

/// [M] Membrane. value was loaded as a pointer from `from` and lies in the host
/// domain or the host's code: lent when `from` is host memory, else unchanged.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn galeed_lend_loaded(from: u64, value: u64) -> u64 {
    keeping_returns!(membrane::lend_loaded, "rdx")
}

/// [M] Membrane. value carries the tag and is about to be stored at `to`: the
/// address it stands for when `to` is host memory, else unchanged. A handle that
/// is dead or strayed out of its object stays as it is.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn galeed_unlend_stored(to: u64, value: u64) -> u64 {
    keeping_returns!(membrane::unlend_stored, "rdx")
}

/// Either pointer may be a handle. memcpy has memmove's meaning.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_memmove(to: u64, from: u64, bytes: u64) {
    locating!(bytes::memmove, "rcx")
}

/// The pointer may be a handle.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_memset(to: u64, byte: u32, bytes: u64) {
    locating!(bytes::memset, "rcx")
}

/// Sequentially consistent, 1, 2, 4 or 8 bytes, aligned; so are the next three.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_atomic_load(pointer: u64, bytes: u32) -> u64 {
    locating!(atomic::load, "rdx")
}

/// As galeed_atomic_load.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_atomic_store(pointer: u64, bytes: u32, value: u64) {
    locating!(atomic::store, "rcx")
}

/// op: enum galeed_rmw. Returns what was there.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_atomic_rmw(pointer: u64, bytes: u32, op: u32, value: u64) -> u64 {
    locating!(atomic::rmw, "r8")
}

/// Returns what was there; it equals expected when the exchange happened.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_atomic_cmpxchg(
    pointer: u64,
    bytes: u32,
    expected: u64,
    desired: u64,
) -> u64 {
    locating!(atomic::cmpxchg, "r8")
}

/// Entry gates: lend an argument (host rights). Any pointer value is allowed;
/// what is not a host heap or host code address is unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_gate_argument(pointer: u64) -> u64 {
    gate::argument(pointer)
}

/// Entry gates: nobody else of the host uses what the call accesses, which may work on copies of
/// small objects (host rights).
///
/// # Safety
/// token: that of the galeed_gate_enter that follows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_gate_exclusive(token: *mut c_void) {
    gate::exclusive(token);
}

/// Entry gates: turn a result back (host rights).
#[unsafe(no_mangle)]
pub extern "C" fn galeed_gate_result(pointer: u64) -> u64 {
    gate::result(pointer)
}

/// Entry gates: mpk_gate_side, by a name that shared libraries of Rust can export.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn galeed_gate_side() -> c_int {
    core::arch::naked_asm!("jmp {side}", side = sym crate::sys::mpk_gate_side)
}

/// Entry gate: mpk_gate_enter after the runtime is known to be complete (global
/// allocator in place, code range published, fault handler installed).
///
/// # Safety
/// token: an address in the caller's frame, the same at the exit. function: lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_gate_enter(token: *mut c_void, function: *const c_char) {
    // SAFETY: the caller's promise.
    unsafe { gate::enter(token, function) }
}

/// Entry gate: mpk_gate_exit.
///
/// # Safety
/// token: that of the innermost galeed_gate_enter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_gate_exit(token: *mut c_void) {
    // SAFETY: the caller's promise; the runtime checks it against its record.
    unsafe { gate::exit(token) }
}

/// Entry gate: an exception left the foreign function. Exits; returns when the exception
/// itself may go on in the host, else unwinds with what stands for it there.
///
/// # Safety
/// token: that of the innermost galeed_gate_enter. exception: the unwinder's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn galeed_gate_thrown(token: *mut c_void, exception: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { panics::leave_gate(token, exception) }
}

/// Callback gates. Foreign code calls `function`, which carries the tag: checks
/// that it is a live lease of host code, opens, returns the address.
///
/// # Safety
/// token: an address in the caller's frame, the same at galeed_callback_exit.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_callback_enter(function: u64, token: *mut c_void) -> *mut c_void {
    locating!(gate::callback_enter, "rdx")
}

/// Callback gates: an argument, turned back.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_callback_argument(pointer: u64) -> u64 {
    gate::result(pointer)
}

/// Callback gates: the result, lent.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_callback_result(pointer: u64) -> u64 {
    gate::argument(pointer)
}

/// Callback gates: closes again.
///
/// # Safety
/// token: that of the innermost galeed_callback_enter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_callback_exit(token: *mut c_void) {
    // SAFETY: the caller's promise; the runtime checks it against its record.
    unsafe { gate::callback_exit(token) }
}

/// Callback gates: an exception left the host's function. Closes again; returns when the
/// exception itself may go on in foreign code, else unwinds with a stand-in.
///
/// # Safety
/// token: that of the innermost galeed_callback_enter. exception: the unwinder's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn galeed_callback_thrown(token: *mut c_void, exception: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { panics::leave_callback(token, exception) }
}

/// A form that the pass could not rewrite was reached. Never returns.
///
/// # Safety
/// what: a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_unsupported(what: *const c_char) {
    // SAFETY: the caller's promise; read with the caller's own rights.
    let what = unsafe { CStr::from_ptr(what) };
    let text = what.to_str().unwrap_or("(not readable)");
    crate::fatal::fatal(format_args!("not supported: {text}"));
}

/// Stands in for pthread_create in rewritten code: on mprotect, where a thread
/// of its own cannot be kept out, refuses with EPERM and says so.
///
/// # Safety
/// As for pthread_create; each pointer may be a handle.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: Option<extern "C" fn(*mut c_void) -> *mut c_void>,
    argument: *mut c_void,
) -> c_int {
    locating!(pthread::create, "r8")
}

/// Stands in for C11's thrd_create in rewritten code, as galeed_pthread_create does.
///
/// # Safety
/// As for thrd_create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_thrd_create(
    thread: *mut c_void,
    start: *const c_void,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { pthread::create_c11(thread, start, argument) }
}

/// Stands in for std::thread::_M_start_thread: throws std::system_error where
/// galeed_pthread_create would refuse.
///
/// # Safety
/// As for what it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn galeed_cxx_thread(
    thread: *mut c_void,
    state: *mut c_void,
    depend: *const c_void,
) {
    // SAFETY: the caller's promise.
    unsafe { cxx::start_thread(thread, state, depend) }
}

/// Stands in for __dynamic_cast; the object may be a handle.
///
/// # Safety
/// As for __dynamic_cast.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_dynamic_cast(
    object: u64,
    from: *const c_void,
    to: *const c_void,
    hint: isize,
) -> u64 {
    locating!(cxx::dynamic_cast, "r8")
}

/// A call of code that was not rewritten is about to be made, and an argument carries
/// the tag. words: the fixed arguments, then those behind the dots, from an even index on.
/// Checks what the function will touch, and puts addresses that foreign rights reach in
/// place of the handles. 1: make the call; 0: it was refused and reported, do not.
///
/// # Safety
/// shape: as calls/shape.rs says. loans: a null pointer, for galeed_call_end.
/// pc: where to report it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_call_begin(
    shape: *const c_void,
    words: *mut u64,
    loans: *mut *mut c_void,
    pc: u64,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { calls::begin(shape, words, loans, pc) }
}

/// The call was made. Brings home what it wrote; returns the result, as a handle where it
/// points into an argument's lent memory.
///
/// # Safety
/// What galeed_call_begin was given and said 1 to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_call_end(
    shape: *const c_void,
    words: *mut u64,
    loans: *mut *mut c_void,
    result: u64,
    pc: u64,
) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { calls::end(shape, words, loans, result, pc) }
}

/// A unit of rewritten code that learns (policy key `profile`) says at exit which of its
/// accesses met a handle: hits[i] is not 0. Appended to GALEED_PROFILE as JSON lines,
/// `{"profile":1,"unit":"name","sites":COUNT,"hit":[i, ...]}`, as many as it takes.
///
/// # Safety
/// unit: a string. hits: readable by the caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_profile_unit(unit: *const c_char, hits: *const u8, count: u64) {
    // SAFETY: the caller's promise.
    unsafe { crate::serve::profile::write_unit(unit, hits, count) }
}

/// Stands in for strtok in rewritten code; each pointer may be a handle.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_strtok(string: u64, delimiters: u64) -> u64 {
    locating!(calls::tokens::strtok, "rdx")
}
