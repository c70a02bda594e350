use std::ffi::{CStr, CString};
use std::os::raw::c_char;

unsafe extern "C" {
    fn read_name(out: *mut c_char, length: usize) -> i32;
}

pub fn name() -> CString {
    let mut buffer = [0; 16];
    unsafe { read_name(buffer.as_mut_ptr(), buffer.len()) };
    unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_owned()
}
