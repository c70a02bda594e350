//! Pointers in typed leases: they cross by the type, however they are moved, and what they lead to is
//! typed as well.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;
mod common_typed;

use common::accessors::*;
use common::{foreign, number, outward};
use common_typed::{Config, at, config, ignore, refused, violation};
use galeed::layout::is_handle;
use galeed::{Access, Foreign, Kind, check, lend_typed, lend_typed_mut};
use std::mem::offset_of;

#[derive(Foreign)]
#[repr(C)]
struct Node {
    value: u64,
    next: Option<Box<Node>>,
    #[foreign(range = 1..=3)]
    weight: u8,
}

#[derive(Foreign)]
#[repr(transparent)]
struct Wrapped(Config);

#[derive(Foreign)]
#[repr(C)]
struct Links<'a> {
    shared: &'a Config,
    own: Option<Box<Node>>,
    raw: *mut u8,
    number: u64,
}

fn node(weight: u8) -> Box<Node> {
    Box::new(Node {
        value: 1,
        next: None,
        weight,
    })
}

/// A pointer goes out as a handle and comes back, by whatever instruction it is moved.
#[test]
fn pointers_cross_by_the_type() {
    let config = config();
    let other = Box::new(self::config());
    let mut bytes = vec![1u8; 10];
    let mut links = Links {
        shared: &config,
        own: Some(node(1)),
        raw: bytes.as_mut_ptr(),
        number: 5,
    };
    let (for_own, for_shared) = (node(2), outward(&raw const *other));
    let raw = number(&raw const *for_own);
    let for_own_handle = outward(&raw const *for_own);
    let lent = lend_typed_mut(&mut links).unwrap();
    let handle = lent.handle();
    let at = |offset: usize| handle + offset as u64;
    let (at_shared, at_own) = (at(offset_of!(Links, shared)), at(offset_of!(Links, own)));
    let at_raw = at(offset_of!(Links, raw));
    let seen = foreign(|| {
        let mut copy = [0u64; 4];
        galeed_load_bytes(copy.as_mut_ptr().cast(), handle, 32);
        let same = [
            galeed_load8(at_own),
            galeed_load_pointer(at_own),
            galeed_atomic_load(at_own, 8),
            copy[offset_of!(Links, own) / 8],
        ];
        galeed_store_bytes(handle, copy.as_ptr().cast(), 32); // back as it was
        same
    });
    assert!(
        is_handle(seen[0]) && seen.iter().all(|it| *it == seen[0]),
        "{seen:x?}"
    );
    // Neither an address, nor a number, nor null where that is none, nor another type's memory.
    for value in [raw, 1, for_own_handle + 8, for_shared, handle] {
        let found = violation(|| galeed_store_pointer(at_own, value));
        refused(&found, Kind::Type, "Links.own");
        let found = violation(|| galeed_store8(at_own, value));
        refused(&found, Kind::Type, "Links.own");
    }
    let found = violation(|| galeed_store_pointer(at_shared, 0));
    refused(&found, Kind::Type, "Links.shared");
    let found = violation(|| galeed_store1(at_own, 0x55));
    refused(&found, Kind::Type, "Links.own");
    // What lies there must be one: no node weighs 9.
    let mut bad = node(3);
    let bad_handle = outward(&raw const *bad);
    foreign(|| galeed_store1(bad_handle + offset_of!(Node, weight) as u64, 9));
    let found = violation(|| galeed_store_pointer(at_own, bad_handle));
    refused(&found, Kind::Type, "Links.own");
    bad.weight = 3;
    foreign(|| {
        galeed_store_pointer(at_shared, for_shared);
        galeed_store8(at_own, galeed_unlend_stored(at_own, for_own_handle));
        galeed_store_pointer(at_raw, for_own_handle);
    });
    drop(lent);
    let former = links.own.take().unwrap();
    assert!(std::ptr::eq(&raw const *former, &raw const *for_own));
    assert!(std::ptr::eq(links.shared, &raw const *other));
    assert!(std::ptr::eq(links.raw, (&raw const *for_own).cast()));
    std::mem::forget(former); // `for_own` owns it still
}

/// What a typed value owns is typed, too, and so on; also for whoever is passed it later.
#[test]
fn what_a_value_points_to_is_lent_by_its_type() {
    let mut third = node(3);
    let mut second = node(2);
    let own = number(&raw const *second);
    third.value = 9;
    second.next = Some(third);
    let config = Box::new(config());
    let mut links = Links {
        shared: &config,
        own: Some(second),
        raw: std::ptr::null_mut(),
        number: 5,
    };
    let lent = lend_typed_mut(&mut links).unwrap();
    let handle = lent.handle();
    let at_shared = handle + offset_of!(Links, shared) as u64;
    let next = |node: u64| node + offset_of!(Node, next) as u64;
    let weight = |node: u64| node + offset_of!(Node, weight) as u64;
    let (second, third, shared) = foreign(|| {
        let second = galeed_load_pointer(handle + offset_of!(Links, own) as u64);
        let third = galeed_load8(next(second));
        galeed_store1(weight(third), 1);
        (second, third, galeed_load_pointer(at_shared))
    });
    for node in [second, third] {
        let found = violation(|| galeed_store1(weight(node), 4));
        refused(&found, Kind::Type, "Node.weight");
    }
    let found = violation(|| ignore(galeed_load8(at!(shared, secret))));
    refused(&found, Kind::Rights, "Config.secret");
    assert_eq!(galeed_gate_argument(own), second);
    // A node may be taken out of the list and put back.
    foreign(|| {
        galeed_store_pointer(next(second), 0);
        galeed_store_pointer(next(second), third);
    });
    // What was lent as another type is not one, whatever its bytes.
    let wrapped = Box::new(Wrapped(self::config()));
    let other = lend_typed(&*wrapped).unwrap();
    let found = violation(|| galeed_store_pointer(at_shared, other.handle()));
    refused(&found, Kind::Type, "Links.shared");
    let same = lend_typed(&wrapped.0).unwrap();
    foreign(|| galeed_store_pointer(at_shared, same.handle()));
    drop((same, other, lent));
    assert!(std::ptr::eq(links.shared, &raw const wrapped.0));
    let list = links.own.take().unwrap();
    let last = list.next.as_ref().unwrap();
    assert_eq!((last.value, last.weight), (9, 1));
    drop(list);
    assert_eq!(check(second, 1, Access::Read).unwrap(), Err(Kind::Temporal));
}

#[derive(Foreign)]
#[repr(C)]
struct Flags<'a> {
    four: &'a [bool; 4],
}

/// Arrays are all called that: what they are of decides.
#[test]
fn an_array_of_other_elements_is_another_type() {
    let (own, other) = ([true; 4], [false; 4]);
    let mut bytes = [7u8; 4];
    let mut flags = Flags { four: &own };
    let (of_bytes, of_bools) = (
        lend_typed_mut(&mut bytes).unwrap(),
        lend_typed(&other).unwrap(),
    );
    let (bad, good) = (of_bytes.handle(), of_bools.handle());
    let lent = lend_typed_mut(&mut flags).unwrap();
    let place = lent.handle();
    let found = violation(|| galeed_store_pointer(place, bad));
    refused(&found, Kind::Type, "Flags.four");
    foreign(|| galeed_store_pointer(place, good));
    drop(lent);
    assert!(std::ptr::eq(flags.four, &raw const other));
}
