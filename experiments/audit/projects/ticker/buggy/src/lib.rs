//! Timers.

mod names;
mod raw;

use std::os::raw::c_void;

pub use names::{name_of, register_names};

pub struct Timer {
    raw: *mut raw::Timer,
}

#[repr(C)]
pub struct Clock {
    pub ticks_per_second: u64,
    pub offset: u64,
}

unsafe extern "C" fn call<F: FnMut(u64)>(data: *mut c_void, now: u64) {
    let closure = data.cast::<F>();
    let guarded = std::panic::AssertUnwindSafe(|| {
        // SAFETY: what `every` passed.
        unsafe { (*closure)(now) }
    });
    if std::panic::catch_unwind(guarded).is_err() {
        eprintln!("a timer's function panicked");
    }
}

impl Timer {
    pub fn new() -> Option<Self> {
        // SAFETY: no precondition.
        let raw = unsafe { raw::timer_new() };
        (!raw.is_null()).then_some(Timer { raw })
    }

    /// Calls the function at every tick from now on.
    pub fn every<F: FnMut(u64) + 'static>(&mut self, closure: F) {
        let mut closure = closure;
        let data = (&mut closure as *mut F).cast::<c_void>();
        // SAFETY: the timer is alive.
        unsafe { raw::timer_every(self.raw, Some(call::<F>), data) }
    }

    pub fn tick(&mut self, now: u64) {
        // SAFETY: the timer is alive.
        unsafe { raw::timer_tick(self.raw, now) }
    }
}

/// All timers count by this clock from now on.
pub fn set_clock(ticks_per_second: u64, offset: u64) {
    let clock = Clock {
        ticks_per_second,
        offset,
    };
    // SAFETY: C reads it.
    unsafe { raw::timer_use_clock(&clock) }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: freed here alone.
        unsafe { raw::timer_free(self.raw) }
    }
}
