#![allow(non_camel_case_types)]

use std::os::raw::{c_int, c_uchar, c_void};

#[repr(C)]
pub struct dev {
    _private: [u8; 0],
}

#[repr(C)]
pub struct dev_request {
    _private: [u8; 0],
}

pub type dev_done = unsafe extern "C" fn(user: *mut c_void, result: c_int);

unsafe extern "C" {
    pub fn dev_open(number: u32) -> *mut dev;
    pub fn dev_close(device: *mut dev);
    pub fn dev_state(device: *const dev) -> c_int;
    pub fn dev_watch(buffer: *mut c_uchar, count: usize);
    pub fn dev_request_new(device: *mut dev) -> *mut dev_request;
    pub fn dev_request_submit(
        request: *mut dev_request,
        done: dev_done,
        user: *mut c_void,
    ) -> c_int;
    pub fn dev_request_cancel(request: *mut dev_request) -> c_int;
    pub fn dev_request_free(request: *mut dev_request);
}
