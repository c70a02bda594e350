use std::os::raw::c_int;
use std::sync::Arc;

#[repr(C)]
pub struct Raw {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn raw_free(raw: *mut Raw);
    fn raw_up_ref(raw: *mut Raw) -> *mut Raw;
    fn raw_size(raw: *const Raw) -> usize;
}

struct Inner {
    raw: *mut Raw,
}

impl Drop for Inner {
    fn drop(&mut self) {
        unsafe { raw_free(self.raw) }
    }
}

#[derive(Clone)]
pub struct Shared {
    inner: Arc<Inner>,
}

pub struct Counted {
    raw: *mut Raw,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Counted { raw: unsafe { raw_up_ref(self.raw) } }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        unsafe { raw_free(self.raw) }
    }
}

/// Borrows, and frees nothing.
#[derive(Clone, Copy)]
pub struct View {
    raw: *const Raw,
}

/// # Safety
/// `raw` is a live handle.
pub unsafe fn size(raw: *const Raw) -> usize {
    unsafe { raw_size(raw) }
}

pub fn size_of(shared: &Shared) -> usize {
    unsafe { raw_size(shared.inner.raw) }
}

pub fn is_null(raw: *const Raw) -> bool {
    raw.is_null()
}

#[unsafe(no_mangle)]
pub extern "C" fn size_for_c(raw: *const Raw) -> c_int {
    unsafe { raw_size(raw) as c_int }
}

mod inside {
    pub fn peek(bytes: *const u8) -> u8 {
        unsafe { *bytes }
    }
}

impl Counted {
    pub fn adopt(raw: *mut Raw) -> Option<Self> {
        let raw = if raw.is_null() { return None } else { unsafe { raw_up_ref(raw) } };
        Some(Counted { raw })
    }

    /// # Safety
    /// `raw` is a live handle, whose count is the caller's to give.
    pub unsafe fn from_raw(raw: *mut Raw) -> Self {
        Counted { raw }
    }
}
