//! `PROGRAM SCENARIO VALUE`: lends a Config to the foreign function of that name, and prints what
//! it returned and what has become of the Config, or the violation.

mod types;

use std::ffi::{CStr, c_char, c_int, c_long};
use types::Config;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

unsafe extern "C" {
    fn foreign(scenario: c_int, config: *mut Config, value: c_long) -> c_long;
    fn foreign_cxx(config: *mut Config, value: c_long) -> c_long;
}

/// # Safety
/// Called by the system.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let number = |at: usize| -> i64 {
        assert!(at < count as usize, "PROGRAM SCENARIO VALUE");
        // SAFETY: the system's arguments are strings, `count` of them.
        let text = unsafe { CStr::from_ptr(*arguments.add(at)) };
        text.to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("a number")
    };
    let (scenario, value) = (number(1), number(2));
    let mut config = Box::new(Config::new(50));
    config.next = Some(Box::new(Config::new(51)));
    let lent = galeed::lend_typed_mut(&mut *config).expect("lent");
    let returned = galeed::catch(|| {
        // SAFETY: the functions take a pseudo-pointer, which the guard keeps alive.
        unsafe {
            match scenario {
                100 => foreign_cxx(lent.as_ptr(), value),
                scenario => foreign(scenario as c_int, lent.as_ptr(), value),
            }
        }
    });
    drop(lent);
    match returned {
        Ok(returned) => println!("{returned}"),
        Err(violation) => println!("{violation}"),
    }
    let same = *config == {
        let mut before = Config::new(50);
        before.next = Some(Box::new(Config::new(51)));
        before
    };
    if !same {
        println!("{config:?}");
    }
    0
}
