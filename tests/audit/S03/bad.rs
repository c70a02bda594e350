use std::ffi::CString;
use std::os::raw::c_char;

unsafe extern "C" {
    fn set_name(name: *mut c_char);
    fn set_samples(samples: *const f32, count: usize);
}

pub fn name(text: &str) {
    let text = CString::new(text).unwrap();
    unsafe { set_name(text.into_raw()) };
}

pub fn other(text: CString) {
    unsafe { set_name(CString::into_raw(text)) };
}

pub fn samples(values: Vec<f32>) {
    unsafe { set_samples(values.as_ptr(), values.len()) };
    std::mem::forget(values);
}
