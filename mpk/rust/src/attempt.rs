//! A place to come back to when foreign code is stopped: `mpk_try` in Rust.

use crate::ffi;
use crate::task::Task;
use alloc::boxed::Box;

/// Calls `body`. `Err` is the violation that was stopped inside it, when the
/// policy is `unwind`. A panic of `body` goes on behind this call.
///
/// ```
/// use galeed_mpk::{Domain, attempt, call, ffi};
/// // Stands for a C function that reads where it should not.
/// extern "C" fn peek(address: *const u8) -> u8 {
///     // SAFETY: none; this is what is stopped.
///     unsafe { address.read_volatile() }
/// }
/// let vault = Domain::create(0)?;
/// let secret = vault.allocate(1, 0)?;
/// // SAFETY: peek takes one address; no frame here owns anything.
/// let stopped = unsafe {
///     ffi::mpk_set_policy(ffi::MPK_ON_VIOLATION_UNWIND);
///     let arguments = [secret.as_ptr() as u64, 0, 0, 0, 0, 0];
///     attempt(|| call(peek as *const () as usize, c"peek", arguments, [0.0; 8]))
/// };
/// assert_eq!(stopped.unwrap_err().address, secret.as_ptr() as u64);
/// # Ok::<(), galeed_mpk::Error>(())
/// ```
///
/// # Errors
/// A violation ended `body` early.
///
/// # Safety
/// When a violation unwinds, the frames of `body` and below are dropped as they
/// are. So none of them may own a value whose destructor must run for soundness
/// (a scope that joins threads, a pin to the stack); what they own otherwise
/// leaks, and locks that they hold stay locked.
pub unsafe fn attempt<R>(body: impl FnOnce() -> R) -> Result<R, Box<ffi::mpk_violation>> {
    fn call<F: FnOnce() -> R, R>(body: F) -> Result<R, Box<ffi::mpk_violation>> {
        let mut task = Task::new(body);
        // SAFETY: run takes exactly this type; the task outlives the call.
        if unsafe { ffi::mpk_try(Task::<F, R>::run, (&raw mut task).cast()) } == 0 {
            return Ok(task.finish());
        }
        let mut violation = Box::<ffi::mpk_violation>::default();
        // SAFETY: a place for the result.
        unsafe { ffi::mpk_last_violation(&raw mut *violation) };
        Err(violation)
    }
    call(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn results_and_panics_pass() {
        // SAFETY: the bodies own nothing.
        assert_eq!(unsafe { attempt(|| 7) }.ok(), Some(7));
        // SAFETY: as above.
        let panic = catch_unwind(|| unsafe { attempt(|| panic!("through")) }.ok());
        let message = panic.expect_err("the panic came through");
        assert_eq!(message.downcast_ref::<&str>(), Some(&"through"));
    }

    #[test]
    fn a_violation_ends_the_body() {
        // SAFETY: started by this call; the policy is this process's.
        unsafe {
            assert_eq!(ffi::mpk_start(), 0);
            ffi::mpk_set_policy(ffi::MPK_ON_VIOLATION_UNWIND);
        }
        // SAFETY: the body owns nothing.
        let outcome = unsafe {
            attempt(|| {
                let mut violation = ffi::mpk_violation {
                    kind: ffi::MPK_SPATIAL,
                    ..Default::default()
                };
                ffi::mpk_violate(&raw mut violation);
                unreachable!("the policy is to unwind");
            })
        };
        assert_eq!(
            outcome.map_err(|violation| violation.kind),
            Err::<(), _>(ffi::MPK_SPATIAL)
        );
    }
}
