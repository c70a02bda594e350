use std::ffi::CStr;
use std::os::raw::{c_char, c_int};
use std::sync::Mutex;

use crate::raw;

static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
const LIMITS: [i32; 4] = [10, 100, 1_000, 10_000];

unsafe extern "C" fn on_name(name: *const c_char) {
    // SAFETY: C passes a C string.
    let name = unsafe { CStr::from_ptr(name) };
    let name = name.to_str().unwrap().to_owned();
    if let Ok(mut names) = NAMES.lock() {
        names.push(name);
    }
}

fn limit(index: usize) -> i32 {
    LIMITS[index]
}

unsafe extern "C" fn on_index(index: c_int) -> c_int {
    limit(index as usize)
}

pub fn register_names() {
    // SAFETY: both stay.
    unsafe { raw::timer_on_name(on_name, on_index) }
}

pub fn name_of(number: usize) -> Option<String> {
    NAMES.lock().ok()?.get(number).cloned()
}
