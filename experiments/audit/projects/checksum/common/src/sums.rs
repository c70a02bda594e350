use std::os::raw::{c_int, c_uchar};

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub block: u32,
    pub strong: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct State {
    pub low: u32,
    pub high: u32,
    pub count: u64,
}

#[repr(C)]
pub struct Key {
    pub words: [u32; 4],
}

unsafe extern "C" {
    pub fn sum_normalise(options: *mut Options) -> c_int;
    pub fn sum_update(state: *mut State, bytes: *const c_uchar, count: usize);
    pub fn sum_digest(state: *const State) -> u32;
    pub fn sum_seed(key: *const Key) -> u32;
}
