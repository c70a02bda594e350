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

/// Rust on both sides, and JavaScript: neither is C.
pub struct Loose {
    a: u8,
    b: u32,
}

unsafe extern "Rust" {
    fn elsewhere(loose: &Loose);
}

#[wasm_bindgen]
extern "C" {
    fn alert(loose: &Loose);
}
