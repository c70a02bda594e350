use std::ffi::{c_char, CString};

#[repr(C)]
pub struct Parser {
    _private: [u8; 0],
}

extern "C" {
    fn parser_new() -> *mut Parser;
    fn parser_free(parser: *mut Parser);
    fn parser_feed(parser: *mut Parser, text: *const c_char) -> i32;
    fn take_text(text: *mut c_char);
}

pub struct Handle {
    parser: *mut Parser,
    fed: usize,
}

impl Handle {
    pub fn new() -> Handle {
        Handle { parser: unsafe { parser_new() }, fed: 0 }
    }

    /// Without forget, Drop follows.
    pub fn close(self) -> usize {
        unsafe { parser_free(self.parser) };
        self.fed
    }

    pub fn feed(mut self, text: &CString) -> Handle {
        self.fed += 1;
        unsafe { parser_feed(self.parser, text.as_ptr()) };
        self
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        unsafe { parser_free(self.parser) }
    }
}

/// Its Drop is no part of what uses it.
pub struct Slow(*mut Parser, String);

impl Drop for Slow {
    #[inline(never)]
    fn drop(&mut self) {
        unsafe { parser_free(self.0) }
    }
}

#[inline(never)]
pub fn finish(slow: Slow) -> usize {
    unsafe { parser_free(slow.0) };
    slow.1.len()
}

pub fn still_owned() {
    let text = CString::new("text").unwrap_or_default();
    unsafe { take_text(text.as_ptr().cast_mut()) }
}

pub fn twice_by_c() {
    unsafe {
        let parser = parser_new();
        parser_free(parser);
        parser_free(parser);
    }
}
