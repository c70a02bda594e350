use std::os::raw::{c_int, c_void};

use crate::{Device, ffi};

type Done = Box<dyn FnMut(i32) + Send>;

pub struct Request {
    raw: *mut ffi::dev_request,
    done: Option<Box<Done>>,
}

unsafe extern "C" fn completed(user: *mut c_void, result: c_int) {
    // SAFETY: what submit passed.
    let done = unsafe { &mut *user.cast::<Done>() };
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| done(result))).is_err() {
        eprintln!("a completion panicked");
    }
}

impl Request {
    pub fn new(device: &Device) -> Option<Request> {
        // SAFETY: open.
        let raw = unsafe { ffi::dev_request_new(device.raw) };
        (!raw.is_null()).then_some(Request { raw, done: None })
    }

    /// Calls `done` when the device has answered.
    pub fn submit(&mut self, done: Done) -> bool {
        let mut done = Box::new(done);
        let user = (&mut *done as *mut Done).cast::<c_void>();
        // SAFETY: alive.
        let result = unsafe { ffi::dev_request_submit(self.raw, completed, user) };
        self.done = Some(done);
        result == 0
    }

    pub fn cancel(self) -> bool {
        let raw = std::mem::ManuallyDrop::new(self).raw;
        // SAFETY: alive; C frees it.
        unsafe { ffi::dev_request_cancel(raw) == 0 }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { ffi::dev_request_free(self.raw) }
    }
}
