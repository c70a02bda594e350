//! Pointers are lent as they cross outward and turned back as they cross
//! inward, between host memory and foreign code, and nowhere else.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::accessors::*;
use common::{call_back, foreign, number, outward};
use galeed::layout::is_handle;
use std::ffi::c_void;

/// A struct as Rust lends to C: z_stream and its like.
#[repr(C)]
struct Stream {
    next: *mut u8,
    callback: Option<extern "C" fn(u64) -> u64>,
}

extern "C" fn triple(value: u64) -> u64 {
    // Allocates: needs the host's rights.
    let boxed = Box::new(value);
    *std::hint::black_box(boxed) * 3
}

#[test]
fn pointers_in_heap_and_stack_objects_cross_both_ways() {
    let mut buffer = vec![5u8; 100];
    let in_heap = Box::new(Stream {
        next: buffer.as_mut_ptr(),
        callback: None,
    });
    let on_stack = Stream {
        next: buffer.as_mut_ptr(),
        callback: None,
    };
    let raw = number(buffer.as_ptr());
    for place in [outward(&raw const *in_heap), outward(&raw const on_stack)] {
        let (lent, byte, inward) = foreign(|| {
            let lent = galeed_lend_loaded(place, raw);
            (
                lent,
                galeed_load1(lent + 99),
                galeed_unlend_stored(place, lent + 7),
            )
        });
        assert_eq!(lent, outward(buffer.as_ptr()));
        assert_eq!((byte, inward), (5, raw + 7));
    }
}

#[test]
fn a_host_address_found_in_foreign_memory_stays_out_of_reach() {
    static mut STALE: u64 = 0;
    let buffer = vec![5u8; 100];
    let handle = outward(buffer.as_ptr());
    let raw = number(buffer.as_ptr());
    let place = &raw mut STALE as u64;
    let (outward, inward) = foreign(|| {
        let local = 0u64; // below the gate: C's own frame
        let own = number(&raw const local);
        (
            [galeed_lend_loaded(place, raw), galeed_lend_loaded(own, raw)],
            [
                galeed_unlend_stored(place, handle),
                galeed_unlend_stored(own, handle),
            ],
        )
    });
    assert_eq!(outward, [raw; 2]);
    assert_eq!(inward, [handle; 2]);
}

#[test]
fn dead_and_strayed_handles_are_not_turned_back() {
    let keep = Box::new([0u64; 2]);
    let buffer = vec![5u8; 100];
    let handle = outward(buffer.as_ptr());
    let place = outward(&raw const *keep);
    let raw = number(buffer.as_ptr());
    let end = foreign(|| galeed_unlend_stored(place, handle + 100));
    let strayed = foreign(|| galeed_unlend_stored(place, handle + 101));
    drop(buffer);
    let dead = foreign(|| galeed_unlend_stored(place, handle));
    assert_eq!((end, strayed, dead), (raw + 100, handle + 101, handle));
    assert_eq!(galeed_gate_result(handle), handle);
}

#[test]
fn an_address_in_no_live_allocation_is_not_lent() {
    let keep = Box::new(0u64);
    let place = outward(&raw const *keep);
    let freed = Box::new([0u8; 64]);
    let raw = number(&raw const *freed);
    drop(freed);
    assert_eq!(foreign(|| galeed_lend_loaded(place, raw)), raw);
    assert_eq!(galeed_gate_argument(raw), raw);
}

#[test]
fn functions_are_lent_as_code_and_called_through_the_gate() {
    let stream = Stream {
        next: std::ptr::null_mut(),
        callback: Some(triple),
    };
    assert!(stream.next.is_null() && stream.callback.is_some());
    let handle = galeed_gate_argument(triple as *const c_void as u64);
    assert!(is_handle(handle));
    assert_eq!(galeed_gate_argument(triple as *const c_void as u64), handle);
    let place = outward(&raw const stream);
    let loaded = foreign(|| galeed_lend_loaded(place, triple as *const c_void as u64));
    assert_eq!(loaded, handle);
    let result = foreign(|| call_back(loaded, 14));
    assert_eq!(result, 42);
    assert_eq!(galeed_gate_result(handle), triple as *const c_void as u64);
}

#[test]
fn a_callback_may_free_what_foreign_code_still_holds() {
    extern "C" fn free_it(vector: *mut Vec<u8>) {
        // SAFETY: the test passes its own vector, turned back.
        unsafe { *vector = Vec::new() };
    }
    let mut vector = vec![1u8; 50];
    let buffer = outward(vector.as_ptr());
    let owner = galeed_gate_argument(number(&raw mut vector));
    let code = galeed_gate_argument(free_it as *const c_void as u64);
    foreign(|| call_back(code, owner));
    let verdict = galeed::check(buffer, 1, galeed::Access::Read).unwrap();
    assert_eq!(verdict, Err(galeed::Kind::Temporal));
}

#[test]
fn an_address_that_came_to_another_object_is_lent_as_that() {
    let keep = Box::new([0u64; 2]);
    let place = outward(&raw const *keep);
    for bytes in [100, 9000] {
        let first = vec![1u8; bytes];
        let raw = number(first.as_ptr());
        let before = foreign(|| galeed_lend_loaded(place, raw));
        assert_eq!(foreign(|| galeed_lend_loaded(place, raw)), before);
        assert_eq!(foreign(|| galeed_unlend_stored(place, before)), raw);
        drop(first);
        assert_eq!(foreign(|| galeed_lend_loaded(place, raw)), raw);
        let others: Vec<_> = (0..64).map(|_| vec![2u8; bytes]).collect();
        let second = others.iter().find(|it| number(it.as_ptr()) == raw);
        let after = foreign(|| galeed_lend_loaded(place, raw));
        assert_eq!(second.map(|it| outward(it.as_ptr())), Some(after));
        assert_ne!(after, before);
        assert_eq!(foreign(|| galeed_unlend_stored(place, before)), before);
    }
}

#[test]
fn addresses_beside_a_known_one_are_lent_as_the_same_object_and_no_further() {
    let keep = Box::new([0u64; 2]);
    let place = outward(&raw const *keep);
    let vector = vec![1u8; 20_000];
    let raw = number(vector.as_ptr());
    let first = foreign(|| galeed_lend_loaded(place, raw + 5)) - 5;
    for offset in [0, 1, 6, 4095, 4096, 19_999, 20_000] {
        assert_eq!(
            foreign(|| galeed_lend_loaded(place, raw + offset)),
            first + offset
        );
    }
    assert_eq!(
        foreign(|| galeed_lend_loaded(place, raw - 1)),
        outward((raw - 1) as *const u8)
    );
    // A lease of a part, begun at the index that the whole one had: not what the address means.
    drop(vector);
    let other = vec![1u8; 20_000];
    let part = galeed::lend(&other[8..16]).unwrap();
    let stable = foreign(|| galeed_lend_loaded(place, number(other.as_ptr()) + 9));
    assert_ne!(stable, part.handle() + 1);
    assert_eq!(stable, outward(other.as_ptr()) + 9);
}

#[test]
fn what_was_cut_off_is_not_lent_as_before() {
    let keep = Box::new([0u64; 2]);
    let place = outward(&raw const *keep);
    let mut vector = vec![1u8; 200_000];
    let (kept, cut) = (
        number(vector.as_ptr()) + 7,
        number(vector.as_ptr()) + 190_000,
    );
    let handles = foreign(|| [kept, cut].map(|raw| galeed_lend_loaded(place, raw)));
    assert!(handles.iter().all(|handle| is_handle(*handle)));
    vector.truncate(100_000);
    vector.shrink_to_fit();
    if number(vector.as_ptr()) + 7 == kept {
        assert_eq!(foreign(|| galeed_lend_loaded(place, kept)), handles[0]);
    }
    assert_eq!(foreign(|| galeed_lend_loaded(place, cut)), cut);
    assert_eq!(
        foreign(|| galeed_unlend_stored(place, handles[1])),
        handles[1]
    );
}

#[test]
fn an_address_of_a_frame_is_lent_only_while_the_frame_is_the_hosts() {
    extern "C" fn lend_own_frame(place: *mut u64) {
        let local = 5u64;
        // SAFETY: the test passes a place of its own, turned back.
        unsafe { *place = galeed_gate_argument(number(std::hint::black_box(&raw const local))) };
    }
    let mut lent = Box::new(0u64);
    let keep = Box::new([0u64; 2]);
    let place = outward(&raw const *keep);
    let out = galeed_gate_argument(number(&raw mut *lent));
    let code = galeed_gate_argument(lend_own_frame as *const c_void as u64);
    foreign(|| call_back(code, out));
    let handle = std::hint::black_box(*lent);
    assert!(is_handle(handle));
    let stack = outward(&raw const handle);
    let raw = number(&raw const handle) - (stack - handle);
    assert_eq!(foreign(|| galeed_lend_loaded(place, raw)), raw);
}
