use std::ffi::CString;
use std::os::raw::c_char;

fn encoded(name: &str) -> Result<CString, std::ffi::NulError> {
    CString::new(name.to_uppercase())
}

pub fn by_a_helper(name: Option<&str>) -> *const c_char {
    let pointer = if let Some(name) = name { encoded(name).unwrap().as_ptr() } else { std::ptr::null() };
    pointer
}

pub fn by_a_closure(name: Option<&str>) -> *const c_char {
    let name = name.map(|each| CString::new(each).unwrap());
    name.map_or(std::ptr::null(), |each| each.as_ptr())
}
