//! Going on after a violation.

use crate::fatal::fatal;
use crate::runtime::{Payload, catch_panic, resume_panic};
use crate::start::start_or_die;
use crate::sys;
use crate::violation::Violation;
use crate::{cxx, panics};
use core::ffi::c_void;

/// The closure, and what became of it.
struct Call<F, T> {
    body: Option<F>,
    outcome: Option<Result<T, Payload>>,
}

unsafe extern "C" fn run<F: FnOnce() -> T, T>(call: *mut c_void) {
    // SAFETY: `catch` passes its own Call, of these types, for this call alone.
    let call = unsafe { &mut *call.cast::<Call<F, T>>() };
    if let Some(body) = call.body.take() {
        // A panic must not cross the C frame between: it resumes outside.
        call.outcome = Some(catch_panic(body));
    }
}

/// Runs `body`; a violation in foreign code that it calls comes back as an
/// error, with all gates entered since undone, when `GALEED_ON_VIOLATION=unwind`
/// (or [`set_policy`](crate::set_policy)) says so. Under the default policy a
/// violation aborts the process.
///
/// The frames between the violation and here are dropped, as by `longjmp`:
/// destructors of Rust values in them (the closure's own, and those of
/// callbacks that C had called) do not run. What such a value would have done
/// (freed memory, unlocked a lock, joined a scoped thread) does not happen: so
/// keep in `body` little more than the foreign call. Memory that C had not
/// finished with stays as C left it.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let four = galeed::catch(|| 2 + 2)?;
/// assert_eq!(four, 4);
/// # Ok::<(), galeed::Violation>(())
/// ```
///
/// # Errors
/// The violation that unwound to here.
///
/// # Panics
/// Resumes a panic of `body`.
pub fn catch<F: FnOnce() -> T, T>(body: F) -> Result<T, Violation> {
    start_or_die();
    let mut call = Call {
        body: Some(body),
        outcome: None,
    };
    let (mark, account) = (panics::mark(), cxx::Account::read());
    // SAFETY: `run` gets the Call that it expects, which outlives it. Whoever
    // calls foreign code in `body` does so in an unsafe block of his own and
    // answers for the frames that a violation drops.
    let unwound = unsafe { sys::mpk_try(run::<F, T>, (&raw mut call).cast()) };
    if unwound != 0 {
        crate::shadow::unwound((&raw const call).addr() as u64);
        account.put_back();
        panics::forget_since(mark);
        return Err(Violation::last()
            .unwrap_or_else(|| fatal(format_args!("a violation unwound and left no record"))));
    }
    match call.outcome {
        Some(Ok(value)) => Ok(value),
        Some(Err(panic)) => resume_panic(panic),
        None => fatal(format_args!("mpk_try returned before its body did")),
    }
}
