//! Memory domains guarded by protection keys, and the gates between them.
//!
//! The work is done by a C runtime (`mpk/csrc`, see `mpk.h`); this crate compiles
//! it, links it whole, declares it ([`ffi`]) and wraps what a Rust program may want
//! to call by itself. Most programs use the crate `galeed` instead.
//!
//! A program that gates its C code must not call [`ffi`] functions around it by
//! hand: generated gates do.

mod attempt;
mod domain;
mod error;
pub mod ffi;
mod probe;

pub use attempt::attempt;
pub use domain::{Domain, Opened, Rights};
pub use error::Error;
pub use probe::{Backend, Probe, probe};
