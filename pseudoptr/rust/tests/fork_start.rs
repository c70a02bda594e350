//! A fork that is under way while another thread starts the runtime and lends.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::outward;
use galeed::{Access, check};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> i32;
    fn fork() -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
    fn alarm(seconds: u32) -> u32;
    fn _exit(status: i32) -> !;
}

const THREADS: usize = 4;
static LENDING: AtomicUsize = AtomicUsize::new(0);
static STOP: AtomicBool = AtomicBool::new(false);

fn lend_and_free() -> bool {
    let object = vec![1u8; 64];
    check(outward(object.as_ptr()), 64, Access::Read) == Ok(Ok(()))
}

/// The fork has begun: whoever registers handlers now is too late for it.
extern "C" fn start_in_other_threads() {
    for _ in 0..THREADS {
        std::thread::spawn(|| {
            while !STOP.load(Relaxed) {
                assert!(lend_and_free());
                LENDING.fetch_add(1, Relaxed);
            }
        });
    }
    while LENDING.load(Relaxed) < 100 {
        std::thread::yield_now();
    }
}

#[test]
fn the_child_finds_the_table_free() {
    // SAFETY: the handler starts threads, before any lock of the fork is taken.
    let error = unsafe { pthread_atfork(Some(start_in_other_threads), None, None) };
    assert_eq!(error, 0);
    // SAFETY: the child uses the heap and the table, which survive fork, and leaves without
    // running anything else; if it waits for a lock that nobody holds, the alarm ends it.
    let child = unsafe { fork() };
    if child == 0 {
        // SAFETY: no preconditions.
        unsafe { alarm(30) };
        let lent = std::panic::catch_unwind(lend_and_free);
        // SAFETY: ends the child.
        unsafe { _exit(lent.map_or(2, |lent| i32::from(!lent))) };
    }
    let mut status = -1;
    // SAFETY: our own child.
    let ended = unsafe { waitpid(child, &raw mut status, 0) };
    STOP.store(true, Relaxed);
    assert_eq!((ended, status), (child, 0), "14: it waited until the alarm");
}
