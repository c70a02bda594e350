use std::ffi::CStr;
use std::os::raw::c_char;

unsafe extern "C" {
    fn name() -> *const c_char;
    fn read_name(out: *mut u8, length: usize) -> i32;
    fn PyUnicode_AsUTF8AndSize(text: *mut u8, length: *mut usize) -> *const c_char;
    fn PQcmdTuples(result: *mut u8) -> *mut c_char;
}

/// Their documentation promises it.
pub fn promised(text: *mut u8) -> &'static str {
    let mut length = 0;
    unsafe {
        let first = PyUnicode_AsUTF8AndSize(text, &mut length);
        std::str::from_utf8_unchecked(std::slice::from_raw_parts(first.cast(), length))
    }
}

pub fn digits(result: *mut u8) -> &'static str {
    unsafe { std::str::from_utf8_unchecked(CStr::from_ptr(PQcmdTuples(result)).to_bytes()) }
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
