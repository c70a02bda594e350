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

// Something is there before.
pub fn width(device: &mut Device) -> c_int {
    let mut out = 0;
    unsafe { device_width(device, &mut out) };
    out
}

pub fn area(device: &mut Device) -> c_long {
    let mut out = MaybeUninit::<c_long>::zeroed();
    unsafe {
        device_area(device, out.as_mut_ptr());
        out.assume_init()
    }
}

// The result is asked for, here and in a function of its own.
pub fn checked(device: &mut Device) -> Option<c_int> {
    let mut out = MaybeUninit::uninit();
    unsafe {
        if device_width(device, out.as_mut_ptr()) != 0 {
            return None;
        }
        Some(out.assume_init())
    }
}

#[inline(never)]
fn status(code: c_int) -> Result<(), c_int> {
    match code {
        0 => Ok(()),
        other => Err(other),
    }
}

pub fn height(device: &mut Device) -> Result<c_int, c_int> {
    let mut out = MaybeUninit::uninit();
    unsafe {
        status(device_height(device, out.as_mut_ptr()))?;
        Ok(out.assume_init())
    }
}

// This mode is always there.
pub fn first_mode() -> c_int {
    let mut out = MaybeUninit::uninit();
    unsafe {
        device_mode(0, out.as_mut_ptr());
        out.assume_init()
    }
}

pub fn mode(wanted: c_int) -> Option<c_int> {
    let mut out = MaybeUninit::uninit();
    match unsafe { device_mode(wanted, out.as_mut_ptr()) } {
        0 => Some(unsafe { out.assume_init() }),
        _ => None,
    }
}

// Where it was not written nothing goes on; the compiler is told that this is unlikely.
pub fn never_fails(device: &mut Device) -> [c_int; 1] {
    let mut out = MaybeUninit::<[c_int; 1]>::uninit();
    unsafe {
        if device_width(device, out.as_mut_ptr().cast()) == -1 {
            unreachable!("it is ready")
        } else {
            out.assume_init()
        }
    }
}
