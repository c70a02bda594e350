//! Lending, accessing and freeing from several threads at once.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::accessors::*;
use common::{foreign, outward};
use galeed::{Access, Kind, check};
use std::sync::atomic::{AtomicUsize, Ordering};

const THREADS: usize = 4;
const ROUNDS: usize = 400;

#[test]
fn threads_lend_access_and_free() {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let bytes = [16, 100, 3000, 9000][(thread + round) % 4];
                    let mut object = vec![thread as u8; bytes];
                    let handle = outward(object.as_mut_ptr());
                    let end = handle + bytes as u64 - 1;
                    if round % 16 == 0 {
                        let seen = foreign(|| {
                            let seen = galeed_load1(end);
                            galeed_store1(end, 0xaa);
                            seen
                        });
                        assert_eq!((seen, object[bytes - 1]), (thread as u64, 0xaa));
                    }
                    drop(object);
                    assert_eq!(check(handle, 1, Access::Read).unwrap(), Err(Kind::Temporal));
                }
            });
        }
    });
}

#[test]
fn one_allocation_lent_by_many_threads_has_one_handle() {
    for _ in 0..50 {
        let object = vec![1u8; 64];
        let pointer = object.as_ptr().expose_provenance();
        let lend = || galeed_gate_argument(pointer as u64);
        let handles: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(lend)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(handles.iter().all(|handle| *handle == handles[0]));
    }
}

#[test]
fn a_check_never_sees_half_a_lease() {
    // One thread lends and frees at one index, others ask about its handles.
    let stop = AtomicUsize::new(0);
    let latest = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while stop.load(Ordering::Relaxed) == 0 {
                    let handle = latest.load(Ordering::Relaxed);
                    if handle != 0 {
                        let verdict = check(handle + 63, 1, Access::Read).unwrap();
                        assert!(
                            matches!(verdict, Ok(()) | Err(Kind::Temporal)),
                            "{verdict:?}"
                        );
                        let verdict = check(handle + 64, 1, Access::Read).unwrap();
                        let refused = [Err(Kind::Spatial), Err(Kind::Temporal)];
                        assert!(refused.contains(&verdict), "{verdict:?}");
                    }
                }
            });
        }
        for _ in 0..20_000 {
            let object = vec![1u8; 64];
            latest.store(outward(object.as_ptr()), Ordering::Relaxed);
        }
        stop.store(1, Ordering::Relaxed);
    });
}

#[test]
fn a_fork_finds_the_table_free() {
    unsafe extern "C" {
        fn fork() -> i32;
        fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
        fn _exit(status: i32) -> !;
    }
    let stop = AtomicUsize::new(0);
    let statuses: Vec<i32> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Ordering::Relaxed) == 0 {
                let object = vec![1u8; 64];
                std::hint::black_box(outward(object.as_ptr()));
            }
        });
        let forks = (0..20).map(|_| {
            // SAFETY: the child uses the heap and the table, which survive
            // fork, and leaves without running anything else.
            let child = unsafe { fork() };
            if child == 0 {
                // A panic must not unwind into the scope: its thread is not in the child.
                let live = std::panic::catch_unwind(|| {
                    let object = vec![1u8; 64];
                    check(outward(object.as_ptr()), 64, Access::Read) == Ok(Ok(()))
                });
                // SAFETY: ends the child.
                unsafe { _exit(live.map_or(2, |live| i32::from(!live))) };
            }
            let mut status = -1;
            // SAFETY: our own child.
            unsafe { waitpid(child, &raw mut status, 0) };
            status
        });
        let statuses = forks.collect();
        stop.store(1, Ordering::Relaxed);
        statuses
    });
    assert_eq!(statuses, [0; 20]);
}
