//! What stands in for std here: the program's own output and end, and jumps of C that a panic
//! can be stopped by.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::ffi::{c_int, c_long, c_void};
use galeed::runtime::Payload;

unsafe extern "C" {
    // main.c
    fn host_say(bytes: *const u8, count: usize);
    fn host_end(code: c_int) -> !;
    fn host_try(body: extern "C" fn(*mut c_void), argument: *mut c_void) -> c_int;
    fn host_jump() -> !;
    fn host_jump_waits() -> c_int;
}

struct Own;

/// The words of the panic that jumps, for its payload. One thread.
static mut WORDS: Option<Payload> = None;

impl galeed::Runtime for Own {
    fn say(&self, line: &[u8]) {
        // SAFETY: reads the bytes.
        unsafe { host_say(line.as_ptr(), line.len()) }
    }

    fn abort(&self) -> ! {
        // SAFETY: ends the process.
        unsafe { host_end(70) }
    }

    fn catch_panic(&self, mut body: &mut dyn FnMut()) -> Result<(), Payload> {
        extern "C" fn run(body: *mut c_void) {
            // SAFETY: the reference below.
            unsafe { (*body.cast::<&mut dyn FnMut()>())() }
        }
        // SAFETY: runs the body; what a panic jumps over owns nothing in these tests.
        if unsafe { host_try(run, (&raw mut body).cast()) } == 0 {
            return Ok(());
        }
        // SAFETY: this thread's panic has just filled it.
        Err(unsafe { (*(&raw mut WORDS)).take() }.expect("a panic jumped"))
    }

    fn resume_panic(&self, payload: Payload) -> ! {
        // SAFETY: one thread.
        unsafe {
            *(&raw mut WORDS) = Some(payload);
            host_jump()
        }
    }
}

galeed::runtime!(Own);

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: a question.
    if unsafe { host_jump_waits() } == 0 {
        galeed::library::panicked(info)
    }
    galeed::runtime::resume_panic(Box::new(info.message().to_string()))
}

/// 1000 and the length of what the panic said.
#[unsafe(no_mangle)]
pub extern "C" fn panic_caught(divisor: c_long) -> c_long {
    galeed::library::enter(|| {
        let outcome = galeed::runtime::catch_panic(|| {
            // Through galeed's own way back for violations, too.
            galeed::catch(|| 100_i64.checked_div(divisor).expect("a divisor")).map_or(-1, |n| n)
        });
        match outcome {
            Ok(value) => value,
            Err(payload) => {
                let words = payload.downcast::<alloc::string::String>();
                1000 + words.map_or(0, |words| words.len() as c_long)
            }
        }
    })
}
