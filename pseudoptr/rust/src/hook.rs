//! The program's own hook for violations.

use crate::error::Error;
use crate::facts::Violation;
use crate::published::published;
use crate::runtime::catch_panic;
use crate::start::start;
use crate::sys;
use core::sync::atomic::Ordering;

/// Has `hook` called for each violation, on the thread that it happened on, after it was
/// reported and before the policy is applied: the last thing that a program does before it
/// aborts, or the first it learns before [`catch`](crate::catch) returns. The last hook that
/// was registered is the one; what runs on another thread meanwhile may still be the one before.
///
/// The hook is host code with the host's rights, on a stack of its own of 1 MiB. Where the
/// hardware stopped the access it runs inside a signal handler, with foreign code stopped
/// anywhere: it must not wait for a lock that foreign code, or this thread's own code further out,
/// may hold, nor for a thread that calls foreign code (on mprotect that thread waits for the hook).
/// It cannot call foreign code: a gate inside it is fatal.
///
/// - A panic ends in the hook (`panic = "unwind"`); the policy follows as if it had returned.
/// - A violation in the hook is reported, and the hook is not called for it. What would unwind
///   out of the hook aborts.
/// - Under part `stacks` of hardening no hook is called: reports have no host rights there.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// galeed::on_violation(|violation| eprintln!("C misbehaved: {violation}"))?;
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// Those of start-up, at the first use.
pub fn on_violation(hook: fn(&Violation)) -> Result<(), Error> {
    start()?;
    published().hook.store(hook as *mut (), Ordering::Release);
    // SAFETY: the runtime has started; `call` keeps to what it asks of a hook.
    unsafe { sys::mpk_set_report_hook(Some(call)) };
    Ok(())
}

unsafe extern "C" fn call(violation: *const sys::mpk_violation) {
    let hook = published().hook.load(Ordering::Acquire);
    if hook.is_null() {
        return;
    }
    // SAFETY: on_violation stored a function of this type, in memory that only the host writes.
    let hook = unsafe { core::mem::transmute::<*mut (), fn(&Violation)>(hook) };
    // SAFETY: the runtime gives a valid violation, for this call alone.
    let violation = Violation::reported(unsafe { &*violation });
    // Whatever it was, Rust's own panic hook has said it.
    let _ = catch_panic(|| hook(&violation));
}
