//! The host's stack is lent as one lease of its thread: C gets handles for what lies in host
//! frames, reads pointers through them by the membrane, and loses them when the thread ends.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::accessors::*;
use common::{foreign, number, outward};
use galeed::host::{galeed_live_leases, galeed_revoke};
use galeed::layout::{index_of, is_handle};
use galeed::{Access, Kind, check};
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

/// Runs a test on a thread of its own whose end, and its lease's, is waited for; one at a time,
/// since one of them counts leases.
fn alone(test: impl FnOnce() + Send) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(panic) = std::thread::scope(|scope| scope.spawn(test).join()) {
        std::panic::resume_unwind(panic);
    }
}

/// What hosts keep on their stack for C: z_stream and its like.
#[repr(C)]
struct Stream {
    next: *mut u8,
    end: *mut u8,
    count: u64,
}

#[test]
fn a_struct_on_the_stack_is_reached_by_handle_and_its_pointers_cross_both_ways() {
    alone(|| {
        let mut buffer = vec![5u8; 100];
        let next = buffer.as_mut_ptr();
        let mut stream = Stream {
            next,
            end: std::ptr::null_mut(),
            count: 7,
        };
        let raw = number(&raw const stream);
        let place = outward(&raw mut stream);
        assert!(is_handle(place));
        assert_eq!(place & 0xfff, raw & 0xfff, "as aligned as it is");
        let (lent, byte, count) = foreign(|| {
            let lent = galeed_load_pointer(place);
            let count = galeed_load8(place + 16);
            galeed_store8(place + 16, count + 1);
            galeed_store_pointer(place + 8, lent + 99);
            (lent, galeed_load1(lent + 99), count)
        });
        assert!(is_handle(lent));
        assert_eq!(
            lent,
            outward(next),
            "the one handle that the allocation has"
        );
        assert_eq!((byte, count), (5, 7));
        // SAFETY: plain reads of what foreign code wrote into this frame.
        let (end, count) = unsafe {
            let read = std::hint::black_box(&raw const stream);
            (
                (&raw const (*read).end).read_volatile(),
                (&raw const (*read).count).read_volatile(),
            )
        };
        assert_eq!((end, count), (next.wrapping_add(99), 8));
    });
}

#[test]
fn an_address_of_the_stack_has_one_handle_and_comes_back_as_itself() {
    alone(|| {
        extern "C" fn told(pointer: *mut u64) -> u64 {
            // SAFETY: the test passes its own variable, turned back.
            unsafe { *pointer += 1 };
            number(pointer)
        }
        let mut variable = 41u64;
        let raw = number(&raw mut variable);
        let first = outward(&raw mut variable);
        foreign(|| ());
        assert_eq!(outward(&raw mut variable), first, "C compares addresses");
        assert_eq!(galeed_gate_result(first), raw);
        let code = galeed_gate_argument(told as *const c_void as u64);
        let seen = foreign(|| {
            let mut frame = 0u8;
            let token = (&raw mut frame).cast::<c_void>();
            // SAFETY: paired; the handle stands for `told`.
            unsafe {
                let function: extern "C" fn(u64) -> u64 =
                    std::mem::transmute(galeed_callback_enter(code, token));
                let seen = function(galeed_callback_argument(first));
                galeed_callback_exit(token);
                seen
            }
        });
        assert_eq!((seen, std::hint::black_box(variable)), (raw, 42));
    });
}

#[test]
fn the_stack_of_foreign_frames_stays_raw() {
    alone(|| {
        let host = Box::new(0u64);
        let mut kept = number(&raw const *host);
        let host_frame = outward(&raw mut kept);
        let (local, stored) = foreign(|| {
            let local = number(&raw const host_frame); // captured: a host frame's
            let own = 0u64;
            let own = number(std::hint::black_box(&raw const own));
            galeed_store_pointer(host_frame, own);
            ((local, own), galeed_load_pointer(host_frame))
        });
        assert!(local.0 > local.1);
        assert_eq!(stored, local.1, "C's own frame lies below the gate: raw");
        assert_eq!(std::hint::black_box(kept), local.1);
    });
}

#[test]
fn other_memory_than_host_frames_is_not_lent() {
    alone(|| {
        static WORD: u64 = 0;
        let raw = number(&raw const WORD);
        assert_eq!(outward(&raw const WORD), raw);
        let foreign_stack = std::thread::spawn(|| {
            let there = 0u64;
            number(std::hint::black_box(&raw const there))
        });
        let dead = foreign_stack.join().unwrap();
        assert_eq!(galeed_gate_argument(dead), dead);
    });
}

#[test]
fn a_stack_can_not_be_revoked() {
    alone(|| {
        let variable = 1u64;
        let handle = outward(&raw const variable);
        assert_ne!(galeed_revoke(handle), 0);
        assert_eq!(check(handle, 8, Access::Write).unwrap(), Ok(()));
    });
}

#[test]
fn the_lease_ends_with_its_thread() {
    alone(|| {
        let handle = std::thread::spawn(|| {
            let variable = 3u64;
            let handle = outward(std::hint::black_box(&raw const variable));
            assert_eq!(foreign(|| galeed_load8(handle)), 3);
            assert_eq!(check(handle, 8, Access::Write).unwrap(), Ok(()));
            handle
        })
        .join()
        .unwrap();
        assert!(is_handle(handle));
        assert_eq!(check(handle, 8, Access::Read).unwrap(), Err(Kind::Temporal));
        galeed::set_policy(galeed::Policy::Unwind).unwrap();
        let found =
            galeed::catch(|| foreign(|| galeed_store8(handle, 9))).expect_err("not refused");
        assert_eq!(
            (found.kind, found.access, found.lease),
            (
                Kind::Temporal,
                Some(Access::Write),
                Some(index_of(handle).into())
            )
        );
    });
}

#[test]
fn ten_thousand_threads_leave_no_leases() {
    alone(|| {
        let one = || {
            std::thread::spawn(|| {
                let variable = 1u64;
                let handle = outward(std::hint::black_box(&raw const variable));
                (is_handle(handle), galeed_live_leases())
            })
            .join()
            .unwrap()
        };
        one();
        let before = galeed_live_leases();
        for _ in 0..10_000 {
            let (lent, during) = one();
            assert!(lent);
            assert_eq!(during, before + 1, "the thread's own");
        }
        assert_eq!(galeed_live_leases(), before);
    });
}
