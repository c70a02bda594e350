//! Row: panics. Each case leaves rights and leases as they were, or ends the process.

use crate::foreign::*;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

struct Payload(Vec<u8>);

/// A panic whose content was lent to C.
unsafe extern "C-unwind" fn throws(argument: *mut c_void) {
    // SAFETY: the cases pass a Vec.
    let bytes = unsafe { &mut *argument.cast::<Vec<u8>>() };
    bytes.push(1);
    let held = bytes.clone();
    // SAFETY: takes what it is given.
    assert_eq!(
        unsafe { f_sum(held.as_ptr(), held.len()) },
        held.len() as i64
    );
    std::panic::panic_any(Payload(held));
}

/// Rust under C under Rust under C: the inner one looks at the panic and lets it go on.
unsafe extern "C-unwind" fn passes(argument: *mut c_void) {
    let dropped = vec![7u8; 9000];
    // SAFETY: `throws` takes this argument.
    let got = catch_unwind(AssertUnwindSafe(|| unsafe {
        unwinding::f_calls(throws, argument)
    }));
    assert_eq!(dropped.len(), 9000);
    // The call above is over, the outer one is not.
    // SAFETY: asks only.
    assert_eq!(unsafe { galeed_mpk::ffi::mpk_gate_is_foreign() }, 0);
    resume_unwind(got.expect_err("it panicked"));
}

/// The panic does not leave the callback.
unsafe extern "C" fn catches(argument: *mut c_void) {
    // SAFETY: `throws` takes this argument.
    let got = catch_unwind(AssertUnwindSafe(|| unsafe { throws(argument) }));
    assert!(got.is_err());
}

fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn one(call: Passing) -> usize {
    let mut bytes: Vec<u8> = Vec::with_capacity(100);
    let argument = (&raw mut bytes).cast();
    // SAFETY: each `call` takes this argument.
    let got = catch_unwind(AssertUnwindSafe(|| unsafe {
        unwinding::f_calls(call, argument)
    }));
    assert!(!std::thread::panicking());
    let payload = got.expect_err("it panicked").downcast::<Payload>();
    payload.expect("the same payload").0.len() + bytes.len()
}

/// A panic passes C's frames, `catch_unwind` stands around the gate.
pub fn callback() {
    quiet();
    assert_sound("before");
    assert_eq!(one(throws) + one(passes), 4);
    let before = leases();
    for _ in 0..100 {
        assert_eq!(one(throws), 2);
        assert_sound("after a panic under C");
        assert_eq!(one(passes), 2);
        assert_sound("after a panic under C under C");
    }
    assert_eq!(leases(), before, "leases");
    // SAFETY: takes nothing.
    println!("{}", unsafe { f_after_calls() }); // 0: C's frames were left, not gone on with
}

/// A panic that the callback itself catches; C goes on.
pub fn inside() {
    quiet();
    let mut bytes: Vec<u8> = Vec::with_capacity(100);
    // SAFETY: `catches` takes this argument.
    unsafe { f_calls(catches, (&raw mut bytes).cast()) };
    let before = leases();
    // SAFETY: as above.
    unsafe { f_calls(catches, (&raw mut bytes).cast()) };
    assert_sound("after a panic that was caught under C");
    assert_eq!(leases(), before, "leases");
    // SAFETY: takes nothing.
    println!("{} {}", bytes.len(), unsafe { f_after_calls() });
}

/// On another thread, which ends by it.
pub fn thread() {
    quiet();
    assert_sound("before");
    let run = || {
        let mut bytes: Vec<u8> = Vec::with_capacity(100);
        // SAFETY: `throws` takes this argument.
        unsafe { unwinding::f_calls(throws, (&raw mut bytes).cast()) };
    };
    std::thread::spawn(run).join().expect_err("it panicked");
    let before = leases();
    for _ in 0..20 {
        let ended = std::thread::spawn(run).join().expect_err("it panicked");
        assert_eq!(ended.downcast::<Payload>().expect("the payload").0.len(), 1);
    }
    assert_eq!(leases(), before, "leases");
    assert_sound("after threads that panicked under C");
    println!("20");
}

unsafe extern "C" fn closed(_: *mut c_void) {
    panic!("under C, which may not be unwound");
}

/// A callback that Rust declares `extern "C"`: the process ends there.
pub fn closed_callback() {
    // SAFETY: takes no argument.
    let got = catch_unwind(|| unsafe { f_calls(closed, std::ptr::null_mut()) });
    println!("survived {}", got.is_err());
}

struct Twice;
impl Drop for Twice {
    fn drop(&mut self) {
        panic!("the second one");
    }
}

unsafe extern "C-unwind" fn twice(_: *mut c_void) {
    let _held = Twice;
    panic!("the first one");
}

/// A panic while another one unwinds, under C: the process ends.
pub fn double() {
    // SAFETY: takes no argument.
    let got = catch_unwind(|| unsafe { unwinding::f_calls(twice, std::ptr::null_mut()) });
    println!("survived {}", got.is_err());
}

unsafe extern "C-unwind" fn plain(_: *mut c_void) {
    let held = Box::new([1u8; 100]);
    panic!("under C with {} bytes", held.len());
}

/// With the usual hook, which runs under C's frames and may use the heap.
pub fn said() {
    std::panic::set_hook(Box::new(|info| {
        let text = format!("hook: {info}").replace('\n', " ");
        // SAFETY: takes what it is given.
        let sum = unsafe { f_sum(text.as_ptr(), text.len()) };
        assert_eq!(sum, text.bytes().map(i64::from).sum::<i64>());
        eprintln!("{text}");
    }));
    // SAFETY: takes no argument.
    let got = catch_unwind(|| unsafe { unwinding::f_calls(plain, std::ptr::null_mut()) });
    println!("caught {}", got.is_err());
    assert_sound("after a hook under C");
}

/// An exception of C's own meets the gate of a "C-unwind" function.
pub fn foreign() {
    quiet();
    assert_sound("before");
    let mut said = Vec::new();
    let before = leases();
    for _ in 0..10 {
        // SAFETY: takes nothing.
        let got = catch_unwind(|| unsafe { unwinding::f_raises() });
        assert_sound("after an exception of C");
        said.push(
            *got.expect_err("it threw")
                .downcast::<String>()
                .expect("words"),
        );
    }
    assert_eq!(leases(), before, "leases");
    said.dedup();
    println!("{}", said.join("|"));
}

unsafe extern "C-unwind" fn raises_inside(_: *mut c_void) {
    // SAFETY: takes nothing.
    unsafe { unwinding::f_raises() };
}

/// It meets a gate, becomes a panic, and passes C and the next gate as one.
pub fn foreign_twice() {
    quiet();
    // SAFETY: takes no argument.
    let got = catch_unwind(|| unsafe { unwinding::f_calls(raises_inside, std::ptr::null_mut()) });
    println!(
        "{}",
        got.expect_err("it threw")
            .downcast::<String>()
            .expect("words")
    );
    assert_sound("after an exception of C under C");
}

/// It meets the gate of a function that Rust declares `extern "C"`.
pub fn foreign_closed() {
    // SAFETY: none: it throws where Rust was told otherwise.
    unsafe { f_raises() };
    println!("survived");
}

/// A violation in the middle of a callback's own call, dropped to the `catch` there.
unsafe extern "C" fn violates(_: *mut c_void) {
    let bytes = Box::new([0u8; 24]);
    // SAFETY: none: C goes one byte too far.
    let got = galeed::catch(|| unsafe { f_sum(bytes.as_ptr(), 25) });
    assert_eq!(got.expect_err("stopped").kind, galeed::Kind::Spatial);
}

pub fn violation() {
    galeed::set_policy(galeed::Policy::Unwind).expect("the policy can be set");
    assert_sound("before");
    // SAFETY: takes no argument.
    unsafe { f_calls(violates, std::ptr::null_mut()) };
    let before = leases();
    for _ in 0..10 {
        // SAFETY: as above.
        unsafe { f_calls(violates, std::ptr::null_mut()) };
        assert_sound("after a violation under C");
    }
    assert_eq!(leases(), before, "leases");
    println!("10");
}
