use std::os::raw::c_int;

#[repr(C)]
pub struct SigFilter {
    _private: [u8; 0],
}

#[derive(Clone, Copy)]
pub struct Window {
    pub shape: u8,
    pub width: u64,
    pub overlap: u16,
    pub scale: f32,
}

unsafe extern "C" {
    pub fn sig_filter_new(order: c_int, cutoff: f64) -> *mut SigFilter;
    pub fn sig_gain(filter: *const SigFilter) -> f32;
    pub fn sig_filter_free(filter: *mut SigFilter);
    pub fn sig_run(filter: *mut SigFilter, window: *const Window, samples: *mut f32, count: usize);
}

unsafe extern "C" {
    #[link_name = "sig_energy"]
    fn sig_energy_raw(filter: *const SigFilter, samples: *mut f32, count: usize) -> f32;
}

/// # Safety
/// As many samples as said.
pub unsafe fn sig_energy(filter: *const SigFilter, samples: &[f32], count: usize) -> f32 {
    let first = samples.as_ptr();
    // SAFETY: the caller's.
    unsafe { sig_energy_raw(filter, first as *mut f32, count) }
}
