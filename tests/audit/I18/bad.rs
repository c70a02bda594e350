use std::ffi::{c_char, c_int, CStr, CString};

extern "C" {
    fn tell(level: c_int, format: *const c_char, ...);
    fn label(to: *mut c_char, text: *const c_char) -> c_int;
    fn printf(format: *const c_char, ...) -> c_int;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
}

pub fn warn(text: &str) {
    let text = CString::new(text).expect("no NUL");
    unsafe { tell(2, text.as_ptr()) };
}

pub fn labelled(text: &CStr) -> [c_char; 64] {
    let mut to = [0; 64];
    unsafe { label(to.as_mut_ptr(), text.as_ptr()) };
    to
}

pub fn said(name: &str) {
    let text = CString::new(format!("hello {name}\n")).expect("no NUL");
    unsafe { printf(text.as_ptr()) };
}

// One argument is missing.
pub fn counted(count: c_int) {
    unsafe { printf(c"%d of %d\n".as_ptr(), count) };
}

// 64 bits are read where 32 are given.
pub fn wide(count: c_int) {
    unsafe { tell(2, c"%ld files\n".as_ptr(), count) };
}

pub fn ratio(value: c_int) {
    unsafe { printf(c"%f\n".as_ptr(), value) };
}

pub fn narrow(count: i64) {
    unsafe { printf(c"%d\n".as_ptr(), count) };
}

pub fn created(path: &CStr) -> c_int {
    const O_CREAT_WRONLY: c_int = 0o101;
    unsafe { open(path.as_ptr(), O_CREAT_WRONLY) }
}
