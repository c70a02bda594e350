//! What the program lends; its build script reads this too.
#![allow(dead_code)] // the build script only describes them

use galeed::Foreign;

#[derive(Foreign, Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub enum Mode {
    Off = 1,
    On = 7,
}

#[derive(Foreign, Clone, Debug, PartialEq)]
#[repr(C)]
pub struct Limits {
    #[foreign(range = -10..=10)]
    pub low: i16,
    #[foreign(range = 1..)]
    pub high: u32,
}

#[derive(Foreign, Clone, Debug, PartialEq)]
#[repr(C)]
pub struct Config {
    #[foreign(range = 1..=100)]
    pub percent: u32,
    pub flag: bool,
    pub mode: Mode,
    pub text: [u8; 18],
    pub limits: [Limits; 2],
    pub next: Option<Box<Config>>,
    #[foreign(read_only)]
    pub version: u64,
    #[foreign(hidden)]
    pub secret: String,
}

impl Config {
    pub fn new(percent: u32) -> Config {
        Config {
            percent,
            flag: false,
            mode: Mode::Off,
            text: [0; 18],
            limits: [const { Limits { low: 0, high: 1 } }; 2],
            next: None,
            version: 3,
            secret: "not for C".into(),
        }
    }
}
