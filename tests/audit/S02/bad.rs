struct Options {
    level: u8,
    window: u32,
}

unsafe extern "C" {
    fn configure(options: *const Options) -> i32;
}

pub fn set() -> i32 {
    let options = Options { level: 1, window: 2 };
    unsafe { configure(&options) }
}

pub fn connect(socket: i32, address: &std::net::SocketAddr) -> i32 {
    let (pointer, length) = match address {
        std::net::SocketAddr::V4(one) => (one as *const _ as *const Raw, size_of_val(one)),
        std::net::SocketAddr::V6(one) => (one as *const _ as *const Raw, size_of_val(one)),
    };
    unsafe { connect_raw(socket, pointer, length) }
}

#[repr(C)]
pub struct Raw {
    family: u16,
}

unsafe extern "C" {
    fn connect_raw(socket: i32, address: *const Raw, length: usize) -> i32;
}
