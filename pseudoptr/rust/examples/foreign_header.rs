//! A header from Rust types, by a command: `cargo run --example foreign_header > types.h`.
//! A build script calls the same function and writes the text to a file.
#![allow(dead_code)] // foreign code reads and writes the fields

use galeed::Foreign;
use std::num::NonZero;

#[derive(Foreign)]
#[repr(u8)]
enum Level {
    Quiet,
    Loud = 200,
}

#[derive(Foreign)]
#[repr(i64)]
enum Wide {
    Least = i64::MIN,
    Minus = -1,
    Most = i64::MAX,
}

#[derive(Foreign)]
#[repr(C)]
struct Limits {
    #[foreign(range = -100..=100)]
    low: i16,
    #[foreign(range = 1..)]
    high: u64,
}

#[derive(Foreign)]
#[repr(C)]
struct Config<'a> {
    level: Level,
    wide: Wide,
    verbose: bool,
    separator: char,
    limits: Limits,
    history: [Limits; 4],
    matrix: [[f32; 3]; 2],
    scale: f64,
    wider: u128,
    count: NonZero<u32>,
    length: usize,
    next: Option<Box<Config<'a>>>,
    base: &'a Limits,
    text: *const u8,
    texts: *mut *const u8,
    anything: *mut std::ffi::c_void,
    #[foreign(read_only)]
    version: u32,
    #[foreign(read_only)]
    fixed: Limits,
    #[foreign(hidden)]
    secret: String,
}

fn main() -> Result<(), galeed::HeaderError> {
    print!("{}", galeed::header::<(Config<'_>,)>()?);
    Ok(())
}
