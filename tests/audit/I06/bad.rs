use std::ffi::c_int;

extern "C" {
    fn set_target(target: *mut c_int);
}

pub fn subscribe() {
    let mut value: c_int = 0;
    unsafe { set_target(&mut value) }
}
