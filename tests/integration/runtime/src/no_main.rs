//! Row: start-up without Rust's: C's start calls `main`, and nothing of std was prepared.
#![no_main]

#[allow(dead_code)] // the other program uses the rest
mod foreign;

use foreign::*;
use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

static SUM: AtomicI64 = AtomicI64::new(0);
static AT: AtomicPtr<Vec<u8>> = AtomicPtr::new(std::ptr::null_mut());

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn raise(number: c_int) -> c_int;
}

extern "C" fn reads_heap(_: c_int) {
    // SAFETY: the Vec was leaked.
    let bytes = unsafe { &*AT.load(Ordering::Relaxed) };
    SUM.fetch_add(
        bytes.iter().map(|&each| i64::from(each)).sum(),
        Ordering::Relaxed,
    );
}

/// # Safety
/// The C library calls it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: c_int, list: *const *const c_char) -> c_int {
    AT.store(Box::leak(Box::new(vec![1u8; 50])), Ordering::Relaxed);
    // SAFETY: the handler reads what was leaked. A gate comes first: on pku the fault handler that
    // grants a signal handler its rights is there from then on, or from when std installs its own.
    unsafe {
        assert_eq!(f_born(), 3);
        signal(10, reads_heap);
        raise(10);
    }
    let mut out = vec![0u8; 4096];
    // SAFETY: takes what it is given: the arguments as the kernel left them.
    let used = unsafe { f_args(count, list, out.as_mut_ptr(), out.len()) };
    out.truncate(usize::try_from(used).expect("room"));
    let wanted: String = std::env::args().map(|word| word + "\n").collect();
    assert_eq!(String::from_utf8(out).expect("UTF-8"), wanted);
    let joined =
        std::thread::spawn(|| std::panic::catch_unwind(|| panic!("caught")).is_err()).join();
    println!(
        "{} {} {}",
        SUM.load(Ordering::Relaxed),
        std::env::args().len(),
        joined.expect("it ends")
    );
    assert_sound("at the end");
    5
}
