//! Devices and requests to them.

mod ffi;
mod request;

use std::os::raw::c_int;

pub use request::Request;

pub struct Device {
    pub(crate) raw: *mut ffi::dev,
    status: Box<[u8; 64]>,
}

impl Device {
    pub fn open(number: u32) -> Option<Device> {
        // SAFETY: any number.
        let raw = unsafe { ffi::dev_open(number) };
        (!raw.is_null()).then(|| Device {
            raw,
            status: Box::new([0; 64]),
        })
    }

    /// Has C write its status somewhere as it changes.
    pub fn watch(&mut self) -> u8 {
        // SAFETY: 64 bytes; Drop ends it.
        unsafe { ffi::dev_watch(self.status.as_mut_ptr(), self.status.len()) }
        self.status[0]
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
        let state = ffi::dev_state(raw);
        ffi::dev_close(raw);
        state
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
