//! The C of this crate, as Rust sees it.
use std::ffi::{c_char, c_int, c_void};

pub type Visitor = unsafe extern "C" fn(*mut c_void, i32) -> i32;

unsafe extern "C" {
    pub fn c_sum(at: *const i32, count: usize) -> i64;
    pub fn c_fill(at: *mut i32, count: usize, value: i32);
    pub fn c_length(text: *const c_char) -> usize;
    pub fn c_spaces(text: *const u8, bytes: usize) -> usize;
    pub fn c_measure(out: *mut i64, of: i64) -> c_int;
    pub fn c_peek(at: *const i64) -> i64;
    pub fn c_keep(visit: Visitor, user: *mut c_void);
    pub fn c_poke(user: *mut c_void);
    pub fn c_own(object: *mut i64);
    pub fn c_add(value: i64);
    pub fn c_give_back() -> *mut i64;
    pub fn c_free_owned();
    pub fn c_grow_owned();
    pub fn c_destroy_owned(destroy: unsafe extern "C" fn(*mut i64));
    pub fn c_allocate(value: i64) -> *mut i64;
    pub fn c_release(object: *mut i64);
    pub fn c_upper(text: *mut c_char) -> *mut c_char;
    pub fn c_cut(text: *mut c_char, at: usize) -> *mut c_char;
    pub fn c_text() -> *mut c_char;
}

// A panic of the closure passes these.
unsafe extern "C-unwind" {
    pub fn c_each(at: *const i32, count: usize, visit: Visitor, user: *mut c_void) -> i32;
    pub fn c_call_kept(value: i32) -> i32;
    pub fn c_mix(visit: Visitor, user: *mut c_void) -> i32;
    pub fn c_make_up(visit: Visitor) -> i32;
}
