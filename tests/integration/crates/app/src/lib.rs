//! The C of this crate, as Rust sees it.
use std::ffi::{c_char, c_int, c_long, c_uchar};

unsafe extern "C" {
    pub fn app_fill(at: *mut c_uchar, bytes: usize, value: c_int);
    pub fn app_remember(address: usize);
    pub fn app_use_remembered();
    pub fn app_seven() -> c_int;
    pub fn app_words(text: *const c_char, bytes: usize) -> c_long;
}

/// Words in a text, counted by C++.
pub fn words(text: &str) -> i64 {
    // SAFETY: the pointer is valid for the length that goes with it.
    unsafe { app_words(text.as_ptr().cast(), text.len()) }
}

/// Fills a slice, in C.
pub fn fill(at: &mut [u8], value: u8) {
    // SAFETY: the slice is valid for writes of its length.
    unsafe { app_fill(at.as_mut_ptr(), at.len(), value.into()) }
}

/// There and back through zlib.
pub fn through_zlib(data: &[u8]) -> Vec<u8> {
    let mut packed = vec![0u8; data.len() + 1024];
    let mut packed_bytes = packed.len() as libz_sys::uLongf;
    let mut unpacked = vec![0u8; data.len()];
    let mut unpacked_bytes = unpacked.len() as libz_sys::uLongf;
    // SAFETY: each buffer is valid for the length that goes with it.
    unsafe {
        assert_eq!(
            libz_sys::compress(
                packed.as_mut_ptr(),
                &mut packed_bytes,
                data.as_ptr(),
                data.len() as _
            ),
            0
        );
        assert_eq!(
            libz_sys::uncompress(
                unpacked.as_mut_ptr(),
                &mut unpacked_bytes,
                packed.as_ptr(),
                packed_bytes
            ),
            0
        );
    }
    assert!(packed_bytes < data.len() as _);
    unpacked
}
