//! Rust as the host of rewritten C++: one scenario a name, in a process of its own.

use galeed::catch;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

mod rows;

type Call = unsafe extern "C-unwind" fn(*mut c_void) -> c_long;

unsafe extern "C-unwind" {
    fn may_throw(numbers: *const c_long, count: usize, kind: c_int) -> c_long;
    fn calls_back(call: Call, argument: *mut c_void, log: *mut c_long, how: c_int) -> c_long;
}

mod closed {
    use super::*;
    unsafe extern "C" {
        pub fn breaks(log: *mut c_long, at: usize, place: c_int) -> c_long;
        pub fn still_throws(log: *mut c_long) -> c_long;
        pub fn born_before_main() -> c_long;
        pub fn of_this_thread(log: *mut c_long, add: c_long) -> c_long;
        pub fn casts(room: *mut c_void, bytes: usize) -> c_long;
        pub fn contains(
            room: *mut c_void,
            bytes: usize,
            text: *const c_char,
            what: c_int,
        ) -> c_long;
        pub fn starts_thread(log: *mut c_long) -> c_long;
        pub fn ends_thread(log: *mut c_long) -> c_long;
    }
    pub mod throwing {
        use super::*;
        // As most Rust declares C: nothing may come out of it but a result.
        #[allow(clashing_extern_declarations)]
        unsafe extern "C" {
            pub fn may_throw(numbers: *const c_long, count: usize, kind: c_int) -> c_long;
        }
    }
}
use closed::*;

struct Dropped<'a>(&'a mut c_long);
impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        *self.0 += 1;
    }
}

/// A frame of Rust that holds something, between C++ and C++.
///
/// # Safety
/// `call` takes `argument`; `dropped` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn rust_passes(
    call: Call,
    argument: *mut c_void,
    dropped: *mut c_long,
) -> c_long {
    // SAFETY: the caller's promise.
    let _held = Dropped(unsafe { &mut *dropped });
    let boxed = vec![1u8; 100];
    // SAFETY: the caller's promise.
    let got = unsafe { call(argument) };
    got + boxed.len() as c_long - 100
}

unsafe extern "C-unwind" fn panics(argument: *mut c_void) -> c_long {
    // SAFETY: `panic` below passes a Vec.
    let numbers = unsafe { &mut *argument.cast::<Vec<c_long>>() };
    let held = numbers.clone();
    numbers.push(7);
    std::panic::panic_any(held);
}

/// A panic in a callback passes the frames of C++ and comes out behind the gate.
fn panic(how: c_int) -> c_long {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut numbers, mut log) = (vec![1 as c_long, 2], Box::new(0 as c_long));
    let argument = (&raw mut numbers).cast();
    for round in 1..4 {
        // SAFETY: `panics` takes this argument.
        let got = catch_unwind(AssertUnwindSafe(|| unsafe {
            calls_back(panics, argument, &raw mut *log, how)
        }));
        let payload = got.expect_err("it panicked");
        let held = payload.downcast::<Vec<c_long>>().expect("the same payload");
        assert_eq!(held.len(), 1 + round);
        assert!(!std::thread::panicking());
    }
    assert_eq!(numbers.len(), 5);
    *log
}

/// A violation passes frames of C++ by a jump; afterwards all is in order but what those held.
fn violation(place: c_int) -> c_long {
    galeed::set_policy(galeed::Policy::Unwind).expect("the policy can be set");
    let mut log = vec![0 as c_long; 4];
    let mut seen = 0;
    for _ in 0..3 {
        let pointer = log.as_mut_ptr();
        // SAFETY: none: it writes behind what it was lent.
        let stopped = catch(|| unsafe { breaks(pointer, 4, place) });
        assert_eq!(stopped.expect_err("stopped").kind, galeed::Kind::Spatial);
        log[0] = 0;
        // SAFETY: takes what it is given.
        seen = unsafe { still_throws(log.as_mut_ptr()) };
    }
    assert_eq!(log, [4, 0, 0, 0]);
    seen
}

fn escape(closed: bool) -> c_long {
    let numbers = vec![1 as c_long, 2];
    // SAFETY: none: C++ throws where Rust was told otherwise, or where nobody catches.
    unsafe {
        if closed {
            closed::throwing::may_throw(numbers.as_ptr(), 2, 1)
        } else {
            std::panic::set_hook(Box::new(|_| {}));
            for kind in 1..4 {
                let got = catch_unwind(|| may_throw(numbers.as_ptr(), 2, kind));
                let payload = got.expect_err("it threw").downcast::<String>();
                println!("{}", payload.expect("words"));
            }
            may_throw(numbers.as_ptr(), 2, 0)
        }
    }
}

fn threads() -> c_long {
    let mut log = vec![1 as c_long];
    // SAFETY: takes what it is given.
    unsafe {
        of_this_thread(log.as_mut_ptr(), 1);
        for _ in 0..3 {
            std::thread::spawn(|| {
                let mut log = vec![5 as c_long];
                assert_eq!(of_this_thread(log.as_mut_ptr(), 2), 7);
                assert_eq!(of_this_thread(log.as_mut_ptr(), 1), 13);
            })
            .join()
            .expect("the thread ends well");
        }
        of_this_thread(log.as_mut_ptr(), 0)
    }
}

fn room(bytes: usize, text: &str, what: c_int) -> c_long {
    let mut room = vec![0u64; bytes / 8];
    let text = std::ffi::CString::new(text).expect("no NUL");
    // SAFETY: takes what it is given.
    unsafe { contains(room.as_mut_ptr().cast(), bytes, text.as_ptr(), what) }
}

/// # Safety
/// name: a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rust_scenario(name: *const c_char) -> c_long {
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_str().expect("UTF-8");
    let (name, number) = name.split_once('=').unwrap_or((name, "0"));
    let number: c_int = number.parse().expect("a number");
    match name {
        "panic" => panic(number),
        "violation" => violation(number),
        "escape-closed" => escape(true),
        "escape-caught" => escape(false),
        // SAFETY: takes nothing.
        "early" => unsafe { born_before_main() },
        "threads" => threads(),
        "casts" => {
            let mut room = vec![0u64; number as usize];
            // SAFETY: takes what it is given.
            unsafe { casts(room.as_mut_ptr().cast(), room.len() * 8) }
        }
        // Small ones are private leases, those of a page or more are mapped.
        "contains" => room(3000, "aba cad abra", number),
        "contains-mapped" => room(65536, &"aba cad abra".repeat(40), number),
        "starts-thread" => {
            let mut log = vec![42 as c_long];
            // SAFETY: takes what it is given.
            unsafe { starts_thread(log.as_mut_ptr()) }
        }
        "ends-thread" => {
            let thread = std::thread::spawn(|| {
                let mut log = vec![0 as c_long];
                // SAFETY: none: it does not return, and Rust was not told.
                unsafe { ends_thread(log.as_mut_ptr()) }
            });
            thread.join().expect("never")
        }
        "exits" => rows::exits(number),
        "handler" => rows::handler(),
        "interrupts" => rows::interrupts(),
        "throws-in-handler" => rows::throws_in_handler(),
        "thread-ends" => rows::thread_ends(number != 0),
        "task" => rows::task(number),
        "turns" => rows::turns(),
        "its-mutex" => rows::its_mutex(),
        "lent-mutex" => rows::lent_mutex(),
        other => panic!("no scenario {other}"),
    }
}
