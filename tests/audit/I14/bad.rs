use std::ffi::{c_char, c_int, CStr};
use std::ptr::{self, NonNull};

#[repr(C)]
pub struct Entry {
    pub key: c_int,
    text: *const c_char,
    next: *mut Entry,
}

extern "C" {
    fn entry_text(this: *mut Entry) -> *const c_char;
    fn entry_find(this: *mut Entry, key: c_int) -> *mut Entry;
    fn entry_next(this: *mut Entry) -> *mut Entry;
    fn entry_make() -> *mut Entry;
    fn entry_name(key: c_int) -> *const c_char;
}

pub fn bytes(entry: &mut Entry) -> &[u8] {
    unsafe { std::slice::from_raw_parts(entry_text(entry).cast::<u8>(), 4) }
}

pub fn text(entry: &mut Entry) -> &CStr {
    unsafe { CStr::from_ptr(entry_text(entry)) }
}

pub fn found(entry: &mut Entry) -> NonNull<Entry> {
    unsafe { NonNull::new_unchecked(entry_find(entry, 3)) }
}

pub fn next(entry: &mut Entry) -> &mut Entry {
    unsafe { &mut *entry_next(entry) }
}

pub fn key(entry: &mut Entry) -> c_int {
    unsafe { (*entry_find(entry, 4)).key }
}

// Only where memory has run out: a candidate.
pub fn made() -> NonNull<Entry> {
    unsafe { NonNull::new_unchecked(entry_make()) }
}

// A slice of what is null from the beginning.
#[repr(C)]
pub struct RawBytes {
    data: *mut u8,
    length: usize,
}

pub struct Bytes {
    raw: RawBytes,
}

impl Bytes {
    pub fn new() -> Bytes {
        Bytes { raw: RawBytes { data: ptr::null_mut(), length: 0 } }
    }

    pub fn as_slice(&self) -> &[u8] {
        unsafe { std::slice::from_raw_parts(self.raw.data, self.raw.length) }
    }
}

// C chooses without a branch.
pub fn name(key: c_int) -> &'static CStr {
    unsafe { CStr::from_ptr(entry_name(key)) }
}
