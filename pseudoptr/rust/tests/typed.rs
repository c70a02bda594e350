//! Foreign accesses to typed leases: what the type holds is written, anything else is refused
//! before memory changes, and the report names the field.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;
mod common_typed;

use common::accessors::*;
use common::{foreign, number, outward};
use common_typed::{Config, Mode, Near, at, config, ignore, refused, violation};
use galeed::{Access, Foreign, Kind, check, lend_typed, lend_typed_mut};
use galeed_mpk::ffi::mpk_last_violation;
use std::ffi::CStr;
use std::mem::offset_of;
use std::num::NonZero;

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
        // Overlapping, upwards and downwards, through more than one buffer.
        let pattern = |at: usize| [Mode::On, Mode::Off, Mode::Far, Mode::Far][at * at % 7 % 4];
        for (at, mode) in raw.iter_mut().enumerate() {
            *mode = pattern(at) as u16;
        }
        foreign(|| {
            galeed_memmove(handle, lent_source, bytes);
            galeed_memmove(handle + 2, handle, bytes - 2);
        });
        let mut expected: Vec<_> = (0..COUNT - shift).map(pattern).collect();
        let last = expected.len() - 1;
        expected.copy_within(..last, 1);
        // SAFETY: while foreign code does not run; the guard keeps Rust's own hands off only.
        let seen: Vec<_> = unsafe { modes_at(galeed_gate_result(handle), COUNT - shift) };
        assert!(seen == expected, "upwards");
        foreign(|| galeed_memmove(handle, handle + 6, bytes - 6));
        expected.copy_within(3.., 0);
        drop(lent);
        assert!(modes[..shift].iter().all(|mode| *mode == Mode::Off));
        assert!(modes[shift..] == expected, "downwards");
    }
}

/// What C's side keeps of a violation may be read late, when many others have come.
#[test]
fn words_stay_those_of_their_own_violation() {
    let mut config = config();
    let lent = lend_typed_mut(&mut config).unwrap();
    let handle = lent.handle();
    violation(|| galeed_store2(at!(handle, mode), 4));
    let mut raw = galeed_mpk::ffi::mpk_violation::default();
    // SAFETY: `raw` is writable for the call.
    assert_eq!(unsafe { mpk_last_violation(&raw mut raw) }, 1);
    let words = || {
        // SAFETY: strings with an end, which live for ever, and a field with an end.
        let text = |string| unsafe { CStr::from_ptr(string) }.to_str().unwrap();
        format!("{} ({})", text(raw.detail), text(raw.subject.as_ptr()))
    };
    let expected = "the Rust type cannot hold this value (Config.mode)";
    assert_eq!(words(), expected);
    for _ in 0..100 {
        violation(|| galeed_store1(at!(handle, flag), 2));
    }
    assert_eq!(words(), expected);
}

/// # Safety
/// So many lie there.
unsafe fn modes_at(address: u64, count: usize) -> Vec<Mode> {
    let first = std::ptr::with_exposed_provenance::<Mode>(address as usize);
    // SAFETY: the caller's promise.
    (0..count)
        .map(|at| unsafe { first.add(at).read() })
        .collect()
}

/// What is kept of a struct is kept of its parts.
#[test]
fn a_read_only_struct_has_no_fields_to_write() {
    #[derive(Foreign)]
    #[repr(C)]
    struct Outer {
        #[foreign(read_only)]
        near: [Near; 2],
        mode: Mode,
    }
    let mut outer = Outer {
        near: [Near(1), Near(2)],
        mode: Mode::Off,
    };
    let lent = lend_typed_mut(&mut outer).unwrap();
    let handle = lent.handle();
    let found = violation(|| galeed_store2(handle + 2, 3));
    refused(&found, Kind::Rights, "Outer.near[1].0");
    let seen = foreign(|| {
        galeed_store2(handle + 4, Mode::Far as u64);
        galeed_load2(handle + 2)
    });
    drop(lent);
    assert_eq!((seen, outer.mode, outer.near[1].0), (2, Mode::Far, 2));
}
