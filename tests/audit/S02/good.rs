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

#[repr(C)]
pub struct Raw4 {
    family: u16,
    port: u16,
    address: [u8; 4],
}

unsafe extern "C" {
    fn connect_raw(address: *const u8, length: usize) -> i32;
}

pub fn connect(address: &std::net::SocketAddrV4) -> i32 {
    let address = Raw4 { family: 2, port: address.port().to_be(), address: address.ip().octets() };
    unsafe { connect_raw(&address as *const _ as *const u8, size_of::<Raw4>()) }
}
