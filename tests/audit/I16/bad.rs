use std::ffi::c_int;

extern "C" {
    fn spread(out: *mut c_int);
    fn clear(out: *mut c_int);
    fn fill(out: *mut c_int);
    fn bounds(out: *mut c_int, n: c_int);
    fn open_it(options: *const Options) -> c_int;
}

#[repr(C)]
pub struct Options {
    pub level: c_int,
    pub flags: c_int,
}

pub fn one() -> c_int {
    let mut value: c_int = 0;
    unsafe { spread(&mut value) }
    value
}

pub fn short(level: c_int) -> c_int {
    let options = Options { level, flags: 0 };
    unsafe { open_it(&options) }
}

pub fn merged_stores() -> c_int {
    let mut values: [c_int; 3] = [7; 3];
    unsafe { clear(values.as_mut_ptr()) }
    values[0] + values[2]
}

pub fn a_whole_loop() -> c_int {
    let mut value: c_int = 0;
    unsafe { fill(&mut value) }
    value
}

pub fn after_a_loop(n: c_int) -> c_int {
    let mut top: c_int = 0;
    unsafe { bounds(&mut top, n) }
    top
}
