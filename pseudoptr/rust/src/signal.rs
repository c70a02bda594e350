//! Signal handlers of the host that arrive in the middle of foreign code.
//!
//! A handler runs with the rights of what it interrupts, so that one that foreign code
//! installed never has more. The host's own says here that it is the host's, as a callback's
//! gate does for a callback.
//!
//! Attacker: may raise signals at any time, and so choose when the handler runs; the body must
//! be one that may run then, as all handlers must.

use crate::start::start_or_die;
use crate::sys;
use core::ffi::c_void;

/// The gate is closed again also where the body panics.
struct Entered(*mut c_void);

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: pairs with the enter in `on_signal`, whose frame is still there.
        unsafe { sys::mpk_callback_exit(self.0) };
    }
}

/// Runs `body` with the host's rights, in a signal handler of the host: it may touch the heap
/// and call foreign functions, wherever the signal arrived. Without it a handler that
/// interrupts foreign code is foreign, and its first touch of the heap a *boundary* violation.
///
/// What handlers may not do stays so: allocate, or wait for what the interrupted code holds.
/// On `mprotect` it may wait, as callbacks do, for a foreign call of another thread.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// # use std::sync::atomic::{AtomicUsize, Ordering};
/// static COUNTS: std::sync::OnceLock<Box<AtomicUsize>> = std::sync::OnceLock::new();
///
/// extern "C" fn handler(_signal: i32) {
///     galeed::on_signal(|| COUNTS.get().map(|count| count.fetch_add(1, Ordering::Relaxed)));
/// }
/// # COUNTS.get_or_init(Box::default);
/// # handler(10);
/// # assert_eq!(COUNTS.get().map(|count| count.load(Ordering::Relaxed)), Some(1));
/// ```
#[inline(never)]
pub fn on_signal<R>(body: impl FnOnce() -> R) -> R {
    start_or_die();
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the same at the exit; may be called on either side.
    unsafe { sys::mpk_callback_enter(token) };
    let _entered = Entered(token);
    body()
}
