use std::os::raw::c_int;

use std::sync::Mutex;

unsafe extern "C" {
    fn journal_configure(levels: *const c_int, count: usize);
    fn journal_rotate(remaining: &mut c_int) -> c_int;
}

static LEVELS: Mutex<[c_int; 8]> = Mutex::new([3; 8]);

pub fn set_level(part: usize, level: i32) {
    let mut levels = LEVELS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    levels[part % 8] = level;
    // SAFETY: C copies them, under the lock.
    unsafe { journal_configure(levels.as_ptr(), 8) }
}

/// Closes files until so many remain to be closed.
pub fn rotate(mut files: i32) -> bool {
    // SAFETY: any number.
    unsafe { journal_rotate(&mut files) == 0 && files > 0 }
}
