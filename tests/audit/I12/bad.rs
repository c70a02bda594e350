use std::ffi::{c_int, c_long};
use std::mem::MaybeUninit;

#[repr(C)]
pub struct Device {
    pub ready: c_int,
    pub width: c_int,
    pub height: c_int,
}

extern "C" {
    fn device_width(this: *mut Device, out: *mut c_int) -> c_int;
    fn device_height(this: *mut Device, out: *mut c_int) -> c_int;
    fn device_area(this: *mut Device, out: *mut c_long);
    fn device_mode(mode: c_int, out: *mut c_int) -> c_int;
}

// Nobody looks at the result.
pub fn width(device: &mut Device) -> c_int {
    let mut out = MaybeUninit::uninit();
    unsafe {
        device_width(device, out.as_mut_ptr());
        out.assume_init()
    }
}

// The same, one function further on.
pub fn height(device: &mut Device) -> c_int {
    let mut out = MaybeUninit::uninit();
    unsafe {
        let _ = device_height(device, out.as_mut_ptr());
        out.assume_init()
    }
}

// There is no result to look at.
pub fn area(device: &mut Device) -> c_long {
    let mut out = MaybeUninit::<c_long>::uninit();
    unsafe {
        device_area(device, out.as_mut_ptr());
        out.assume_init()
    }
}

// Failure is 1, not less than 0.
pub fn mode(wanted: c_int) -> Option<c_int> {
    let mut out = MaybeUninit::uninit();
    unsafe {
        if device_mode(wanted, out.as_mut_ptr()) < 0 {
            return None;
        }
        Some(out.assume_init())
    }
}
