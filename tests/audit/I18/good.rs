use std::ffi::{c_char, c_int, c_long, CStr, CString};

extern "C" {
    fn tell(level: c_int, format: *const c_char, ...);
    fn label(to: *mut c_char, text: *const c_char) -> c_int;
    fn printf(format: *const c_char, ...) -> c_int;
    fn sscanf(text: *const c_char, format: *const c_char, ...) -> c_int;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
}

const FORMAT: &CStr = c"%s\n";

pub fn warn(text: &str) {
    let text = CString::new(text).expect("no NUL");
    unsafe { tell(2, c"%s".as_ptr(), text.as_ptr()) };
    unsafe { printf(FORMAT.as_ptr(), text.as_ptr()) };
}

// C gives the text a format of its own.
pub fn labelled(text: &CStr) -> [c_char; 64] {
    let mut to = [0; 64];
    unsafe { label(to.as_mut_ptr(), text.as_ptr()) };
    to
}

pub fn said() {
    let text = CString::new("hello, 100 %%\n").expect("no NUL");
    unsafe { printf(text.as_ptr()) };
    unsafe { printf(b"%-*d|%5.2f|%lu|%c|%p\n\0".as_ptr().cast(), 4 as c_int, 1 as c_int, 0.5f64, 9 as c_long, 65 as c_int, FORMAT.as_ptr()) };
}

pub fn scanned(text: &CStr) -> (c_int, c_int) {
    let (mut one, mut two) = (0, 0);
    unsafe { sscanf(text.as_ptr(), c"%d %*s %[a-z] %d".as_ptr(), &mut one as *mut c_int, [0u8; 8].as_mut_ptr(), &mut two as *mut c_int) };
    (one, two)
}

pub fn created(path: &CStr) -> c_int {
    unsafe { open(path.as_ptr(), 0o101, 0o600 as c_int) }
}

pub fn opened(path: &CStr) -> c_int {
    unsafe { open(path.as_ptr(), 0o2) }
}
