use std::ffi::{c_char, c_int, CString};

extern "C" {
    fn named(name: *const c_char) -> c_int;
    fn counted(name: *const c_char, n: usize) -> c_int;
    fn strlen(text: *const c_char) -> usize;
}

pub fn all(text: &str) -> usize {
    let own = CString::new(text).unwrap_or_default();
    unsafe {
        let n = named(c"name".as_ptr()) + named(b"name\0".as_ptr().cast()) + counted("name".as_ptr().cast(), 4);
        n as usize + strlen(own.as_ptr())
    }
}

pub fn measured(text: &str) -> c_int {
    unsafe { counted(text.as_ptr().cast(), text.len()) }
}

pub fn ended(text: &str) -> c_int {
    let text = format!("{text}\0");
    unsafe { named(text.as_ptr().cast()) }
}

pub fn of_a_string(name: &CString) -> c_int {
    unsafe { named(name.as_ptr().cast()) }
}
