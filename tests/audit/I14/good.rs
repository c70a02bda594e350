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
    fn entry_self(this: *mut Entry) -> *mut Entry;
    fn entry_name(key: c_int) -> *const c_char;
}

pub fn bytes(entry: &mut Entry) -> &[u8] {
    let text = unsafe { entry_text(entry) };
    if text.is_null() {
        return &[];
    }
    unsafe { std::slice::from_raw_parts(text.cast::<u8>(), 4) }
}

pub fn text(entry: &mut Entry) -> Option<&CStr> {
    let text = unsafe { entry_text(entry) };
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

pub fn found(entry: &mut Entry) -> Option<NonNull<Entry>> {
    NonNull::new(unsafe { entry_find(entry, 3) })
}

pub fn next(entry: &mut Entry) -> Option<&mut Entry> {
    unsafe { entry_next(entry).as_mut() }
}

pub fn made() -> NonNull<Entry> {
    NonNull::new(unsafe { entry_make() }).expect("memory")
}

#[inline(never)]
fn checked(entry: *mut Entry) -> Result<NonNull<Entry>, ()> {
    NonNull::new(entry).ok_or(())
}

pub fn key(entry: &mut Entry) -> Result<c_int, ()> {
    Ok(unsafe { checked(entry_find(entry, 4))?.as_ref() }.key)
}

// Null only for null.
pub fn same(entry: &mut Entry) -> &mut Entry {
    unsafe { &mut *entry_self(entry) }
}

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
        if self.raw.data.is_null() {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.raw.data, self.raw.length) }
    }
}

pub fn name() -> &'static CStr {
    unsafe { CStr::from_ptr(entry_name(3)) }
}

pub fn name_of(key: c_int) -> Option<&'static CStr> {
    let name = unsafe { entry_name(key) };
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
}
