//! Bitmaps, held by a C library.

mod ffi;
mod image;

pub use ffi::Range;
pub use image::{Error, Image};
