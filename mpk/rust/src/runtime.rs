//! What these crates ask of the runtime around them: Rust's `std`, or whatever stands in for it.
//!
//! With feature `std` the functions below are those of `std`. Without it they ask the
//! [`Runtime`] that the program named by [`runtime!`](crate::runtime!), once, as it names a
//! panic handler: a program that names none does not link. The choice is made when the
//! program is linked, and not kept in a variable, since foreign code can write variables.

use alloc::boxed::Box;
use core::any::Any;
use core::ffi::{c_int, c_void};

/// What a panic carries.
pub type Payload = Box<dyn Any + Send>;

unsafe extern "C" {
    fn sched_yield() -> c_int;
    #[link_name = "abort"]
    fn c_abort() -> !;
    fn write(file: c_int, bytes: *const c_void, count: usize) -> isize;
}
#[cfg(not(feature = "std"))]
unsafe extern "Rust" {
    // What `runtime!` defines.
    safe fn galeed_runtime() -> &'static dyn Runtime;
}

fn write_to_stderr(line: &[u8]) {
    // SAFETY: the bytes are readable. A failed write leaves nowhere to say so.
    let _ = unsafe { write(2, line.as_ptr().cast(), line.len()) };
}

/// In place of `std`. What a method does unless it is written otherwise, the C library does.
///
/// `say` and `abort` may be called where every right is closed, also in a signal handler: they
/// must neither allocate nor read the heap, nor take locks.
pub trait Runtime: Sync {
    /// Lets other threads run: called when a lock is held for long.
    fn yield_now(&self) {
        // SAFETY: no preconditions.
        unsafe {
            sched_yield();
        }
    }

    /// The last words before the end, or a warning: a line or several, complete.
    fn say(&self, line: &[u8]) {
        write_to_stderr(line);
    }

    /// Ends the process.
    fn abort(&self) -> ! {
        // SAFETY: no preconditions.
        unsafe { c_abort() }
    }

    /// Runs `body`; `Err` is the panic that ended it. Without a way to stop a panic, which
    /// Rust has in `std` alone, none comes back: the panic handler has the last word.
    ///
    /// # Errors
    /// `body` panicked, and this runtime could stop that.
    fn catch_panic(&self, body: &mut dyn FnMut()) -> Result<(), Payload> {
        body();
        Ok(())
    }

    /// A panic that [`catch_panic`](Self::catch_panic) stopped goes on.
    fn resume_panic(&self, _payload: Payload) -> ! {
        self.abort()
    }
}

/// The C library, and no way to stop a panic: for programs that are built with `panic = "abort"`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libc;
impl Runtime for Libc {}

/// Names the program's [`Runtime`], once, where the crates are built without feature `std`:
/// `galeed_mpk::runtime!(galeed_mpk::Libc);`. The value must be a constant.
#[macro_export]
macro_rules! runtime {
    ($value:expr) => {
        const _: () = {
            #[unsafe(no_mangle)]
            fn galeed_runtime() -> &'static dyn $crate::Runtime {
                // A constant without interior mutability: in memory that is never written.
                const { &$value }
            }
        };
    };
}

/// Runs `body`, as [`Runtime::catch_panic`] says.
///
/// # Errors
/// The panic of `body`.
pub fn catch_panic<R>(body: impl FnOnce() -> R) -> Result<R, Payload> {
    #[cfg(feature = "std")]
    return std::panic::catch_unwind(core::panic::AssertUnwindSafe(body));
    #[cfg(not(feature = "std"))]
    {
        let (mut body, mut result) = (Some(body), None);
        galeed_runtime().catch_panic(&mut || result = body.take().map(|body| body()))?;
        Ok(result.expect("catch_panic of the runtime runs its body"))
    }
}

/// The panic goes on.
pub fn resume_panic(payload: Payload) -> ! {
    #[cfg(feature = "std")]
    std::panic::resume_unwind(payload);
    #[cfg(not(feature = "std"))]
    galeed_runtime().resume_panic(payload)
}

/// As [`Runtime::yield_now`] says.
pub fn yield_now() {
    #[cfg(feature = "std")]
    std::thread::yield_now();
    #[cfg(not(feature = "std"))]
    galeed_runtime().yield_now();
}

/// As [`Runtime::say`] says, with `std` on stderr, by one system call.
pub fn say(line: &[u8]) {
    #[cfg(feature = "std")]
    write_to_stderr(line);
    #[cfg(not(feature = "std"))]
    galeed_runtime().say(line);
}

/// As [`Runtime::abort`] says.
pub fn abort() -> ! {
    #[cfg(feature = "std")]
    std::process::abort();
    #[cfg(not(feature = "std"))]
    galeed_runtime().abort()
}
