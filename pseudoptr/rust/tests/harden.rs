//! A hardened process: pages change hands no more, and lending goes on.

mod common;

use common::*;
use galeed::{Access, HardenParts, Kind, check};

#[test]
fn large_buffers_are_lent_after_hardening() {
    let before = vec![1u8; 100_000];
    let early = outward(before.as_ptr());
    // Not seal: the heap of a test harness may outgrow what is made ready.
    let report = galeed::harden(&"dump,syscalls,fork".parse().expect("parts")).expect("can be had");
    assert!(
        report
            .applied
            .contains(HardenParts::SYSCALLS | HardenParts::FORK)
    );
    let after = vec![2u8; 100_000];
    let late = outward(after.as_ptr());
    for handle in [early, late] {
        assert_eq!(check(handle + 99_999, 1, Access::Write), Ok(Ok(())));
        assert_eq!(
            check(handle + 100_000, 1, Access::Read),
            Ok(Err(Kind::Spatial))
        );
    }
    drop(before);
    drop(after);
    assert_eq!(check(early, 1, Access::Read), Ok(Err(Kind::Temporal)));
    assert_eq!(check(late, 1, Access::Read), Ok(Err(Kind::Temporal)));
    a_forks_child_gets_as_far_as_exit();
}

fn a_forks_child_gets_as_far_as_exit() {
    unsafe extern "C" {
        fn fork() -> i32;
        fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
        fn _exit(status: i32) -> !;
    }
    // SAFETY: the child leaves at once.
    let child = unsafe { fork() };
    if child == 0 {
        // SAFETY: ends the child.
        unsafe { _exit(7) };
    }
    let mut status = -1;
    // SAFETY: our own child.
    unsafe { waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 7 << 8);
}
