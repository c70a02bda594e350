use std::os::raw::c_int;

unsafe extern "C" {
    fn journal_configure(levels: *const c_int, count: usize);
    fn journal_rotate(remaining: &c_int) -> c_int;
}

static mut LEVELS: [c_int; 8] = [3; 8];

pub fn set_level(part: usize, level: i32) {
    // SAFETY: the library is asked not to be used by two threads.
    unsafe {
        LEVELS[part % 8] = level;
        journal_configure((&raw const LEVELS).cast(), 8);
    }
}

/// Closes files until so many remain to be closed.
pub fn rotate(files: i32) -> bool {
    // SAFETY: any number.
    unsafe { journal_rotate(&files) == 0 && files > 0 }
}
