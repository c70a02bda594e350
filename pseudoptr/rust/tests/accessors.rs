//! What foreign code may do through pseudo-pointers works, in each form.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::accessors::*;
use common::{foreign, number, outward};
use galeed::{Access, Kind, Rmw, check};

/// One page and more: mapped when lent. Anything smaller is private.
const MAPPED_BYTES: usize = 3 * 4096 + 5;

#[test]
fn every_scalar_size_loads_and_stores() {
    for bytes in [64, MAPPED_BYTES] {
        let mut object: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
        let handle = outward(object.as_ptr());
        assert!(galeed::layout::is_handle(handle));
        let loaded = foreign(|| {
            let at = handle + 3;
            let loaded = [
                galeed_load1(at),
                galeed_load2(at),
                galeed_load4(at),
                galeed_load8(at),
            ];
            galeed_store1(handle + 32, 0x1111_1111_1111_11a1);
            galeed_store2(handle + 34, 0x1111_1111_1111_b2b1);
            galeed_store4(handle + 36, 0x1111_1111_c4c3_c2c1);
            galeed_store8(handle + 40, 0xd8d7_d6d5_d4d3_d2d1);
            loaded
        });
        assert_eq!(loaded, [3, 0x0403, 0x0605_0403, 0x0a09_0807_0605_0403]);
        let stored = [0xa1, 33, 0xb1, 0xb2, 0xc1, 0xc2, 0xc3, 0xc4];
        assert_eq!(object[32..40], stored);
        assert_eq!(
            object[40..48],
            [0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]
        );
        object.clear();
    }
}

#[test]
fn the_last_byte_is_inside_and_the_next_is_not() {
    for bytes in [1, 7, 64, 4095, 4096, MAPPED_BYTES, 1 << 20] {
        let object = vec![7u8; bytes];
        let handle = outward(object.as_ptr());
        let end = handle + bytes as u64;
        assert_eq!(check(end - 1, 1, Access::Write).unwrap(), Ok(()));
        assert_eq!(check(end, 0, Access::Read).unwrap(), Ok(()));
        assert_eq!(check(end, 1, Access::Read).unwrap(), Err(Kind::Spatial));
        assert_eq!(
            check(end - 1, 2, Access::Write).unwrap(),
            Err(Kind::Spatial)
        );
        assert_eq!(
            check(handle - 1, 1, Access::Read).unwrap(),
            Err(Kind::Spatial)
        );
        assert_eq!(
            check(handle, usize::MAX, Access::Read).unwrap(),
            Err(Kind::Spatial)
        );
        assert_eq!(ffi_result(end), number(object.as_ptr()) + bytes as u64);
        assert_eq!(
            ffi_result(end + 1),
            end + 1,
            "a strayed pointer stays a handle"
        );
    }
}

fn ffi_result(handle: u64) -> u64 {
    galeed_gate_result(handle)
}

#[test]
fn one_handle_per_allocation_while_it_lives() {
    let object = vec![1u8; 100];
    let first = outward(object.as_ptr());
    assert_eq!(outward(&raw const object[50]), first + 50);
    assert_eq!(outward(object.as_ptr()), first);
    drop(object);
    assert_eq!(check(first, 1, Access::Read).unwrap(), Err(Kind::Temporal));
    let next = vec![1u8; 100];
    assert_ne!(outward(next.as_ptr()), first);
}

#[test]
fn what_is_not_the_heaps_passes() {
    static STATIC: u32 = 0;
    let dangling = std::ptr::NonNull::<u64>::dangling();
    for pointer in [0, number(&raw const STATIC), u64::MAX] {
        assert_eq!(galeed_gate_argument(pointer), pointer);
    }
    assert_eq!(outward(dangling.as_ptr()), number(dangling.as_ptr()));
}

#[test]
fn bytes_move_between_every_two_kinds_of_memory() {
    let pattern: Vec<u8> = (0..MAPPED_BYTES).map(|i| (i * 7 + i / 251) as u8).collect();
    let mut raw_to = [0u8; 1000];
    let mut raw_from = [0u8; 1000];
    raw_from.copy_from_slice(&pattern[..1000]);
    let mut small = vec![0u8; 1000];
    let mut small_too = vec![0u8; 1000];
    let mut large = vec![0u8; MAPPED_BYTES];
    let (to, from) = (number(raw_to.as_mut_ptr()), number(raw_from.as_ptr()));
    let handles = [
        small.as_mut_ptr(),
        small_too.as_mut_ptr(),
        large.as_mut_ptr(),
    ]
    .map(|pointer| outward(pointer));
    let [private, private_too, mapped] = handles;
    foreign(|| {
        galeed_store_bytes(private, crate_ptr(from), 1000);
        galeed_memmove(private_too, private, 1000);
        galeed_memmove(mapped + 1, private_too, 1000);
        galeed_memmove(mapped + 2001, mapped + 1, 1000);
        galeed_load_bytes(crate_ptr(to), mapped + 2001, 1000);
        galeed_memset(private, 0x5a, 999);
        galeed_memset(mapped + 1, 0xa5, 3);
        galeed_memset(private, 0, 0);
    });
    assert_eq!(raw_to, pattern[..1000]);
    assert!(small[..999].iter().all(|byte| *byte == 0x5a) && small[999] == pattern[999]);
    assert_eq!(small_too, pattern[..1000]);
    assert_eq!(large[..4], [0, 0xa5, 0xa5, 0xa5]);
    assert_eq!(large[4..1001], pattern[3..1000]);
}

fn crate_ptr(number: u64) -> *mut std::ffi::c_void {
    std::ptr::with_exposed_provenance_mut(number as usize)
}

#[test]
fn long_private_leases_move_in_pieces_also_onto_themselves() {
    let pattern: Vec<u8> = (0..MAPPED_BYTES)
        .map(|i| (i * 13 + i / 241) as u8)
        .collect();
    let mut here = [0u8; MAPPED_BYTES]; // on the stack: lent and raw at once
    here.copy_from_slice(&pattern);
    let raw = number(here.as_mut_ptr());
    let lent = galeed::lend_mut(&mut here).unwrap();
    let (handle, bytes) = (lent.handle(), MAPPED_BYTES as u64 - 100);
    foreign(|| galeed_memmove(handle + 100, raw, bytes));
    foreign(|| galeed_memmove(raw, handle + 50, bytes));
    drop(lent);
    let mut expected = pattern.clone();
    expected.copy_within(0..MAPPED_BYTES - 100, 100);
    expected.copy_within(50..MAPPED_BYTES - 50, 0);
    assert!(here == expected[..]);
}

#[test]
fn atomics_work_on_private_mapped_and_raw_memory() {
    let mut raw = 40u64;
    let mut boxed = Box::new(40u64);
    let mut large = vec![0u64; 1024];
    large[0] = 40;
    for pointer in [
        number(&raw mut raw),
        outward(&raw mut *boxed),
        outward(large.as_mut_ptr()),
    ] {
        let (before, seen, failed, done) = foreign(|| {
            let before = galeed_atomic_rmw(pointer, 8, Rmw::GALEED_ADD as u32, 2);
            let seen = galeed_atomic_load(pointer, 8);
            let failed = galeed_atomic_cmpxchg(pointer, 8, 1, 2);
            let done = galeed_atomic_cmpxchg(pointer, 8, 42, 43);
            galeed_atomic_store(pointer + 4, 4, 1);
            (before, seen, failed, done)
        });
        assert_eq!((before, seen, failed, done), (40, 42, 42, 42));
    }
    assert_eq!([raw, *boxed, large[0]], [(1 << 32) + 43; 3]);
}

#[test]
fn realloc_in_place_or_not_the_bounds_are_exact() {
    for (from, to) in [
        (100, 104),
        (104, 100),
        (10_000, 30_000),
        (30_000, 9000),
        (100, 100_000),
    ] {
        let mut object = vec![1u8; from];
        object.shrink_to_fit();
        let before = outward(object.as_ptr());
        if to > from {
            object.reserve_exact(to - from);
        } else {
            object.truncate(to);
            object.shrink_to_fit();
        }
        let now = outward(object.as_ptr());
        let end = now + object.capacity() as u64;
        assert_eq!(
            check(end - 1, 1, Access::Read).unwrap(),
            Ok(()),
            "{from} to {to}"
        );
        assert_eq!(
            check(end, 1, Access::Read).unwrap(),
            Err(Kind::Spatial),
            "{from} to {to}"
        );
        if now != before {
            assert_eq!(check(before, 1, Access::Read).unwrap(), Err(Kind::Temporal));
        } else if to > from {
            let last = foreign(|| {
                galeed_store1(end - 1, 99);
                galeed_load1(end - 1)
            });
            assert_eq!(last, 99, "{from} to {to}");
        }
    }
}

#[test]
fn freeing_ends_range_leases_too() {
    let mut object = vec![3u8; 100];
    let stable = outward(object.as_ptr());
    let part = galeed::lend(&object[10..20]).unwrap();
    let other = galeed::lend(&object[30..40]).unwrap();
    let (part_handle, other_handle) = (part.handle(), other.handle());
    drop(part);
    std::mem::forget(other);
    object.clear();
    assert_eq!(
        check(part_handle, 1, Access::Read).unwrap(),
        Err(Kind::Temporal)
    );
    assert_eq!(check(other_handle + 9, 1, Access::Read).unwrap(), Ok(()));
    drop(object);
    for handle in [stable, other_handle] {
        assert_eq!(check(handle, 1, Access::Read).unwrap(), Err(Kind::Temporal));
    }
}
