use std::ffi::{c_char, c_int};

#[repr(C)]
pub struct Small {
    pub a: u64,
    pub b: u64,
    pub c: u64,
}

extern "C" {
    fn arity(a: c_int) -> c_int;
    fn width(a: u32) -> u32;
    fn result_width(a: c_int) -> u64;
    fn kind(a: f32) -> c_int;
    fn signs(a: i8) -> c_int;
    fn is_set(a: c_int) -> bool;
    fn filled(a: c_int) -> Small;
    fn nothing(a: c_int) -> c_int;
    fn logged(format: *const c_char, a: c_int) -> c_int;
}

pub fn all() -> u64 {
    unsafe {
        let small = filled(1);
        arity(1) as u64
            + width(2) as u64
            + result_width(3)
            + kind(4.0) as u64
            + signs(-5) as u64
            + is_set(6) as u64
            + small.a
            + nothing(7) as u64
            + logged(c"%d".as_ptr(), 8) as u64
    }
}
