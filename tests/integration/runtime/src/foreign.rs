//! foreign.c, declared, and what the host asks of its own rights.

use galeed_mpk::ffi as sys;
use std::ffi::{c_char, c_int, c_long, c_void};

pub type Callback = unsafe extern "C" fn(*mut c_void);
pub type Passing = unsafe extern "C-unwind" fn(*mut c_void);
pub type First = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    pub fn f_born() -> c_long;
    pub fn f_sum(at: *const u8, bytes: usize) -> c_long;
    pub fn f_fill(at: *mut u8, bytes: usize, value: c_int);
    pub fn f_args(count: c_int, list: *const *const c_char, out: *mut u8, room: usize) -> c_long;
    pub fn f_env(name: *const c_char, out: *mut u8, room: usize) -> c_long;
    pub fn f_keep(at: *mut u8);
    pub fn f_use_kept() -> c_int;
    pub fn f_calls(call: Callback, argument: *mut c_void);
    pub fn f_after_calls() -> c_long;
    pub fn f_raises();
    pub fn f_overflows(depth: c_int) -> c_int;
    pub fn f_overflows_in_cxx(depth: c_int) -> c_int; // overflow.cpp
    pub fn f_handles(number: c_int, flags: c_int) -> c_int;
    pub fn f_seen() -> c_long;
    pub fn f_raise(number: c_int) -> c_int;
    pub fn f_kill(number: c_int) -> c_int;
    pub fn f_has_signal_stack() -> c_int;
    pub fn f_busy_until(count: *const c_long, wanted: c_long) -> c_long;
    pub fn f_write(file: c_int) -> c_int;
    pub fn f_forks(in_child: Callback, argument: *mut c_void) -> c_int;
    pub fn f_fork() -> c_int;
    pub fn f_fork_peeks(address: usize) -> c_int;
    pub fn f_thread(call: Option<Callback>, argument: *mut c_void) -> c_int;
    pub fn f_thread_of(first: First, argument: *mut c_void) -> c_int;
    pub fn f_thread_peeks(address: usize) -> c_int;
}

/// The same functions, for callbacks that may unwind.
pub mod unwinding {
    use super::*;
    #[allow(clashing_extern_declarations)] // as a crate that means to let panics pass declares them
    unsafe extern "C-unwind" {
        pub fn f_calls(call: Passing, argument: *mut c_void);
        pub fn f_raises();
    }
}

/// The rights of this thread are those of host code: a closed or half-open domain, a gate
/// that is still entered, a heap with a broken invariant end the test.
pub fn assert_sound(when: &str) {
    let mut error = 0;
    // SAFETY: asks only; the runtime has started with the first allocation.
    unsafe {
        assert_eq!(sys::mpk_gate_is_foreign(), 0, "{when}: foreign");
        let host = sys::mpk_host(&raw mut error);
        assert_eq!(
            sys::mpk_domain_rights(host),
            sys::MPK_READ_WRITE,
            "{when}: rights"
        );
        assert!(sys::mpk_gate_function().is_null(), "{when}: in a gate");
        assert_eq!(sys::mpk_heap_check(host), 0, "{when}: heap");
    }
    let bytes = Box::new([3u8; 40]);
    // SAFETY: takes what it is given.
    assert_eq!(
        unsafe { f_sum(bytes.as_ptr(), 40) },
        120,
        "{when}: the next call"
    );
}

/// Leases that live now, and are not functions that were lent before.
pub fn leases() -> usize {
    galeed::host::galeed_live_leases()
}

/// Does it lie in the heap that is closed to C?
pub fn is_in_domain<T: ?Sized>(value: &T) -> bool {
    let mut error = 0;
    // SAFETY: asks only.
    unsafe {
        sys::mpk_domain_contains(
            sys::mpk_host(&raw mut error),
            std::ptr::from_ref(value).cast(),
        ) != 0
    }
}
