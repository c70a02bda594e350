use std::os::raw::{c_char, c_int, c_void};

use crate::Clock;

#[repr(C)]
pub struct Timer {
    _private: [u8; 0],
}

pub type Tick = unsafe extern "C" fn(*mut c_void, u64);

unsafe extern "C" {
    pub fn timer_new() -> *mut Timer;
    pub fn timer_free(timer: *mut Timer);
    pub fn timer_every(timer: *mut Timer, tick: Option<Tick>, data: *mut c_void);
    pub fn timer_tick(timer: *mut Timer, now: u64);
    pub fn timer_use_clock(clock: *const Clock);
    pub fn timer_on_name(
        named: unsafe extern "C" fn(*const c_char),
        index: unsafe extern "C" fn(c_int) -> c_int,
    );
}
