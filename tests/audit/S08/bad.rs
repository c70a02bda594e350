use std::os::raw::c_int;

unsafe extern "C" {
    fn read_config(out: *mut Config) -> c_int;
}

#[repr(C)]
struct Config {
    level: c_int,
}

static mut CONFIG: Config = Config { level: 0 };
static mut SEEN: u32 = 0;

pub fn load() -> c_int {
    unsafe { read_config(&raw mut CONFIG) }
}

extern "C" fn on_event(_: c_int) {
    unsafe { SEEN += 1 };
}

unsafe extern "C" {
    fn use_levels(levels: *const c_int);
}

static mut LEVELS: [c_int; 4] = [0; 4];

pub fn set(part: usize) {
    unsafe {
        LEVELS[part] += 1;
        use_levels((&raw const LEVELS).cast());
    }
}

pub struct Decoder<R> {
    reader: R,
    raw: *mut Config,
}

unsafe impl<R: std::io::Read> Send for Decoder<R> {}
