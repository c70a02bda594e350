//! A foreign call that comes back from a violation, for hosts that are not Rust.
//!
//! The host calls one of the two functions below as it would call the foreign one, with one
//! argument in front. So its own FFI (ctypes, cffi) converts arguments and result, and finds a
//! function that returns, whatever happened: nothing unwinds or jumps through its frames.
//!
//! Invariant: no frame of the host lies between here and the foreign code that is stopped, unless
//! that is inside a callback; and past a callback nothing unwinds (mpk_try_keep_callbacks).
//!
//! Arguments are words and floating-point registers, by position. Which of them the host really
//! passed is its function's business: the others are what was there, and are ignored by the
//! callee as by any C function. [psABI 3.2.3]: integers go to six registers and then to the stack,
//! in order; floating-point numbers to eight registers of their own.

use crate::catch::catch;
use crate::runtime::{Payload, catch_panic};
use crate::sys::{self, mpk_violation};
use alloc::string::String;
use core::ffi::{c_char, c_int, c_void};

/// What became of a call, in galeed.h's numbers.
const RETURNED: u32 = 0;
const VIOLATION: u32 = 1;
const EXCEPTION: u32 = 2;

/// A call to be attempted, and what became of it.
#[repr(C)]
pub struct Attempt {
    /// The foreign function: a gate.
    pub function: *const c_void,
    /// Nonzero: the thread runs code of the host's. Asked at a violation, which then aborts; maybe in
    /// a signal handler. Null: it does in callbacks that were lent, alone.
    pub host_runs: Option<unsafe extern "C" fn() -> c_int>,
    /// 0: it returned. 1: a violation stopped it. 2: an exception of C++ left it.
    pub outcome: u32,
    /// Which violation; of 1 alone. Its strings live for ever.
    pub violation: mpk_violation,
    /// Which exception, as a string; of 2 alone.
    pub message: [c_char; 256],
}

impl Attempt {
    fn say(&mut self, payload: &Payload) {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("an exception that says nothing");
        self.message = [0; 256];
        for (to, byte) in self.message[..255].iter_mut().zip(text.bytes()) {
            *to = byte as c_char;
        }
    }

    /// # Safety
    /// `call` is a host's, and alive for the call.
    unsafe fn run<R: Default>(call: *mut Attempt, body: impl FnOnce(*const c_void) -> R) -> R {
        // SAFETY: the caller's promise.
        let call = unsafe { &mut *call };
        let (function, host_runs) = (call.function, call.host_runs);
        let attempted = || {
            catch(|| {
                // SAFETY: inside the body of catch's mpk_try.
                unsafe { sys::mpk_try_keep_callbacks(host_runs) };
                body(function)
            })
        };
        match catch_panic(attempted) {
            Ok(Ok(value)) => {
                call.outcome = RETURNED;
                value
            }
            Ok(Err(_)) => {
                // SAFETY: the field is writable.
                unsafe { sys::mpk_last_violation(&raw mut call.violation) };
                call.outcome = VIOLATION;
                R::default()
            }
            Err(payload) => {
                call.say(&payload);
                call.outcome = EXCEPTION;
                R::default()
            }
        }
    }
}

/// The foreign function, as one that takes all there is.
type Function<R> = unsafe extern "C-unwind" fn(
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
) -> R;

/// Calls `call->function` with the arguments that follow: at most 12 integers or pointers, 8
/// floating-point numbers, no structures by value. Returns its result, or 0 and says in `call` why.
/// A violation comes back where GALEED_ON_VIOLATION is unwind, with all gates entered since
/// undone, unless a callback in progress would be dropped: that aborts.
///
/// # Safety
/// call: writable, and function a foreign function that takes the arguments as they are passed.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn galeed_attempt(
    call: *mut Attempt,
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    e: u64,
    p: f64,
    q: f64,
    r: f64,
    s: f64,
    t: f64,
    u: f64,
    v: f64,
    w: f64,
    f: u64,
    g: u64,
    h: u64,
    i: u64,
    j: u64,
    k: u64,
    l: u64,
) -> u64 {
    // SAFETY: the caller's promise, about the call and about its function. What a violation
    // drops here are numbers.
    unsafe {
        Attempt::run(call, |function| {
            let function = core::mem::transmute::<*const c_void, Function<u64>>(function);
            function(a, b, c, d, e, f, p, q, r, s, t, u, v, w, g, h, i, j, k, l)
        })
    }
}

/// The same for a function that returns a float or a double.
///
/// # Safety
/// As for galeed_attempt.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn galeed_attempt_floating(
    call: *mut Attempt,
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    e: u64,
    p: f64,
    q: f64,
    r: f64,
    s: f64,
    t: f64,
    u: f64,
    v: f64,
    w: f64,
    f: u64,
    g: u64,
    h: u64,
    i: u64,
    j: u64,
    k: u64,
    l: u64,
) -> f64 {
    // SAFETY: the caller's promise, about the call and about its function. What a violation
    // drops here are numbers.
    unsafe {
        Attempt::run(call, |function| {
            let function = core::mem::transmute::<*const c_void, Function<f64>>(function);
            function(a, b, c, d, e, f, p, q, r, s, t, u, v, w, g, h, i, j, k, l)
        })
    }
}
