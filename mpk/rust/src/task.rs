//! A closure as the function and argument that C calls back: for `mpk_try` and
//! `mpk_host_stack`.
//!
//! Invariant: no panic passes a C frame; it waits here, and goes on in `finish`.

use crate::runtime::{Payload, catch_panic, resume_panic};
use core::ffi::c_void;

pub(crate) struct Task<F, R> {
    body: Option<F>,
    result: Option<Result<R, Payload>>,
}

impl<F: FnOnce() -> R, R> Task<F, R> {
    pub(crate) fn new(body: F) -> Self {
        Task {
            body: Some(body),
            result: None,
        }
    }

    /// What C calls.
    ///
    /// # Safety
    /// `task` is a `Task<F, R>` of these types that nothing else uses meanwhile.
    pub(crate) unsafe extern "C" fn run(task: *mut c_void) {
        // SAFETY: the caller's promise.
        let task = unsafe { &mut *task.cast::<Self>() };
        if let Some(body) = task.body.take() {
            task.result = Some(catch_panic(body));
        }
    }

    /// The body's value, or its panic. pre: `run` returned.
    pub(crate) fn finish(self) -> R {
        match self.result.expect("the body ran to its end") {
            Ok(value) => value,
            Err(panic) => resume_panic(panic),
        }
    }
}
