use std::ffi::{CString, c_void};
use std::os::raw::c_char;
use std::sync::atomic::{AtomicPtr, Ordering};

unsafe extern "C" {
    fn set_user_data(data: *mut c_void, free: extern "C" fn(*mut c_void));
    fn set_name(name: *const c_char);
}

struct State {
    count: u32,
}

extern "C" fn free_state(data: *mut c_void) {
    drop(unsafe { Box::from_raw(data.cast::<State>()) });
}

pub fn start() {
    let state = Box::into_raw(Box::new(State { count: 0 }));
    unsafe { set_user_data(state.cast(), free_state) };
}

pub fn lent(name: &CString) {
    unsafe { set_name(name.as_ptr()) };
}

/// Lives to the end, in a static.
static NAME: AtomicPtr<c_char> = AtomicPtr::new(std::ptr::null_mut());

pub fn kept(name: CString) {
    let name = CString::into_raw(name);
    NAME.store(name, Ordering::Release);
    unsafe { set_name(name) };
}

pub fn no_business_of_c(guard: std::rc::Rc<u32>) {
    std::mem::forget(guard);
}
