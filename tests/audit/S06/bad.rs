use std::ffi::CStr;
use std::os::raw::c_char;

unsafe extern "C" {
    fn name() -> *const c_char;
    fn text(length: *mut usize) -> *const u8;
}

pub fn named() -> &'static str {
    let name = unsafe { CStr::from_ptr(name()) };
    unsafe { std::str::from_utf8_unchecked(name.to_bytes()) }
}

pub fn slice() -> &'static str {
    let mut length = 0;
    let start = unsafe { text(&mut length) };
    let bytes = unsafe { std::slice::from_raw_parts(start, length) };
    unsafe { std::str::from_utf8_unchecked(bytes) }
}
