//! Foreign accesses to typed leases: what the type holds is written, anything else is refused
//! before memory changes, and the report names the field.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::{foreign, number, outward};
use galeed::ffi::*;
use galeed::layout::is_handle;
use galeed::{Access, Foreign, Kind, Policy, Violation, check, lend_typed, lend_typed_mut};
use std::mem::offset_of;
use std::num::NonZero;

#[derive(Foreign, Clone, Copy, Debug, PartialEq)]
#[repr(u16)]
enum Mode {
    Off = 3,
    On = 0x1ff,
    Far = 0x1122,
}

#[derive(Foreign, Clone, Debug, PartialEq)]
#[repr(C)]
struct Config {
    #[foreign(range = 1..=100)]
    percent: u32,
    flag: bool,
    mode: Mode,
    letter: char,
    count: NonZero<u64>,
    plain: [u8; 16],
    #[foreign(read_only)]
    version: u32,
    #[foreign(hidden)]
    secret: String,
    near: [Near; 2],
}

#[derive(Foreign, Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
struct Near(#[foreign(range = -300..=300)] i16);

fn config() -> Config {
    Config {
        percent: 50,
        flag: true,
        mode: Mode::Off,
        letter: 'x',
        count: NonZero::<u64>::MIN,
        plain: [7; 16],
        version: 12,
        secret: "not for C".into(),
        near: [Near(-300), Near(5)],
    }
}

fn violation(body: impl FnOnce()) -> Violation {
    galeed::set_policy(Policy::Unwind).unwrap();
    let outcome = galeed::catch(|| foreign(body));
    outcome.expect_err("not refused")
}

fn refused(found: &Violation, kind: Kind, field: &str) {
    assert_eq!(found.kind, kind, "{found}");
    let detail = found.detail.as_deref().unwrap_or_default();
    assert!(detail.ends_with(&format!("({field})")), "{found}");
}

fn ignore(_: u64) {}

macro_rules! at {
    ($handle:expr, $field:ident) => {
        $handle + offset_of!(Config, $field) as u64
    };
}

#[test]
fn what_the_type_holds_is_written() {
    let mut config = config();
    let lent = lend_typed_mut(&mut config).unwrap();
    let handle = lent.handle();
    let seen = foreign(|| {
        galeed_store4(at!(handle, percent), 100);
        galeed_store1(at!(handle, flag), 0);
        galeed_store2(at!(handle, mode), 0x1ff);
        galeed_store4(at!(handle, letter), 0x1f600);
        galeed_store8(at!(handle, count), u64::MAX);
        galeed_store8(at!(handle, plain) + 3, 0x1111_1111_1111_1111);
        galeed_memset(at!(handle, plain) + 12, 9, 4);
        galeed_store2(at!(handle, near), 300);
        [
            galeed_load4(at!(handle, version)),
            galeed_load4(at!(handle, percent)),
            galeed_atomic_load(at!(handle, near), 2),
        ]
    });
    drop(lent);
    assert_eq!(seen, [12, 100, 300]);
    let mut expected = self::config();
    (expected.percent, expected.flag, expected.mode) = (100, false, Mode::On);
    (expected.letter, expected.count) = ('\u{1f600}', NonZero::<u64>::MAX);
    expected.plain[3..11].fill(0x11);
    expected.plain[12..].fill(9);
    expected.near[0] = Near(300);
    assert_eq!(config, expected);
}

#[test]
fn what_it_cannot_hold_is_refused_and_nothing_changes() {
    let mut config = config();
    let before = config.clone();
    let lent = lend_typed_mut(&mut config).unwrap();
    let handle = lent.handle();
    let bad = |body: &dyn Fn(), field: &str| {
        let found = violation(body);
        refused(&found, Kind::Type, field);
        assert_eq!(found.access, Some(Access::Write));
        assert!(
            found
                .to_string()
                .contains("the Rust type cannot hold this value")
        );
    };
    for percent in [0, 101, u32::MAX] {
        bad(
            &|| galeed_store4(at!(handle, percent), percent.into()),
            "Config.percent",
        );
    }
    for flag in [2, 0xff] {
        bad(&|| galeed_store1(at!(handle, flag), flag), "Config.flag");
    }
    bad(&|| galeed_store2(at!(handle, mode), 4), "Config.mode");
    for letter in [0xd800, 0x11_0000] {
        bad(
            &|| galeed_store4(at!(handle, letter), letter),
            "Config.letter",
        );
    }
    bad(&|| galeed_store8(at!(handle, count), 0), "Config.count");
    bad(
        &|| galeed_store2(at!(handle, near) + 2, 301),
        "Config.near[1].0",
    );
    // One store over several fields: the first ones would have been fine.
    bad(&|| galeed_store8(handle, 2 << 32 | 50), "Config.flag");
    bad(&|| galeed_memset(handle, 0, 4), "Config.percent");
    bad(
        &|| ignore(galeed_atomic_rmw(at!(handle, percent), 4, 1, 51)),
        "Config.percent",
    );
    bad(
        &|| galeed_atomic_store(at!(handle, flag), 1, 2),
        "Config.flag",
    );
    bad(
        &|| ignore(galeed_atomic_cmpxchg(at!(handle, mode), 2, 3, 4)),
        "Config.mode",
    );
    drop(lent);
    assert_eq!(config, before);
}

/// A write of some bytes of a value is judged by the value as it would be.
#[test]
fn parts_of_values_are_judged_with_the_rest() {
    let mut config = config();
    let lent = lend_typed_mut(&mut config).unwrap();
    let handle = lent.handle();
    // 0x0003 to 0x01ff by bytes: 0x0103 is no mode, whichever comes first.
    let found = violation(|| galeed_store1(at!(handle, mode) + 1, 1));
    refused(&found, Kind::Type, "Config.mode");
    let found = violation(|| galeed_store1(at!(handle, mode), 0xff));
    refused(&found, Kind::Type, "Config.mode");
    foreign(|| {
        galeed_store1(at!(handle, percent), 33);
        galeed_store1(at!(handle, count) + 7, 1);
        galeed_store1(at!(handle, count), 0);
    });
    let found = violation(|| galeed_store1(at!(handle, count) + 7, 0));
    refused(&found, Kind::Type, "Config.count");
    // Across two values: the end of one and the beginning of the next.
    foreign(|| galeed_store2(at!(handle, near) + 1, 0x2bfe));
    drop(lent);
    assert_eq!((config.percent, config.mode), (33, Mode::Off));
    assert_eq!(config.count.get(), 1 << 56);
    assert_eq!(config.near, [Near(-300 + 0x2c - 0x2c), Near(0x2b)]);
}

#[test]
fn rights_of_fields_are_kept() {
    let mut config = config();
    let before = config.clone();
    let lent = lend_typed_mut(&mut config).unwrap();
    let handle = lent.handle();
    let (version, secret) = (at!(handle, version), at!(handle, secret));
    let kept = |body: &dyn Fn(), field: &str| {
        let found = violation(body);
        refused(&found, Kind::Rights, field);
        assert!(
            found.to_string().contains("the Rust type keeps this field"),
            "{found}"
        );
    };
    let mut copy = [0u8; 256];
    let raw = number(copy.as_mut_ptr());
    kept(&|| galeed_store4(version, 12), "Config.version");
    kept(&|| galeed_store1(version + 3, 0), "Config.version");
    kept(
        &|| galeed_memset(at!(handle, plain), 0, 20),
        "Config.version",
    );
    kept(
        &|| ignore(galeed_atomic_rmw(version, 4, 1, 0)),
        "Config.version",
    );
    kept(&|| ignore(galeed_load1(secret)), "Config.secret");
    kept(&|| ignore(galeed_load8(secret + 16)), "Config.secret");
    kept(&|| galeed_store8(secret, 0), "Config.secret");
    kept(&|| ignore(galeed_atomic_load(secret, 8)), "Config.secret");
    let whole = size_of::<Config>() as u64;
    kept(&|| galeed_memmove(raw, handle, whole), "Config.secret");
    kept(&|| galeed_memmove(handle, handle, whole), "Config.secret");
    assert!(copy.iter().all(|byte| *byte == 0));
    let verdict = |at, bytes, access| check(at, bytes, access).unwrap();
    assert_eq!(verdict(version, 4, Access::Read), Ok(()));
    assert_eq!(verdict(version, 4, Access::Write), Err(Kind::Rights));
    assert_eq!(verdict(secret, 1, Access::Read), Err(Kind::Rights));
    assert_eq!(verdict(handle + whole, 1, Access::Read), Err(Kind::Spatial));
    drop(lent);
    assert_eq!(verdict(handle, 1, Access::Read), Err(Kind::Temporal));
    let lent = lend_typed(&config).unwrap();
    let handle = lent.handle();
    assert_eq!(foreign(|| galeed_load4(at!(handle, percent))), 50);
    let found = violation(|| galeed_store4(at!(handle, percent), 50));
    assert_eq!(found.kind, Kind::Rights);
    let found = violation(|| ignore(galeed_load1(at!(handle, secret))));
    refused(&found, Kind::Rights, "Config.secret");
    drop(lent);
    assert_eq!(config, before);
}

/// Long copies: everything is judged before the first byte is written, whichever way they go.
#[test]
fn copies_are_whole_or_not_at_all() {
    const COUNT: usize = 3000;
    for shift in [0, 1, 3] {
        let mut modes = vec![Mode::Off; COUNT];
        let lent = lend_typed_mut(&mut modes[shift..]).unwrap();
        let handle = lent.handle();
        let bytes = 2 * (COUNT - shift) as u64;
        let mut source = vec![Mode::Far as u16; COUNT].leak().to_vec();
        source.truncate(COUNT);
        let mut raw: Box<[u16; COUNT]> = source.try_into().unwrap();
        // A source that is lent, and one that is C's own: a static.
        let lent_source = outward(raw.as_ptr());
        foreign(|| galeed_memmove(handle, lent_source, bytes));
        raw[COUNT - shift - 1] = 7;
        let found = violation(|| galeed_memmove(handle, lent_source, bytes));
        let last = COUNT - shift - 1;
        refused(&found, Kind::Type, &format!("Mode[{last}]"));
        // Modes are 2 bytes: a copy by an odd number of them makes others.
        let found = violation(|| galeed_memmove(handle + 1, handle, bytes - 1));
        assert_eq!(found.kind, Kind::Type);
        foreign(|| {
            galeed_store2(handle, Mode::On as u64);
            galeed_memmove(handle + 2, handle, bytes - 2); // overlapping, upwards
            galeed_memmove(handle, handle + 2, bytes - 2);
        });
        drop(lent);
        assert!(modes[..shift].iter().all(|mode| *mode == Mode::Off));
        assert_eq!(modes[shift..shift + 2], [Mode::On, Mode::Far]);
        assert!(modes[shift + 2..].iter().all(|mode| *mode == Mode::Far));
    }
}

#[derive(Foreign)]
#[repr(C)]
struct Node {
    value: u64,
    next: Option<Box<Node>>,
    #[foreign(range = 1..=3)]
    weight: u8,
}

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
        galeed_store8(at_own, for_own_handle);
        galeed_store_pointer(at_raw, for_own_handle);
    });
    drop(lent);
    let former = links.own.take().unwrap();
    assert!(std::ptr::eq(&raw const *former, &raw const *for_own));
    assert!(std::ptr::eq(links.shared, &raw const *other));
    assert!(std::ptr::eq(links.raw, (&raw const *for_own).cast()));
    std::mem::forget(former); // `for_own` owns it still
}
