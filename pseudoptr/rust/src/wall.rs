//! Where unwinding ends: between the frames of a library and of the C or C++ that calls it, or
//! that it calls.
//!
//! An exception of C++ that passed a library's frames would skip their destructors (with `panic =
//! "abort"` there are none to run) and the ends of its gates, so that its `catch` might go on
//! with the host's rights. A panic that went out would do the same. So the body runs
//! below a frame whose personality routine ends the process, in the search phase: before any
//! frame is left, and whether or not somebody would catch it. Backtraces pass.
//!
//! Attacker: throws at any time; all that comes of it is the end.
//!
//! Source: [Itanium C++ ABI: Exception Handling], 1.3 and 2.5.

use crate::fatal::fatal;
use crate::{panics, sys};
use core::arch::global_asm;
use core::ffi::{CStr, c_int, c_void};
use core::mem::MaybeUninit;

type Run = unsafe extern "C-unwind" fn(*mut c_void);

unsafe extern "C-unwind" {
    fn galeed_wall_call(data: *mut c_void, run: Run);
}

global_asm!(
    ".pushsection .text.galeed_wall_call,\"ax\",@progbits",
    // Local, so that the tables need no relocation that a shared library could not have.
    "galeed_wall_stops: jmp {stops}@PLT",
    ".hidden galeed_wall_call",
    ".globl galeed_wall_call",
    ".type galeed_wall_call,@function",
    "galeed_wall_call:",
    ".cfi_startproc",
    ".cfi_personality 0x1b, galeed_wall_stops", // relative to the place, four bytes
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "call rsi",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size galeed_wall_call, . - galeed_wall_call",
    ".popsection",
    stops = sym stops,
);

/// The personality routine: the unwinder has come to the frame.
unsafe extern "C" fn stops(
    _: c_int,
    _: c_int,
    class: u64,
    thrown: *mut c_void,
    _: *mut c_void,
) -> c_int {
    // SAFETY: may be asked on either side.
    let (foreign, function) =
        unsafe { (sys::mpk_gate_is_foreign() != 0, sys::mpk_gate_function()) };
    let who = if foreign && !function.is_null() {
        // SAFETY: a string that lives for ever, as long as the gate is the innermost one.
        unsafe { CStr::from_ptr(function) }
            .to_str()
            .unwrap_or("foreign code")
    } else {
        "a function of the library"
    };
    if class == 0 {
        fatal(format_args!(
            "the thread was ended inside {who}: pthread_exit and pthread_cancel cannot pass Rust's frames"
        ));
    }
    let mut name = [0; panics::NAME_BYTES];
    // With the host's rights nothing is read that C may have written.
    let kind = foreign.then(|| panics::kind_of(thrown.expose_provenance() as u64, &mut name));
    match kind.flatten() {
        Some(kind) => fatal(format_args!(
            "{who} threw a C++ exception of type {kind}: it cannot pass Rust's frames"
        )),
        None => fatal(format_args!(
            "a panic or an exception left {who}: it cannot pass on between Rust and foreign code"
        )),
    }
}

struct Call<F, R> {
    body: Option<F>,
    result: MaybeUninit<R>,
}

unsafe extern "C-unwind" fn run<F: FnOnce() -> R, R>(data: *mut c_void) {
    // SAFETY: `walled` passes this, once.
    let call = unsafe { &mut *data.cast::<Call<F, R>>() };
    if let Some(body) = call.body.take() {
        call.result.write(body());
    }
}

/// Runs `body`; what would leave it by unwinding ends the process with one line.
pub(crate) fn walled<F: FnOnce() -> R, R>(body: F) -> R {
    let mut call = Call {
        body: Some(body),
        result: MaybeUninit::uninit(),
    };
    // SAFETY: `run` takes this; when it returns there is a result.
    unsafe {
        galeed_wall_call((&raw mut call).cast(), run::<F, R>);
        call.result.assume_init()
    }
}
