//! `exit` and `quick_exit`, called by rewritten code: the end of the process is the host's.
//!
//! The C library runs what was registered for the end on the caller's stack: handlers of
//! the host's and destructors of its thread-locals, which touch the heap, and those of
//! foreign code, whose addresses are gates. So the call is made as a callback out of foreign
//! code is; there is no way back.
//!
//! Attacker: may end the process at any time, as it can by a violation. What runs then is what
//! runs when `main` returns, with the same rights.
//!
//! Source: [C11 7.22.4]; [Itanium C++ ABI], 3.3.6.

use crate::start::start_or_die;
use crate::{shadow, sys};
use core::ffi::{c_int, c_void};

unsafe extern "C" {
    fn exit(code: c_int) -> !;
    fn quick_exit(code: c_int) -> !;
}

fn as_the_host(ends: unsafe extern "C" fn(c_int) -> !, code: c_int) -> ! {
    start_or_die();
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: may be called on either side. Nobody leaves this gate, and its token lies in a frame
    // that stays; `ends` ends the process.
    unsafe {
        sys::mpk_callback_enter(token);
        shadow::suspend(token);
        ends(code)
    }
}

/// Stands in for exit in rewritten code.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_exit(code: c_int) {
    as_the_host(exit, code)
}

/// Stands in for quick_exit in rewritten code.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_quick_exit(code: c_int) {
    as_the_host(quick_exit, code)
}
