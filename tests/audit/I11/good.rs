use std::ffi::{c_int, c_void};
use std::ptr;

#[repr(C)]
pub struct RawStream {
    state: *mut c_void,
    left: c_int,
}

extern "C" {
    fn add(to: *mut c_int, from: *const c_int, count: c_int);
    fn swap(left: *mut c_int, right: *mut c_int);
    fn sum(left: *const c_int, right: *const c_int) -> c_int;
    fn stream_open(this: *mut RawStream) -> c_int;
    fn stream_left(this: *mut RawStream) -> c_int;
}

pub fn added(values: &mut [c_int], others: &[c_int]) {
    let count = values.len().min(others.len());
    unsafe { add(values.as_mut_ptr(), others.as_ptr(), count as c_int) };
}

// Nothing is promised.
pub fn nothing(value: &mut c_int) {
    unsafe { swap(value, value) };
}

// Promised, and not written.
pub fn twice(value: &c_int) -> c_int {
    unsafe { sum(value, value) }
}

// Two fields of one object.
pub struct Both {
    left: [c_int; 2],
    right: [c_int; 2],
}

pub fn halves(both: &mut Both) {
    unsafe { add(both.left.as_mut_ptr(), both.right.as_ptr(), 2) };
}

// What C keeps is a raw pointer's.
pub struct Stream(*mut RawStream);

impl Stream {
    pub fn new() -> Option<Stream> {
        let raw = Box::into_raw(Box::new(RawStream { state: ptr::null_mut(), left: 0 }));
        (unsafe { stream_open(raw) } == 0).then_some(Stream(raw))
    }
}

// C only uses it.
pub fn left() -> (Box<RawStream>, c_int) {
    let mut raw = Box::new(RawStream { state: ptr::null_mut(), left: 4 });
    let found = unsafe { stream_left(&mut *raw) };
    (raw, found)
}
