//! Log lines, written by C.

mod config;

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};

pub use config::{rotate, set_level};

unsafe extern "C" {
    fn journal_printf(priority: c_int, format: *const c_char, ...) -> c_int;
}

pub fn write(priority: i32, text: &str) -> bool {
    let Ok(text) = CString::new(text) else {
        return false;
    };
    // SAFETY: a C string for %s.
    unsafe { journal_printf(priority, c"%s".as_ptr(), text.as_ptr()) >= 0 }
}

pub fn progress(what: &CStr, percent: u8) {
    let format = c"%s: %d%%".as_ptr();
    // SAFETY: a C string and a number.
    unsafe {
        journal_printf(6, format, what.as_ptr(), c_int::from(percent));
    }
}
