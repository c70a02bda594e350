use std::ffi::{CStr, CString, c_void};
use std::os::raw::c_char;

unsafe extern "C" {
    fn version_text() -> *mut c_char;
    fn version_free(text: *mut c_char);
}

pub fn version() -> CString {
    unsafe {
        let text = version_text();
        let copy = CStr::from_ptr(text).to_owned();
        version_free(text);
        copy
    }
}

pub extern "C" fn release(data: *mut c_void) {
    drop(unsafe { Box::from_raw(data.cast::<u64>()) });
}

pub fn own() -> Box<u64> {
    let pointer = Box::into_raw(Box::new(1));
    unsafe { Box::from_raw(pointer) }
}
