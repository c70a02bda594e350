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
        // SAFETY: C copies the name.
        unsafe { sys::roster_rename(self.raw, number, name.as_ptr()) == 0 }
    }

    pub fn name(&self, number: u32) -> Option<String> {
        // SAFETY: alive.
        let copy = unsafe { sys::roster_name(self.raw, number) };
        if copy.is_null() {
            return None;
        }
        // SAFETY: a C string of our own, freed as C wants it.
        unsafe {
            let text = CStr::from_ptr(copy).to_string_lossy().into_owned();
            sys::roster_free_name(copy);
            Some(text)
        }
    }
}

impl Drop for Roster {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { sys::roster_free(self.raw) }
    }
}
