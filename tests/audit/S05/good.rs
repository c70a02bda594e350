use std::ffi::CString;
use std::os::raw::c_char;

unsafe extern "C" {
    fn puts(text: *const c_char) -> i32;
}

pub fn bound(name: &str) -> i32 {
    let name = CString::new(name).unwrap();
    let pointer = name.as_ptr();
    unsafe { puts(pointer) }
}

pub fn in_the_call(name: &str) -> i32 {
    let result = unsafe { puts(CString::new(name).unwrap().as_ptr()) };
    result
}
