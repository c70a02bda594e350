use std::ffi::{c_char, CString};
use std::mem::{forget, ManuallyDrop};
use std::ptr::null_mut;

#[repr(C)]
pub struct Parser {
    _private: [u8; 0],
}

extern "C" {
    fn parser_new() -> *mut Parser;
    fn parser_free(parser: *mut Parser);
    fn parser_unref(parser: *mut Parser, last: i32);
    fn parser_feed(parser: *mut Parser, text: *const c_char) -> i32;
}

pub struct Handle {
    parser: *mut Parser,
    name: String,
}

impl Handle {
    pub fn new(name: &str) -> Handle {
        Handle { parser: unsafe { parser_new() }, name: name.to_owned() }
    }

    pub fn close(mut self) -> String {
        let name = std::mem::take(&mut self.name);
        unsafe { parser_free(self.parser) };
        forget(self);
        name
    }

    pub fn close_by_null(mut self) -> usize {
        unsafe { parser_free(self.parser) };
        self.parser = null_mut();
        self.name.len()
    }

    pub fn renew(&mut self) {
        unsafe { parser_free(self.parser) };
        self.parser = unsafe { parser_new() };
    }

    pub fn into_raw(self) -> *mut Parser {
        ManuallyDrop::new(self).parser
    }

    pub fn feed(&mut self, text: &str) -> bool {
        let text = CString::new(text).unwrap_or_default();
        unsafe { parser_feed(self.parser, text.as_ptr()) != 0 }
    }

    pub fn drop_one(self, mine: bool) {
        let parser = self.parser;
        forget(self);
        if mine {
            unsafe { parser_free(parser) }
        } else {
            unsafe { parser_free(parser) }
        }
    }
}

impl Drop for Handle {
    #[inline(never)]
    fn drop(&mut self) {
        if !self.parser.is_null() {
            unsafe { parser_free(self.parser) }
        }
    }
}

/// Counted by C: each one gives back its own count.
pub struct Counted(*mut Parser);

impl Counted {
    pub fn both(self, last: i32) {
        unsafe { parser_unref(self.0, last) };
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        unsafe { parser_unref(self.0, 1) }
    }
}

pub fn two(n: usize) {
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(Handle::new("one"));
    }
    let last = all.pop();
    drop(all);
    drop(last);
}

pub fn swapped(one: &mut Handle) {
    let old = std::mem::replace(one, Handle::new("new"));
    drop(old);
}
