//! A roster of members.

mod member;
mod sys;

use std::ffi::{CStr, CString};

pub use member::{announce, publish};

pub struct Roster {
    raw: *mut sys::Roster,
}

impl Roster {
    pub fn new() -> Option<Roster> {
        // SAFETY: no precondition.
        let raw = unsafe { sys::roster_new() };
        (!raw.is_null()).then_some(Roster { raw })
    }

    pub fn rename(&mut self, number: u32, name: &str) -> bool {
        let Ok(name) = CString::new(name) else {
            return false;
        };
        // SAFETY: C owns the name from here on.
        unsafe { sys::roster_adopt(self.raw, number, name.into_raw()) == 0 }
    }

    pub fn name(&self, number: u32) -> Option<String> {
        // SAFETY: alive.
        let copy = unsafe { sys::roster_name(self.raw, number) };
        if copy.is_null() {
            return None;
        }
        // SAFETY: a C string of our own.
        unsafe { CString::from_raw(copy) }.into_string().ok()
    }
}

impl Drop for Roster {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { sys::roster_free(self.raw) }
    }
}
