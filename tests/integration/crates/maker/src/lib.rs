//! C for build scripts.
unsafe extern "C" {
    fn maker_twice(at: *const i32) -> i32;
}

/// Twice the number, by C.
pub fn twice(number: i32) -> i32 {
    // SAFETY: the reference is valid during the call.
    unsafe { maker_twice(&raw const number) }
}
