use std::ffi::{c_char, c_void, CString};

extern "C" {
    fn look(text: *const c_char) -> usize;
    fn make() -> *mut u64;
    fn unmake(made: *mut u64);
    fn free(memory: *mut c_void);
    fn maybe(text: *mut c_char, mine: bool);
}

pub fn lent() -> usize {
    let text = CString::new("hello").unwrap_or_default().into_raw();
    let n = unsafe { look(text) };
    drop(unsafe { CString::from_raw(text) });
    n
}

pub fn theirs() -> u64 {
    unsafe {
        let made = make();
        let value = *made;
        unmake(made);
        value
    }
}

pub fn by_libc() {
    unsafe { free(make().cast()) }
}

pub fn copied() -> Box<u64> {
    unsafe {
        let made = make();
        let value = Box::new(*made);
        unmake(made);
        maybe(std::ptr::null_mut(), false);
        value
    }
}
