use std::sync::Mutex;

#[repr(C)]
pub struct Device {
    _private: [u8; 0],
}

extern "C" {
    fn disk_name(number: i32, out: *mut u8);
    fn next() -> i32;
    fn reseeded(by: u32) -> u32;
    fn device_select(device: *mut Device) -> i32;
    fn pure(n: i32) -> i32;
}

pub fn name(number: i32) -> u8 {
    let mut out = [0; 32];
    unsafe { disk_name(number, out.as_mut_ptr()) };
    out[0]
}

pub fn counted() -> i32 {
    unsafe { next() + pure(1) }
}

static ONE: Mutex<u32> = Mutex::new(0);

pub fn one_at_a_time() -> u32 {
    let mut last = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *last = unsafe { reseeded(*last) };
    *last
}

/// Stays on its thread.
pub struct Handle(*mut Device);

impl Handle {
    pub fn select(&self) -> i32 {
        unsafe { device_select(self.0) }
    }
}
