#[repr(C)]
struct Options {
    level: u8,
    window: u32,
}

/// Only C knows what is in it.
struct Handle {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn configure(handle: *mut Handle, options: *const Options) -> i32;
}
