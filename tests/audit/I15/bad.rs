use std::ffi::{c_char, c_int};

extern "C" {
    fn named(name: *const c_char) -> c_int;
    fn getenv(name: *const c_char) -> *const c_char;
}

pub fn own() -> c_int {
    unsafe { named("name".as_ptr().cast()) }
}

pub fn of_libc() -> *const c_char {
    unsafe { getenv(b"HOME".as_ptr().cast()) }
}

pub fn text(name: &str) -> c_int {
    unsafe { named(name.as_ptr().cast()) }
}
