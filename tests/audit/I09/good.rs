use std::ffi::{c_char, c_int};

extern "C" {
    fn caught(n: c_int) -> c_int;
    fn safe(n: c_int) -> c_int;
    fn allocates(n: c_int) -> c_int;
    fn under_lock(n: c_int) -> c_int;
    fn named(name: *const c_char) -> c_int;
}

extern "C-unwind" {
    fn announced(n: c_int) -> c_int;
}

pub fn all(n: c_int) -> c_int {
    unsafe {
        caught(n) + under_lock(n) + safe(n) + allocates(n) + announced(n) + named(c"n".as_ptr())
    }
}
