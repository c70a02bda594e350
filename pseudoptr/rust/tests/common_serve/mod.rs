//! For tests that want `GALEED_ON_TRAP`: it must be set before the first allocation.
//!
//! One test at a time: on the mprotect backend the harness could not start the next one, with
//! signals blocked as pthread_create has them, while foreign code runs (THREAT_MODEL.md).

use std::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
}

/// Sets it to the word. Before `main`, where there is one thread.
pub fn ask_for(word: &CStr) {
    // SAFETY: there is one thread; all are strings.
    unsafe {
        setenv(c"GALEED_ON_TRAP".as_ptr(), word.as_ptr(), 1);
        setenv(c"RUST_TEST_THREADS".as_ptr(), c"1".as_ptr(), 1);
    }
}

macro_rules! on_trap {
    ($word:literal) => {
        const _: () = {
            extern "C" fn ask_for_it() {
                common_serve::ask_for($word);
            }
            #[used]
            #[unsafe(link_section = ".init_array")]
            static ASK_FOR_IT: extern "C" fn() = ask_for_it;
        };
    };
}
pub(crate) use on_trap;
