//! What the tests of typed leases share: a type with a field of each kind, and refusals.
#![allow(dead_code, unused_macros)] // each test binary uses a part

use crate::common::foreign;
use galeed::{Foreign, Kind, Policy, Violation};
use std::num::NonZero;

#[derive(Foreign, Clone, Copy, Debug, PartialEq)]
#[repr(u16)]
pub enum Mode {
    Off = 3,
    On = 0x1ff,
    Far = 0x1122,
}

#[derive(Foreign, Clone, Debug, PartialEq)]
#[repr(C)]
pub struct Config {
    #[foreign(range = 1..=100)]
    pub percent: u32,
    pub flag: bool,
    pub mode: Mode,
    pub letter: char,
    pub count: NonZero<u64>,
    pub plain: [u8; 16],
    #[foreign(read_only)]
    pub version: u32,
    #[foreign(hidden)]
    pub secret: String,
    pub near: [Near; 2],
}

#[derive(Foreign, Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct Near(#[foreign(range = -300..=300)] pub i16);

pub fn config() -> Config {
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

pub fn violation(body: impl FnOnce()) -> Violation {
    galeed::set_policy(Policy::Unwind).unwrap();
    let outcome = galeed::catch(|| foreign(body));
    outcome.expect_err("not refused")
}

pub fn refused(found: &Violation, kind: Kind, field: &str) {
    assert_eq!(found.kind, kind, "{found}");
    let detail = found.detail.as_deref().unwrap_or_default();
    assert!(detail.ends_with(&format!("({field})")), "{found}");
}

pub fn ignore(_: u64) {}

macro_rules! at {
    ($handle:expr, $field:ident) => {
        $handle + offset_of!(Config, $field) as u64
    };
}
pub(crate) use at;
