use std::ffi::{CStr, CString, NulError};
use std::os::raw::c_char;

use crate::sys;

pub struct Store(*mut sys::Settings);

impl Store {
    /// None: out of memory.
    pub fn open() -> Option<Self> {
        // SAFETY: no precondition.
        let raw = unsafe { sys::settings_open() };
        if raw.is_null() {
            None
        } else {
            Some(Store(raw))
        }
    }

    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, NulError> {
        let name = CString::new(name)?.into_raw();
        let value = CString::new(value)?.into_raw();
        // SAFETY: both are C strings.
        Ok(unsafe { sys::settings_set(self.0, name, value) } == 0)
    }

    pub fn get(&self, name: &str) -> Result<Option<String>, NulError> {
        let wanted = CString::new(name)?.as_ptr();
        // SAFETY: the store is open.
        let found = unsafe { sys::settings_get(self.0, wanted) };
        if found.is_null() {
            return Ok(None);
        }
        // SAFETY: it is a C string of the store.
        Ok(Some(unsafe { text(found) }))
    }

    /// Back to the default language.
    pub fn reset(&mut self) -> bool {
        let name = "language".as_ptr().cast::<c_char>();
        // SAFETY: the store is open.
        unsafe { sys::settings_remove(self.0, name) == 0 }
    }
}

unsafe fn text(value: *const c_char) -> String {
    // SAFETY: the caller's.
    unsafe {
        let bytes = CStr::from_ptr(value).to_bytes();
        std::str::from_utf8_unchecked(bytes).to_owned()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: open, and closed here alone.
        unsafe { sys::settings_close(self.0) }
    }
}
