//! Foreign code on a stack of its own, Rust's under the host's key: `mpk_call.h` in Rust.

use crate::task::Task;
use crate::{Error, ffi};
use core::ffi::{CStr, c_char, c_int, c_void};

unsafe extern "C" {
    fn mpk_host_stack(
        bytes: usize,
        body: unsafe extern "C" fn(*mut c_void),
        argument: *mut c_void,
    ) -> c_int;
    fn mpk_call(call: *const RawCall, result: *mut Returned);
}

#[repr(C)]
struct RawCall {
    function: usize,
    name: *const c_char,
    integers: [u64; 6],
    doubles: [f64; 8],
}

/// The registers that a foreign function returns in, by the platform's ABI.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Returned {
    /// Integer or pointer result.
    pub rax: u64,
    /// Its second half.
    pub rdx: u64,
    /// Floating-point result.
    pub xmm0: f64,
    /// Its second half.
    pub xmm1: f64,
}

/// Calls `body` on a stack inside the host domain, where foreign code can neither
/// read nor write it. `bytes`: of that stack; 0 for 1 MiB. What lies on the
/// thread's own stack stays open to foreign code, so call this near the start of
/// the thread. A panic of `body` goes on behind this call; an overflow of the
/// stack ends the process with one line.
///
/// ```
/// // Stands for a C function: double half(double).
/// extern "C" fn half(x: f64) -> f64 {
///     x / 2.0
/// }
/// let answer = galeed_mpk::host_stack(0, || {
///     let arguments = [84.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
///     // SAFETY: half takes one double and returns one.
///     unsafe { galeed_mpk::call(half as *const () as usize, c"half", [0; 6], arguments) }.xmm0
/// })?;
/// assert_eq!(answer, 42.0);
/// # Ok::<(), galeed_mpk::Error>(())
/// ```
///
/// # Errors
/// No memory, a size beyond 1 GiB, or a kernel older than 6.12 on the pku backend.
pub fn host_stack<R>(bytes: usize, body: impl FnOnce() -> R) -> Result<R, Error> {
    fn switch<F: FnOnce() -> R, R>(bytes: usize, body: F) -> Result<R, Error> {
        let mut task = Task::new(body);
        // SAFETY: run takes exactly this type; the task outlives the call.
        Error::check(unsafe { mpk_host_stack(bytes, Task::<F, R>::run, (&raw mut task).cast()) })?;
        Ok(task.finish())
    }
    switch(bytes, body)
}

/// Calls the foreign function at address `function` on the thread's foreign stack,
/// with rights closed and registers scrubbed. `name` is for reports.
///
/// # Safety
/// `function` must have the C ABI, take at most these arguments (unused ones are
/// 0), return in registers, and keep to them; it must not unwind, nor may anything
/// that it calls jump past this frame.
pub unsafe fn call(
    function: usize,
    name: &'static CStr,
    integers: [u64; 6],
    doubles: [f64; 8],
) -> Returned {
    let call = RawCall {
        function,
        name: name.as_ptr(),
        integers,
        doubles,
    };
    let mut result = Returned::default();
    // SAFETY: both structs are mpk_call.h's; the caller vouches for the function.
    unsafe { mpk_call(&raw const call, &raw mut result) };
    result
}

/// Is the address inside the host domain? Says on which side a frame lies.
#[must_use]
pub fn is_host_address(address: usize) -> bool {
    address.wrapping_sub(ffi::MPK_HOST_BASE) >> ffi::MPK_HOST_SHIFT == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::backtrace::{Backtrace, BacktraceStatus};
    use std::panic::catch_unwind;

    extern "C" fn foreign_sum(a: u64, b: u64, x: f64) -> f64 {
        let here = 0u8;
        assert!(!is_host_address(&raw const here as usize));
        #[allow(clippy::cast_precision_loss)] // small numbers
        let sum = (a + b) as f64 + x;
        sum
    }

    #[test]
    fn host_above_foreign_below() {
        let outcome = host_stack(0, || {
            let here = 0u8;
            assert!(is_host_address(&raw const here as usize));
            // SAFETY: foreign_sum takes these and returns in XMM0.
            let returned = unsafe {
                call(
                    foreign_sum as *const () as usize,
                    c"foreign_sum",
                    [40, 1, 0, 0, 0, 0],
                    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                )
            };
            returned.xmm0
        });
        assert_eq!(outcome, Ok(42.0));
    }

    #[test]
    fn panics_pass_and_the_stack_is_reused() {
        for _ in 0..100 {
            let panic = catch_unwind(|| host_stack(0, || panic!("through")));
            let message = panic.expect_err("the panic came through");
            assert_eq!(message.downcast_ref::<&str>(), Some(&"through"));
        }
    }

    #[test]
    fn backtraces_find_the_way_across() {
        #[inline(never)]
        fn above_the_stack() -> String {
            host_stack(0, || Backtrace::force_capture().to_string()).expect("a host stack")
        }
        let trace = above_the_stack();
        assert_eq!(
            Backtrace::force_capture().status(),
            BacktraceStatus::Captured
        );
        assert!(trace.contains("above_the_stack"), "{trace}");
    }

    #[test]
    fn every_thread_has_its_own() {
        let threads: Vec<_> = (0..8u64)
            .map(|number| {
                std::thread::spawn(move || {
                    host_stack(1 << 20, || {
                        // SAFETY: as above.
                        (0..100)
                            .map(|_| unsafe {
                                call(
                                    foreign_sum as *const () as usize,
                                    c"foreign_sum",
                                    [number, 0, 0, 0, 0, 0],
                                    [0.0; 8],
                                )
                                .xmm0
                            })
                            .sum::<f64>()
                    })
                })
            })
            .collect();
        let sum: f64 = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic").expect("a host stack"))
            .sum();
        assert!((sum - 2800.0).abs() < f64::EPSILON, "{sum}");
    }

    #[test]
    fn a_size_beyond_reason_is_an_error() {
        let error = host_stack(2 << 30, || ()).expect_err("2 GiB");
        assert_eq!(error.code(), ffi::MPK_EINVALID);
    }
}
