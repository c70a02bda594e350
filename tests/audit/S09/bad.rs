use std::ffi::CStr;
use std::os::raw::c_char;

#[repr(C)]
pub struct Raw {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn raw_free(raw: *mut Raw);
    fn raw_size(raw: *const Raw) -> usize;
}

#[derive(Debug, Clone)]
pub struct Handle {
    raw: *mut Raw,
}

impl Drop for Handle {
    fn drop(&mut self) {
        unsafe { raw_free(self.raw) }
    }
}

pub struct Copied {
    raw: *mut Raw,
}

impl Clone for Copied {
    fn clone(&self) -> Self {
        Copied { raw: self.raw }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        unsafe { raw_free(self.raw) }
    }
}

pub fn size(raw: *const Raw) -> usize {
    unsafe { raw_size(raw) }
}

pub fn first(bytes: *const u8) -> u8 {
    unsafe { *bytes }
}

pub fn text(text: *const c_char) -> String {
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
