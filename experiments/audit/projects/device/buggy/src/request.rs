use std::os::raw::{c_int, c_void};

use crate::{Device, ffi};

type Done = Box<dyn FnMut(i32) + Send>;

pub struct Request {
    raw: *mut ffi::dev_request,
}

unsafe extern "C" fn completed(user: *mut c_void, result: c_int) {
    // SAFETY: what submit passed.
    let done = unsafe { &mut *user.cast::<Done>() };
    done(result);
}

impl Request {
    pub fn new(device: &Device) -> Option<Request> {
        // SAFETY: open.
        let raw = unsafe { ffi::dev_request_new(device.raw) };
        (!raw.is_null()).then_some(Request { raw })
    }

    /// Calls `done` when the device has answered.
    pub fn submit(&mut self, done: Done) -> bool {
        let mut done = Box::new(done);
        let user = (&mut *done as *mut Done).cast::<c_void>();
        // SAFETY: alive.
        let result = unsafe { ffi::dev_request_submit(self.raw, completed, user) };
        result == 0
    }

    pub fn cancel(self) -> bool {
        // SAFETY: alive.
        unsafe { ffi::dev_request_cancel(self.raw) == 0 }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { ffi::dev_request_free(self.raw) }
    }
}
