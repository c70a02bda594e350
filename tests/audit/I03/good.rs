use std::ffi::{c_char, c_void, CString};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

#[repr(C)]
pub struct Item {
    name: *mut c_char,
    size: usize,
}

extern "C" {
    fn look(text: *const c_char) -> usize;
    fn keep(text: *mut c_char);
    fn end(text: *mut c_void);
    fn look_at(item: *const Item) -> usize;
    fn with(user: *mut c_void, done: extern "C" fn(*mut c_void));
    fn same(text: *mut c_char) -> *mut c_char;
    fn unseen(text: *mut c_char);
}

static LAST: AtomicPtr<c_char> = AtomicPtr::new(null_mut());

pub fn lent(text: &str) -> usize {
    let text = CString::new(text).unwrap_or_default();
    unsafe { look(text.as_ptr()) }
}

pub fn taken_back(text: &str) -> usize {
    let text = CString::new(text).unwrap_or_default().into_raw();
    let n = unsafe { look(text) };
    drop(unsafe { CString::from_raw(text) });
    n
}

fn end_it(text: *mut c_char) {
    drop(unsafe { CString::from_raw(text) })
}

pub fn taken_back_elsewhere(text: &str) -> usize {
    let text = CString::new(text).unwrap_or_default().into_raw();
    let n = unsafe { look(text) };
    end_it(text);
    n
}

pub fn kept_by_c(text: &str) {
    unsafe { keep(CString::new(text).unwrap_or_default().into_raw()) }
}

pub fn taken_by_c() {
    unsafe { unseen(CString::default().into_raw()) }
}

pub fn returned(text: &str) -> *mut c_char {
    let text = CString::new(text).unwrap_or_default().into_raw();
    unsafe { look(text) };
    text
}

pub fn returned_by_c(text: &str) -> *mut c_char {
    unsafe { same(CString::new(text).unwrap_or_default().into_raw()) }
}

pub fn in_a_structure(text: &str) -> usize {
    let item = Item { name: CString::new(text).unwrap_or_default().into_raw(), size: text.len() };
    let n = unsafe { look_at(&item) };
    drop(unsafe { CString::from_raw(item.name) });
    n
}

pub fn stored(text: &str) -> usize {
    let text = CString::new(text).unwrap_or_default().into_raw();
    let before = LAST.swap(text, Ordering::AcqRel);
    if !before.is_null() {
        drop(unsafe { CString::from_raw(before) });
    }
    unsafe { look(text) }
}

extern "C" fn done(user: *mut c_void) {
    drop(unsafe { Box::from_raw(user as *mut u64) })
}

pub fn by_a_callback(n: u64) {
    unsafe { with(Box::into_raw(Box::new(n)).cast(), done) }
}

pub fn leaked_on_purpose(n: u64) -> usize {
    let forever: &'static mut u64 = Box::leak(Box::new(n));
    unsafe { look((forever as *mut u64).cast()) }
}

pub fn ended_by_c() {
    unsafe { end(libc_copy()) }
}

fn libc_copy() -> *mut c_void {
    extern "C" {
        fn strdup(text: *const c_char) -> *mut c_char;
    }
    unsafe { strdup(c"x".as_ptr()).cast() }
}
