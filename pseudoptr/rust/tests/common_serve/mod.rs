//! For tests that want `GALEED_ON_TRAP=serve`: it must be set before the first allocation.
//!
//! One test at a time: on the mprotect backend the harness could not start the next one, with
//! signals blocked as pthread_create has them, while foreign code runs (THREAT_MODEL.md).

use std::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
}

extern "C" fn ask() {
    const NAME: &CStr = c"GALEED_ON_TRAP";
    // SAFETY: before `main` there is one thread; all are strings.
    unsafe {
        setenv(NAME.as_ptr(), c"serve".as_ptr(), 1);
        setenv(c"RUST_TEST_THREADS".as_ptr(), c"1".as_ptr(), 1);
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static ASK: extern "C" fn() = ask;
