//! Runs what C has generated.

use std::os::raw::c_int;

unsafe extern "C" {
    fn emitter_new(value: c_int) -> *mut u8;
    fn emitter_run(code: *const u8) -> c_int;
    fn emitter_free(code: *mut u8);
    fn emitter_magic(code: *const u8) -> c_int;
    fn emitter_mark() -> c_int;
}

fn main() {
    // SAFETY: null is tested; C runs what it has written.
    unsafe {
        let code = emitter_new(42);
        if !code.is_null() {
            println!(
                "{} {} {}",
                emitter_run(code),
                emitter_magic(code),
                emitter_mark()
            );
            emitter_free(code);
        }
    }
}
