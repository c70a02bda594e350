//! The C interface of bitmap.h.

use std::os::raw::{c_int, c_uchar};

#[repr(C)]
pub struct Bitmap {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Range {
    pub low: u32,
    pub high: u32,
}

unsafe extern "C" {
    pub fn bmp_create(width: c_int, height: c_int) -> *mut Bitmap;
    pub fn bmp_destroy(bitmap: *mut Bitmap);
    pub fn bmp_fill(bitmap: *mut Bitmap, rgba: *const c_uchar);
    pub fn bmp_copy_pixels(bitmap: *const Bitmap, length: *mut usize) -> *mut c_uchar;
    pub fn bmp_free_pixels(pixels: *mut c_uchar);
    pub fn bmp_range(bitmap: *const Bitmap, channel: c_int, range: *mut Range) -> c_int;
}
