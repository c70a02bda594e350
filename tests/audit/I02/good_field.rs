use std::alloc::{alloc, realloc, Layout};
use std::ffi::c_void;
use std::mem::ManuallyDrop;

extern "C" {
    fn set_hook(grow: extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void);
    fn compile(text: *const u8, n: usize, made: *mut usize) -> *mut u8;
    fn copy_of(text: *const u8, n: usize) -> *mut u8;
    fn free(memory: *mut c_void);
}

/// The C library allocates by what it is told to: by Rust's allocator here.
extern "C" fn grow(_: *mut c_void, old: *mut c_void, size: usize) -> *mut c_void {
    unsafe {
        match old.is_null() {
            true => alloc(Layout::from_size_align_unchecked(size, 1)).cast(),
            false => realloc(old.cast(), Layout::from_size_align_unchecked(size / 2, 1), size).cast(),
        }
    }
}

pub fn compiled(text: &str) -> Vec<u8> {
    let mut made = 0;
    unsafe {
        set_hook(grow);
        let code = compile(text.as_ptr(), text.len(), &mut made);
        Vec::from_raw_parts(code, made, made)
    }
}

/// Looked at as a Vec, and freed by C.
pub fn seen(text: &str) -> usize {
    unsafe {
        let copy = copy_of(text.as_ptr(), text.len());
        let seen = ManuallyDrop::new(Vec::from_raw_parts(copy, text.len(), text.len()));
        let n = seen.iter().filter(|each| **each == b' ').count();
        free(copy.cast());
        n
    }
}
