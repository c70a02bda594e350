use std::ffi::{c_char, c_void, CString};

extern "C" {
    fn take_over(text: *mut c_char);
    fn make() -> *mut u64;
    fn free(memory: *mut c_void);
    fn make_cxx() -> *mut c_void;
}

pub fn given_to_c() {
    let text = CString::new("hello").unwrap_or_default().into_raw();
    unsafe { take_over(text) }
}

pub fn box_given_to_c(n: u64) {
    let boxed = Box::into_raw(Box::new(n));
    unsafe { take_over(boxed as *mut c_char) }
}

pub fn taken_from_c() -> u64 {
    let boxed = unsafe { Box::from_raw(make()) };
    *boxed
}

pub fn new_and_free() {
    unsafe { free(make_cxx()) }
}
