use std::ffi::c_int;

extern "C" {
    fn spread(out: *mut c_int);
    fn clear(out: *mut c_int);
    fn fill(out: *mut c_int, n: c_int);
    fn some(out: *mut c_int, n: c_int);
    fn open_it(options: *const Options) -> c_int;
}

#[repr(C)]
pub struct Options {
    pub level: c_int,
    pub flags: c_int,
    pub window: c_int,
}

pub fn all(level: c_int) -> c_int {
    let mut values: [c_int; 3] = [0; 3];
    let mut value: c_int = 0;
    let mut four: [c_int; 4] = [7; 4];
    let options = Options { level, flags: 0, window: 1 };
    unsafe {
        spread(values.as_mut_ptr());
        some(&mut value, 1);
        clear(four.as_mut_ptr());
        fill(four.as_mut_ptr(), four.len() as c_int);
        values[2] + value + four[1] + open_it(&options)
    }
}
