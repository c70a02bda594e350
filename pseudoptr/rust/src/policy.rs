//! What happens after a violation was reported.

use crate::error::Error;
use crate::start::start;
use crate::sys;

/// What happens after a violation was reported; `GALEED_ON_VIOLATION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Policy {
    /// The process aborts: the default.
    Abort = sys::MPK_ON_VIOLATION_ABORT,
    /// The innermost [`catch`](crate::catch) returns it; aborts without one.
    Unwind = sys::MPK_ON_VIOLATION_UNWIND,
    /// Nothing: refused reads give zeros, refused writes are dropped. To find
    /// out what a program does, never to protect it.
    Report = sys::MPK_ON_VIOLATION_REPORT,
}

/// Overrides `GALEED_ON_VIOLATION` for the whole process.
///
/// # Errors
/// Those of start-up, at the first use.
pub fn set_policy(policy: Policy) -> Result<(), Error> {
    start()?;
    // SAFETY: the runtime has started; the number is one of mpk.h's.
    unsafe { sys::mpk_set_policy(policy as i32) };
    Ok(())
}
