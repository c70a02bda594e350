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
