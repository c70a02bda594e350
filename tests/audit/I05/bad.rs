use std::ffi::{c_char, c_int};

extern "C" {
    fn make() -> *mut c_int;
    fn end_it(p: *mut c_int);
    fn finish(object: *mut c_int);
    fn value(object: *const c_int) -> c_int;
    fn show(text: *const c_char) -> c_int;
}

pub fn after_free() -> c_int {
    unsafe {
        let object = make();
        finish(object);
        value(object)
    }
}

pub fn read_after_free() -> c_int {
    unsafe {
        let object = make();
        finish(object);
        *object
    }
}

pub fn dropped(bytes: [u8; 8]) -> c_int {
    let text = Box::new(bytes);
    let start = text.as_ptr();
    drop(text);
    unsafe { show(start.cast()) }
}

#[inline(never)]
fn release(object: *mut c_int) {
    unsafe { finish(object) }
}

pub fn released() -> c_int {
    let object = unsafe { make() };
    release(object);
    unsafe { *object }
}

pub fn after_a_loop() -> c_int {
    unsafe {
        let p = make();
        end_it(p);
        value(p)
    }
}
