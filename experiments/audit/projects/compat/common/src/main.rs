//! Visits what C holds.

use std::os::raw::{c_int, c_void};

unsafe extern "C-unwind" {
    fn compat_visit(visit: extern "C-unwind" fn(c_int, *mut c_void), user: *mut c_void);
}

unsafe extern "C" {
    fn compat_hash(bytes: *const u8, count: usize) -> u32;
    fn compat_other(bytes: *const u8, count: usize) -> u32;
    fn compat_restore(area: *const u8) -> c_int;
}

extern "C-unwind" fn visit(number: c_int, user: *mut c_void) {
    // SAFETY: the sum of main.
    unsafe { *user.cast::<i32>() += number }
}

#[repr(align(64))]
struct Area([u8; 4096]);

fn main() {
    let mut sum = 0i32;
    let area = Area([0; 4096]);
    // SAFETY: the sum lives; so many bytes; an aligned area.
    unsafe {
        compat_visit(visit, (&raw mut sum).cast());
        let restored = if std::env::args().count() > 1 {
            compat_restore(area.0.as_ptr())
        } else {
            0
        };
        println!(
            "{sum} {} {} {restored}",
            compat_hash(b"abc".as_ptr(), 3),
            compat_other(b"abc".as_ptr(), 3)
        );
    }
}
