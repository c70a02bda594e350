use std::ffi::CString;
use std::os::raw::c_char;

pub fn kept(name: &str) -> *const c_char {
    let pointer = CString::new(name).unwrap().as_ptr();
    pointer
}

pub fn returned(name: &str) -> *const c_char {
    CString::new(name).expect("no NUL").as_ptr()
}
