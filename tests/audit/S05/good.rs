use std::ffi::CString;
use std::os::raw::c_char;

unsafe extern "C" {
    fn puts(text: *const c_char) -> i32;
}

pub fn bound(name: &str) -> i32 {
    let name = CString::new(name).unwrap();
    let pointer = name.as_ptr();
    unsafe { puts(pointer) }
}

pub fn in_the_call(name: &str) -> i32 {
    let result = unsafe { puts(CString::new(name).unwrap().as_ptr()) };
    result
}

fn encoded(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

fn encoded_by(names: &[CString]) -> &CString {
    &names[0]
}

pub fn by_helpers(names: &[CString]) -> *const c_char {
    let name = encoded("name");
    unsafe { puts(name.as_ptr()) };
    let pointer = encoded_by(names).as_ptr();
    pointer
}

pub fn of_what_stays(name: Option<&str>) -> i32 {
    let name = name.map(|each| CString::new(each).unwrap());
    unsafe { puts(name.as_ref().map_or(std::ptr::null(), |each| each.as_ptr())) }
}
