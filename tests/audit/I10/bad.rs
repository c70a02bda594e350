use std::ffi::c_int;

#[repr(C)]
pub struct State {
    pub count: c_int,
    pub total: c_int,
}

extern "C" {
    fn bump(state: &State) -> c_int;
    fn clear(bytes: *mut u8, n: usize);
    fn upper(text: *const u8);
}

pub fn by_reference(state: &State) -> c_int {
    unsafe { bump(state) }
}

pub fn shared_as_mut(bytes: &[u8]) {
    unsafe { clear(bytes.as_ptr().cast_mut(), bytes.len()) }
}

pub fn constant() {
    unsafe { upper(b"text\0".as_ptr()) }
}
