#![allow(non_camel_case_types)]

use std::os::raw::c_int;

#[repr(C)]
pub struct kv_store {
    _unused: [u8; 0],
}

#[repr(C)]
pub struct kv_cursor {
    pub store: *mut kv_store,
    pub position: u64,
    pub steps: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct kv_stats {
    pub entries: u64,
    pub bytes: u64,
}

unsafe extern "C" {
    pub fn kv_open() -> *mut kv_store;
    pub fn kv_destroy(store: *mut kv_store);
    pub fn kv_put(store: *mut kv_store, key: u64, value: u64) -> c_int;
    pub fn kv_get(store: *const kv_store, key: u64, value: *mut u64) -> c_int;
    pub fn kv_stat(store: *const kv_store, stats: *mut kv_stats);
    pub fn kv_cursor_new(store: *mut kv_store) -> *mut kv_cursor;
    pub fn kv_cursor_next(cursor: *mut kv_cursor, value: *mut u64) -> c_int;
    pub fn kv_cursor_free(cursor: *mut kv_cursor);
}
