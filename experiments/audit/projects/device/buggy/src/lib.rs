//! Devices and requests to them.

mod ffi;
mod request;

use std::os::raw::c_int;

pub use request::Request;

pub struct Device {
    pub(crate) raw: *mut ffi::dev,
}

impl Device {
    pub fn open(number: u32) -> Option<Device> {
        // SAFETY: any number.
        let raw = unsafe { ffi::dev_open(number) };
        (!raw.is_null()).then_some(Device { raw })
    }

    /// Has C write its status somewhere as it changes.
    pub fn watch(&mut self) -> u8 {
        let mut status = [0u8; 64];
        // SAFETY: 64 bytes.
        unsafe { ffi::dev_watch(status.as_mut_ptr(), status.len()) }
        status[0]
    }
}

/// Opens and closes a device; its state before.
pub fn reset(number: u32) -> c_int {
    // SAFETY: any number; freed once.
    unsafe {
        let raw = ffi::dev_open(number);
        if raw.is_null() {
            return -1;
        }
        ffi::dev_close(raw);
        ffi::dev_state(raw)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: open; nothing is watched any more.
        unsafe {
            ffi::dev_watch(std::ptr::null_mut(), 0);
            ffi::dev_close(self.raw);
        }
    }
}
