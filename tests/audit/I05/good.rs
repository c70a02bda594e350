use std::ffi::{c_char, c_int};

extern "C" {
    fn make() -> *mut c_int;
    fn release(object: *mut c_int);
    fn finish(object: *mut c_int);
    fn value(object: *const c_int) -> c_int;
    fn show(text: *const c_char) -> c_int;
}

pub fn in_order() -> c_int {
    unsafe {
        let object = make();
        let n = value(object);
        finish(object);
        n
    }
}

pub fn counted() -> c_int {
    unsafe {
        let object = make();
        release(object);
        let n = value(object);
        release(object);
        n
    }
}

pub fn one_after_the_other() -> c_int {
    unsafe {
        let mut object = make();
        finish(object);
        object = make();
        let n = value(object);
        finish(object);
        n
    }
}

pub fn bound(bytes: [u8; 8]) -> c_int {
    let text = Box::new(bytes);
    let n = unsafe { show(text.as_ptr().cast()) };
    drop(text);
    n
}

#[inline(never)]
fn finish_if(really: bool, object: *mut c_int) {
    if really {
        unsafe { finish(object) }
    }
}

pub fn not_yet(really: bool) -> c_int {
    let object = unsafe { make() };
    finish_if(really, object);
    if really {
        return 0;
    }
    let n = unsafe { value(object) };
    finish_if(true, object);
    n
}
