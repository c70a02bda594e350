//! Comma-separated values.

use std::mem::MaybeUninit;
use std::os::raw::{c_char, c_int};

#[repr(C)]
struct Table {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn csv_open(text: *const c_char, count: usize) -> *mut Table;
    fn csv_close(table: *mut Table);
    fn csv_column(table: *const Table, name: *const c_char) -> c_int;
    fn csv_field(
        table: *const Table,
        row: c_int,
        column: c_int,
        count: *mut usize,
    ) -> *const c_char;
    fn csv_number(text: *const c_char, count: usize, number: *mut i64) -> c_int;
    fn csv_limits(table: *const Table, limits: *mut u32);
}

pub struct Reader<'a> {
    raw: *mut Table,
    _text: std::marker::PhantomData<&'a str>,
}

/// The number that a field holds, 0 if it holds none.
pub fn parse_number(field: &str) -> i64 {
    let mut number = MaybeUninit::<i64>::uninit();
    // SAFETY: so many bytes; C writes the number.
    unsafe {
        csv_number(field.as_ptr().cast(), field.len(), number.as_mut_ptr());
        number.assume_init()
    }
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Option<Self> {
        // SAFETY: so many bytes.
        let raw = unsafe { csv_open(text.as_ptr().cast(), text.len()) };
        (!raw.is_null()).then_some(Reader {
            raw,
            _text: std::marker::PhantomData,
        })
    }

    pub fn column(&self, name: &str) -> Option<i32> {
        // SAFETY: alive.
        let found = unsafe { csv_column(self.raw, name.as_ptr().cast()) };
        (found >= 0).then_some(found)
    }

    pub fn field(&self, row: i32, column: i32) -> Option<&'a str> {
        let mut count = 0;
        // SAFETY: alive.
        let first = unsafe { csv_field(self.raw, row, column, &mut count) };
        if first.is_null() {
            return None;
        }
        // SAFETY: a part of the text.
        let bytes = unsafe { std::slice::from_raw_parts(first.cast::<u8>(), count) };
        // SAFETY: a part of a str.
        Some(unsafe { std::str::from_utf8_unchecked(bytes) })
    }

    /// Rows and columns.
    pub fn limits(&self) -> u32 {
        let mut rows = 0u32;
        // SAFETY: alive.
        unsafe { csv_limits(self.raw, &mut rows) }
        rows
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { csv_close(self.raw) }
    }
}
