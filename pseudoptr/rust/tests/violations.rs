//! What foreign code may not do is refused with the exact diagnosis, and the
//! program goes on behind `catch`.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::accessors::*;
use common::{FUNCTION, foreign, number, outward};
use galeed::layout::{Class, encode, generation_of, index_of};
use galeed::{Access, Kind, Policy, Violation};
use std::ffi::c_void;

/// A value that is never reached.
fn ignore(_: u64) {}

fn violation(body: impl FnOnce()) -> Violation {
    galeed::set_policy(Policy::Unwind).unwrap();
    let outcome = galeed::catch(|| foreign(body));
    outcome.expect_err("not refused")
}

#[test]
fn spatial_by_one_and_the_neighbour_is_intact() {
    for bytes in [24usize, 4096, 10_000] {
        let mut object = vec![1u8; bytes];
        let neighbour = vec![2u8; bytes];
        let handle = outward(object.as_mut_ptr());
        let end = handle + bytes as u64;
        let found = violation(|| galeed_store4(end - 3, 0));
        assert_eq!(
            (found.kind, found.access),
            (Kind::Spatial, Some(Access::Write))
        );
        assert_eq!(
            (found.offset, found.bound),
            (bytes as i64 - 3, bytes as u64)
        );
        assert_eq!(found.bytes, 4);
        assert_eq!(found.handle, end - 3);
        assert_eq!(found.lease, Some(index_of(handle).into()));
        assert_eq!(found.mapped, bytes >= 4096);
        assert_eq!(found.allocation, number(object.as_ptr()));
        assert_eq!(found.allocation_bytes, bytes as u64);
        assert_eq!(found.function.as_deref(), FUNCTION.to_str().ok());
        assert_ne!(found.pc, 0);
        let found = violation(|| ignore(galeed_load1(handle - 1)));
        assert_eq!((found.kind, found.offset), (Kind::Spatial, -1));
        let found = violation(|| galeed_memset(handle, 9, bytes as u64 + 1));
        assert_eq!((found.kind, found.bytes), (Kind::Spatial, bytes as u64 + 1));
        let from = [3u8; 64];
        let raw = number(from.as_ptr());
        let found = violation(|| galeed_memmove(end - 1, raw, u64::from(u32::MAX)));
        assert_eq!(
            (found.kind, found.bytes),
            (Kind::Spatial, u64::from(u32::MAX))
        );
        assert!(object.iter().all(|byte| *byte == 1));
        assert!(neighbour.iter().all(|byte| *byte == 2));
        assert!(
            found
                .to_string()
                .starts_with("spatial violation in planted: write of")
        );
        let lease = format!(" of lease #{} (", index_of(handle));
        assert!(found.to_string().contains(&lease), "{found}");
    }
}

#[test]
fn temporal_after_drop_even_when_the_memory_is_reused() {
    for bytes in [40usize, 8192] {
        let object = vec![1u8; bytes];
        let handle = outward(object.as_ptr());
        drop(object);
        let found = violation(|| ignore(galeed_load8(handle)));
        assert_eq!(
            (found.kind, found.access),
            (Kind::Temporal, Some(Access::Read))
        );
        let reused = vec![2u8; bytes];
        let now = outward(reused.as_ptr());
        let found = violation(|| galeed_store8(handle, 0));
        assert_eq!(found.kind, Kind::Temporal);
        if index_of(now) == index_of(handle) {
            // Other tests' threads may have had the entry in between.
            assert!(found.generation < found.live_generation);
            assert_eq!(found.live_generation, generation_of(now).into());
        }
        assert!(reused.iter().all(|byte| *byte == 2));
    }
}

#[test]
fn forged_whatever_field_was_changed() {
    let object = vec![1u8; 32];
    let handle = outward(object.as_ptr());
    let (index, generation) = (index_of(handle), generation_of(handle));
    let never_used = Class::of_index(index).indices().1 - 1;
    let newer = encode(index, generation + 1, number(object.as_ptr()));
    for forged in [
        newer,
        encode(never_used, 0, 0),
        encode((1 << 20) - 1, 3, 0x123),
    ] {
        let found = violation(|| ignore(galeed_load4(forged)));
        assert_eq!(found.kind, Kind::Forged, "{forged:#x}");
        assert_eq!((found.handle, found.lease), (forged, None));
    }
}

#[test]
fn rights_and_type_of_a_lease_hold() {
    extern "C" fn host_function() {}
    let mut number = Box::new(7u64);
    let lent = galeed::lend(&*number).unwrap();
    let handle = lent.handle();
    let found = violation(|| galeed_store8(handle, 0));
    assert_eq!(
        (found.kind, found.access),
        (Kind::Rights, Some(Access::Write))
    );
    let found = violation(|| ignore(galeed_atomic_rmw(handle, 8, 1, 1)));
    assert_eq!(found.kind, Kind::Rights);
    let found = violation(|| ignore(galeed_atomic_load(handle + 1, 2)));
    assert_eq!(found.kind, Kind::Type);
    drop(lent);
    let lent = galeed::lend_mut(&mut *number).unwrap();
    let handle = lent.handle();
    foreign(|| galeed_store8(handle, 8));
    drop(lent);
    assert_eq!(*number, 8);
    let code = galeed_gate_argument(host_function as *const c_void as u64);
    assert_eq!(violation(|| ignore(galeed_load8(code))).kind, Kind::Type);
    let data = outward(&raw const *number);
    for callee in [data, code + 1] {
        let found = violation(|| {
            let mut frame = 0u8;
            // SAFETY: never returns: a violation.
            unsafe { galeed_callback_enter(callee, (&raw mut frame).cast()) };
        });
        assert_eq!(found.access, Some(Access::Execute));
        assert_eq!(
            found.kind,
            if callee == data {
                Kind::Type
            } else {
                Kind::Spatial
            }
        );
    }
}

#[test]
fn the_runtime_is_nobodys_deputy() {
    let secret = Box::new([0x5e_u8; 64]);
    let own = vec![1u8; 64];
    let lent = outward(own.as_ptr());
    let raw = number(&raw const *secret);
    let mut out = [0u8; 64];
    let buffer = number(out.as_mut_ptr());
    let reads: [(&str, &dyn Fn()); 3] = [
        ("read a byte", &|| ignore(galeed_load1(raw))),
        ("copy out of", &|| galeed_memmove(lent, raw, 64)),
        ("copy raw to raw", &|| galeed_memmove(buffer, raw, 64)),
    ];
    let writes: [(&str, &dyn Fn()); 6] = [
        ("write a word", &|| galeed_store8(raw, 0)),
        ("memset", &|| galeed_memset(raw, 0, 64)),
        ("copy into", &|| galeed_memmove(raw, lent, 64)),
        ("atomic", &|| ignore(galeed_atomic_rmw(raw, 8, 0, 0))),
        ("the table", &|| {
            galeed_memmove(galeed::layout::GALEED_TABLE, lent, 64)
        }),
        ("the code range", &|| {
            galeed_memset(galeed::layout::GALEED_TEXT_BASE, 255, 8)
        }),
    ];
    // With GALEED_FOREIGN_RIGHTS=read the host's memory may be read by anybody.
    let confidential = std::env::var_os("GALEED_FOREIGN_RIGHTS").is_none_or(|is| is != "read");
    let reads = reads.into_iter().filter(|_| confidential);
    for (what, attempt) in reads.chain(writes) {
        let found = violation(attempt);
        assert_eq!(found.kind, Kind::Boundary, "{what}: {found}");
        assert_ne!(found.address, 0, "{what}");
    }
    assert_eq!(*secret, [0x5e; 64]);
    assert_eq!(own, [1; 64]);
    assert_eq!(out, [0; 64]);
}

#[test]
fn a_trapped_handle_is_explained() {
    let object = vec![1u8; 32];
    let handle = outward(object.as_ptr());
    let touch = |pointer: u64| {
        let pointer = std::ptr::with_exposed_provenance::<u8>(pointer as usize);
        // SAFETY: not dereferenceable, which is the test: the CPU traps.
        unsafe { pointer.read_volatile() };
    };
    let found = violation(|| touch(handle));
    assert_eq!((found.kind, found.handle), (Kind::Boundary, handle));
    assert!(found.detail.as_ref().unwrap().contains("not rewritten"));
    let found = violation(|| touch(handle + 40)); // as a vector loop may
    assert_eq!((found.kind, found.offset), (Kind::Boundary, 40));
    let found = violation(|| touch(handle + 4000));
    assert_eq!((found.kind, found.offset), (Kind::Spatial, 4000));
    drop(object);
    let found = violation(|| touch(handle));
    assert_eq!((found.kind, found.handle), (Kind::Temporal, handle));
}

#[test]
fn a_stale_mapped_address_is_temporal_when_nothing_lives_there() {
    let object = vec![1u8; 1 << 20];
    let handle = outward(object.as_ptr());
    let address = number(object.as_ptr());
    drop(object);
    let found = violation(|| galeed_store1(address + 5, 0));
    assert_eq!((found.kind, found.offset), (Kind::Temporal, 5), "{found}");
    assert_eq!(found.lease, Some(index_of(handle).into()));
}

#[test]
fn catch_gives_values_panics_and_nests() {
    galeed::set_policy(Policy::Unwind).unwrap();
    assert_eq!(galeed::catch(|| 5).unwrap(), 5);
    let panicked = std::panic::catch_unwind(|| galeed::catch(|| panic!("inside")));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "inside");
    let object = vec![1u8; 8];
    let handle = outward(object.as_ptr());
    let outer = galeed::catch(|| {
        let inner = galeed::catch(|| foreign(|| galeed_load8(handle + 1)));
        assert_eq!(inner.unwrap_err().kind, Kind::Spatial);
        foreign(|| galeed_load8(handle))
    });
    assert_eq!(outer.unwrap(), 0x0101_0101_0101_0101);
}
