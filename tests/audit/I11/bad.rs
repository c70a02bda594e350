use std::ffi::{c_int, c_void};
use std::ptr;

#[repr(C)]
pub struct RawStream {
    state: *mut c_void,
    left: c_int,
}

extern "C" {
    fn add(to: *mut c_int, from: *const c_int, count: c_int);
    fn swap(left: &mut c_int, right: *mut c_int);
    fn stream_open(this: *mut RawStream) -> c_int;
}

pub fn double(values: &mut [c_int]) {
    let at = values.as_mut_ptr();
    unsafe { add(at, at, values.len() as c_int) };
}

pub fn nothing(value: &mut c_int) {
    let at: *mut c_int = value;
    unsafe { swap(&mut *at, at) };
}

// C keeps the address; the Box says that it is the only one.
pub struct Stream(Box<RawStream>);

impl Stream {
    pub fn new() -> Option<Stream> {
        let mut raw = Box::new(RawStream { state: ptr::null_mut(), left: 0 });
        (unsafe { stream_open(&mut *raw) } == 0).then(|| Stream(raw))
    }

    pub fn left(&mut self) -> &mut c_int {
        &mut self.0.left
    }
}
