use std::ffi::CStr;
use std::os::raw::c_char;

unsafe extern "C" {
    fn name() -> *const c_char;
    fn read_name(out: *mut u8, length: usize) -> i32;
}

pub fn checked() -> Option<&'static str> {
    unsafe { CStr::from_ptr(name()) }.to_str().ok()
}

pub fn until(out: &mut [u8; 16]) -> Option<&CStr> {
    unsafe { read_name(out.as_mut_ptr(), out.len()) };
    CStr::from_bytes_until_nul(out).ok()
}

pub fn of_rust(digits: &[u8]) -> &str {
    assert!(digits.is_ascii());
    unsafe { std::str::from_utf8_unchecked(digits) }
}
