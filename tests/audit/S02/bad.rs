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
