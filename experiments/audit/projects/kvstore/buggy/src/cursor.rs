use std::marker::PhantomData;

use crate::bindings::{self, kv_cursor};
use crate::store::Store;

#[derive(Clone)]
pub struct Cursor<'a> {
    raw: *mut kv_cursor,
    _store: PhantomData<&'a Store>,
}

impl<'a> Cursor<'a> {
    pub fn new(store: &'a Store) -> Option<Self> {
        // SAFETY: open as long as 'a.
        let raw = unsafe { bindings::kv_cursor_new(store.raw) };
        (!raw.is_null()).then_some(Cursor {
            raw,
            _store: PhantomData,
        })
    }
}

impl Iterator for Cursor<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut value = 0;
        // SAFETY: the cursor is alive.
        let more = unsafe { bindings::kv_cursor_next(self.raw, &mut value) };
        (more == 0).then_some(value)
    }
}

/// How many steps a new cursor takes to the end.
pub fn finish(store: &Store) -> u64 {
    // SAFETY: open; the cursor lives in here.
    unsafe {
        let cursor = bindings::kv_cursor_new(store.raw);
        if cursor.is_null() {
            return 0;
        }
        let mut value = 0;
        while bindings::kv_cursor_next(cursor, &mut value) == 0 {}
        bindings::kv_cursor_free(cursor);
        (*cursor).steps
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { bindings::kv_cursor_free(self.raw) }
    }
}

impl Store {
    pub fn steps(&self) -> u64 {
        finish(self)
    }
}
