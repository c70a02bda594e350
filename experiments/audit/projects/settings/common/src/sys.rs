use std::os::raw::{c_char, c_int};

pub enum Settings {}

unsafe extern "C" {
    pub fn settings_open() -> *mut Settings;
    pub fn settings_close(settings: *mut Settings);
    pub fn settings_set(
        settings: *mut Settings,
        name: *const c_char,
        value: *const c_char,
    ) -> c_int;
    pub fn settings_get(settings: *const Settings, name: *const c_char) -> *const c_char;
    pub fn settings_remove(settings: *mut Settings, name: *const c_char) -> c_int;
}
