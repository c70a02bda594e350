//! Counts what C allocates.

use std::os::raw::{c_int, c_void};

unsafe extern "C" {
    fn arena_count() -> usize;
    fn arena_hook(number: c_int) -> *const c_void;
}

fn main() {
    let text = format!("{} allocations", 1);
    // SAFETY: they take any number.
    unsafe { println!("{text} {} {}", arena_count(), arena_hook(0).is_null()) }
}
