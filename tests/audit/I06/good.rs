use std::ffi::c_int;

extern "C" {
    fn set_target(target: *mut c_int);
    fn clear_target();
    fn tick();
    fn run(target: *mut c_int);
}

static mut VALUE: c_int = 0;

pub fn for_ever() {
    unsafe { set_target(&raw mut VALUE) }
}

pub fn on_the_heap() {
    unsafe { set_target(Box::into_raw(Box::new(0))) }
}

pub fn for_a_while() -> c_int {
    let mut value: c_int = 0;
    unsafe {
        set_target(&mut value);
        tick();
        clear_target();
    }
    value
}

pub fn for_one_call() -> c_int {
    let mut value: c_int = 0;
    unsafe { run(&mut value) }
    value
}
