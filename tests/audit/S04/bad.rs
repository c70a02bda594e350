use std::ffi::CString;
use std::os::raw::c_char;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut u8;
    fn version_text() -> *mut c_char;
    fn fill(count: *mut usize) -> *mut u32;
}

pub fn version() -> CString {
    unsafe { CString::from_raw(version_text()) }
}

pub fn numbers() -> Vec<u32> {
    let mut count = 0;
    let start = unsafe { fill(&mut count) };
    unsafe { Vec::from_raw_parts(start, count, count) }
}

pub fn page() -> Box<[u8; 4096]> {
    let page = unsafe { malloc(4096) } as *mut [u8; 4096];
    unsafe { Box::from_raw(page) }
}
