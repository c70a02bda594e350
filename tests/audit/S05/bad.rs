use std::ffi::CString;
use std::os::raw::c_char;

pub fn kept(name: &str) -> *const c_char {
    let pointer = CString::new(name).unwrap().as_ptr();
    pointer
}

pub fn returned(name: &str) -> *const c_char {
    CString::new(name).expect("no NUL").as_ptr()
}

fn encoded(name: &str) -> Result<CString, std::ffi::NulError> {
    CString::new(name.to_uppercase())
}

pub fn by_a_helper(name: Option<&str>) -> *const c_char {
    let pointer = if let Some(name) = name { encoded(name).unwrap().as_ptr() } else { std::ptr::null() };
    pointer
}

pub fn by_a_closure(name: Option<&str>) -> usize {
    let name = name.map(|each| CString::new(each).unwrap());
    unsafe { strlen(name.map_or(c"".as_ptr(), |each| each.as_ptr())) }
}

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
}
