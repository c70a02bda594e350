use std::os::raw::c_int;

#[repr(C)]
pub struct SigFilter {
    _private: [u8; 0],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Window {
    pub shape: u8,
    pub width: u64,
    pub overlap: u16,
    pub scale: f32,
}

unsafe extern "C" {
    pub fn sig_filter_new(order: c_int, cutoff: f64, flags: c_int) -> *mut SigFilter;
    pub fn sig_gain(filter: *const SigFilter) -> f64;
    pub fn sig_filter_free(filter: *mut SigFilter);
    pub fn sig_run(filter: *mut SigFilter, window: *const Window, samples: *mut f32, count: usize);
}

unsafe extern "C" {
    pub fn sig_energy(filter: *const SigFilter, samples: *mut f32, count: usize) -> f32;
}
