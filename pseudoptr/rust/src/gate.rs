//! Entry gates and callback gates, as generated code calls them.
//!
//! Before the first gate closes anything, the program must be complete: its
//! global allocator ours (else Rust's heap would not be isolated and the gate
//! would only look like one), its code published, the fault handler installed
//! behind Rust's own (mpk_gate_enter sees to that last one).
//!
//! Attacker: may call any of this from foreign code. Lending needs rights that
//! foreign code lacks and faults there; entering a callback opens the rights, but
//! goes nowhere save to a function that Rust itself passed out.

use crate::access::with_rights;
use crate::error::Error;
use crate::fatal::fatal;
use crate::layout::is_handle;
use crate::lock::Lock;
use crate::membrane::{inward, outward};
use crate::published::{in_host_domain, published};
use crate::resolve::{Access, Kind, resolve};
use crate::shadow;
use crate::start::{start, start_or_die};
use crate::sys;
use crate::violation::refuse;
use alloc::boxed::Box;
use core::arch::naked_asm;
use core::ffi::{c_char, c_void};
use core::sync::atomic::{AtomicBool, Ordering};

/// A hint: when it lies, making ready again does nothing.
static READY: AtomicBool = AtomicBool::new(false);
/// Also taken around fork.
pub(crate) static MAKING_READY: Lock = Lock::new();

/// What the first gate would do: hardening takes away what that needs.
pub(crate) fn prepare() {
    if !READY.load(Ordering::Acquire) {
        make_ready();
    }
    // SAFETY: may be called from any host thread, any number of times.
    let error = unsafe { sys::mpk_faults_install() };
    if error != 0 {
        fatal(format_args!(
            "cannot install the fault handler: {}",
            crate::Error(error)
        ));
    }
}

#[cold]
fn make_ready() {
    start_or_die();
    let _held = MAKING_READY.hold();
    if published().gates.load(Ordering::Acquire) == 0 {
        if !allocator_is_ours() {
            fatal(format_args!(
                "the program's global allocator is not galeed's, so its heap is not isolated.\n\
                 Add to its main file:\n\
                 \x20   #[global_allocator]\n\
                 \x20   static HEAP: galeed::Heap = galeed::Heap;"
            ));
        }
        crate::code::publish();
        shadow::prepare();
        published().gates.store(1, Ordering::Release);
    }
    READY.store(true, Ordering::Release);
}

/// Of hosts whose gates come with libraries that they load: what the first gate would do, with
/// an error where that would end the process.
pub(crate) fn try_prepare() -> Result<(), Error> {
    start()?;
    if published().gates.load(Ordering::Acquire) == 0 && !allocator_is_ours() {
        return Err(Error::ALLOCATOR);
    }
    prepare();
    Ok(())
}

fn allocator_is_ours() -> bool {
    let probe = core::hint::black_box(Box::new(0u64));
    in_host_domain((&raw const *probe).addr() as u64)
}

#[inline(always)]
fn ready() {
    if !READY.load(Ordering::Acquire) {
        make_ready();
    }
}

/// A pointer argument or a callback's result, on its way out.
pub(crate) fn argument(pointer: u64) -> u64 {
    ready();
    outward(pointer)
}

/// The gate that comes is one of a call that has what it accesses to itself.
pub(crate) fn exclusive(token: *mut c_void) {
    ready();
    shadow::begin(token);
}

/// A result or a callback's argument, on its way in.
pub(crate) fn result(pointer: u64) -> u64 {
    if !is_handle(pointer) {
        return pointer;
    }
    start_or_die();
    inward(pointer)
}

/// # Safety
/// As for mpk_gate_enter: `token` is an address in the caller's frame, and
/// `function` a string that lives for ever.
pub(crate) unsafe fn enter(token: *mut c_void, function: *const c_char) {
    ready();
    // SAFETY: the caller's promise.
    unsafe { sys::mpk_gate_enter(token, function) };
}

/// # Safety
/// As for mpk_gate_exit.
pub(crate) unsafe fn exit(token: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { sys::mpk_gate_exit(token) };
    shadow::end(token);
}

/// # Safety
/// As for mpk_callback_exit.
pub(crate) unsafe fn callback_exit(token: *mut c_void) {
    shadow::resume(token);
    // SAFETY: the caller's promise.
    unsafe { sys::mpk_callback_exit(token) };
}

/// What stands behind a call that was refused and only reported: returns zeros.
#[unsafe(naked)]
extern "C" fn refused_call() {
    naked_asm!(
        "xor eax, eax",
        "xor edx, edx",
        "xorps xmm0, xmm0",
        "xorps xmm1, xmm1",
        "ret"
    )
}

/// # Safety
/// As for mpk_callback_enter.
pub(crate) unsafe extern "C" fn callback_enter(
    function: u64,
    token: *mut c_void,
    pc: u64,
) -> *const c_void {
    // SAFETY: the caller's promise. From here on this is host code.
    unsafe { open_callback(token) };
    let verdict = if is_handle(function) {
        resolve(function, 1, Access::Execute)
    } else {
        Err(Kind::Type)
    };
    match verdict {
        Ok(address) => crate::access::at(address),
        Err(kind) => {
            // No frame of the host's is below the gate: the report may unwind past it.
            // SAFETY: the callback that was entered here, and once more for who called this.
            unsafe {
                callback_exit(token);
                with_rights(|| refuse(function, 0, Access::Execute, kind, pc));
                open_callback(token);
            }
            refused_call as *const c_void
        }
    }
}

/// # Safety
/// As for mpk_callback_enter.
unsafe fn open_callback(token: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { sys::mpk_callback_enter(token) };
    shadow::suspend(token);
}
