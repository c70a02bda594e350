use std::ffi::c_int;

extern "C" {
    fn checked(n: c_int) -> c_int;
    fn deep(n: c_int) -> c_int;
}

pub fn all(n: c_int) -> c_int {
    unsafe { checked(n) + deep(n) }
}
