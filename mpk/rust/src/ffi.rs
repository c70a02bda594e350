//! `mpk.h`, declared. See that header for what each item means; it is the contract.
#![allow(missing_docs, non_camel_case_types)]

pub use crate::ffi_sites::*;
pub use crate::ffi_trap::*;
use core::ffi::{c_char, c_int, c_void};

pub const MPK_HOST_BASE: usize = 0x2000_0000_0000;
pub const MPK_HOST_SHIFT: u32 = 36;
pub const MPK_PUBLISHED_BASE: usize = 0x2010_0000_0000;
pub const MPK_PUBLISHED_BYTES: usize = 0x2000_0000;
pub const MPK_PUBLISHED_USER: usize = 0x2010_1000_0000;
pub const MPK_PAGE_BYTES: usize = 4096;
pub const MPK_GATE_DEPTH: usize = 64;
pub const MPK_THREADS: usize = 4096;
pub const MPK_THREAD_NAME_BYTES: usize = 16;
pub const MPK_SUBJECT_BYTES: usize = 96;

pub const MPK_OK: c_int = 0;
pub const MPK_ENOPKU: c_int = -1;
pub const MPK_ENOKEY: c_int = -2;
pub const MPK_ENOMEM: c_int = -3;
pub const MPK_EADDRESS: c_int = -4;
pub const MPK_EENVIRONMENT: c_int = -5;
pub const MPK_EINVALID: c_int = -6;
pub const MPK_EKERNEL: c_int = -7;
pub const MPK_ENESTED: c_int = -8;
pub const MPK_ETHREADS: c_int = -9;
pub const MPK_EPINNED: c_int = -10;
pub const MPK_EVKEY: c_int = -11;
pub const MPK_EHARDEN: c_int = -12;
pub const MPK_ELIMIT: c_int = -13;

pub const MPK_BACKEND_NONE: c_int = 0;
pub const MPK_BACKEND_PKU: c_int = 1;
pub const MPK_BACKEND_MPROTECT: c_int = 2;

pub const MPK_NONE: c_int = 0;
pub const MPK_READ: c_int = 1;
pub const MPK_READ_WRITE: c_int = 3;

pub const MPK_HEAP_DEFAULT: u32 = 0;
pub const MPK_HEAP_RANDOM: u32 = 1 << 0;
pub const MPK_HEAP_GUARDS: u32 = 1 << 1;
pub const MPK_HEAP_QUARANTINE: u32 = 1 << 2;
pub const MPK_HEAP_ZERO: u32 = 1 << 3;
pub const MPK_HEAP_HARDENED: u32 = (1 << 4) - 1;

pub const MPK_ON_VIOLATION_ABORT: c_int = 0;
pub const MPK_ON_VIOLATION_UNWIND: c_int = 1;
pub const MPK_ON_VIOLATION_REPORT: c_int = 2;

pub const MPK_SPATIAL: u32 = 1;
pub const MPK_TEMPORAL: u32 = 2;
pub const MPK_FORGED: u32 = 3;
pub const MPK_RIGHTS: u32 = 4;
pub const MPK_TYPE: u32 = 5;
pub const MPK_BOUNDARY: u32 = 6;

pub const MPK_ACCESS_READ: u32 = 1;
pub const MPK_ACCESS_WRITE: u32 = 2;
pub const MPK_ACCESS_EXECUTE: u32 = 3;
pub const MPK_ACCESS_FREE: u32 = 4;

#[repr(C)]
pub struct mpk_domain {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mpk_allocation {
    pub base: usize,
    pub bytes: usize,
    pub mark: *mut u32,
    pub own_pages: c_int,
    pub shared: c_int,
}

/// The calling thread's stack, as gates know it.
#[repr(C)]
pub struct mpk_stack {
    pub low: usize,
    pub high: usize,
    pub mark: *mut u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mpk_heap_hooks {
    pub freed: Option<unsafe extern "C" fn(base: usize, bytes: usize, mark: u32)>,
    pub resized:
        Option<unsafe extern "C" fn(base: usize, old_bytes: usize, new_bytes: usize, mark: u32)>,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct mpk_heap_stats {
    pub reserved_bytes: usize,
    pub committed_bytes: usize,
    pub live_bytes: usize,
    pub live_allocations: usize,
    pub shared_bytes: usize,
    pub used_bytes: usize,
    pub limit_bytes: usize,
    pub metadata_bytes: usize,
    pub dirty_bytes: usize,
    pub guard_bytes: usize,
    pub retired_bytes: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mpk_violation {
    pub kind: u32,
    pub access: u32,
    pub address: u64,
    pub bytes: u64,
    pub handle: u64,
    pub offset: i64,
    pub bound: u64,
    pub lease: u64,
    pub generation: u64,
    pub live_generation: u64,
    pub mapped: u32,
    pub key: i32,
    pub allocation: u64,
    pub allocation_bytes: u64,
    pub pc: u64,
    pub function: *const c_char,
    pub detail: *const c_char,
    pub thread: i32,
    pub action: u32,
    pub ended: u64,
    pub thread_name: [c_char; MPK_THREAD_NAME_BYTES],
    pub subject: [c_char; MPK_SUBJECT_BYTES],
}

impl Default for mpk_violation {
    /// Nothing known; no key involved.
    fn default() -> Self {
        Self {
            kind: 0,
            access: 0,
            address: 0,
            bytes: 0,
            handle: 0,
            offset: 0,
            bound: 0,
            lease: 0,
            generation: 0,
            live_generation: 0,
            mapped: 0,
            key: -1,
            allocation: 0,
            allocation_bytes: 0,
            pc: 0,
            function: core::ptr::null(),
            detail: core::ptr::null(),
            thread: 0,
            action: 0,
            ended: 0,
            thread_name: [0; MPK_THREAD_NAME_BYTES],
            subject: [0; MPK_SUBJECT_BYTES],
        }
    }
}

unsafe extern "C" {
    pub fn mpk_strerror(error: c_int) -> *const c_char;
    pub fn mpk_start() -> c_int;
    pub fn mpk_is_joined() -> c_int;
    pub fn mpk_backend() -> c_int;
    pub fn mpk_backend_name() -> *const c_char;
    pub fn mpk_backend_reason() -> *const c_char;
    pub fn mpk_pku_available() -> c_int;
    pub fn mpk_keys_free() -> c_int;

    pub fn mpk_host(error: *mut c_int) -> *mut mpk_domain;
    pub fn mpk_domain_create(reserve_bytes: usize, out: *mut *mut mpk_domain) -> c_int;
    pub fn mpk_domain_destroy(domain: *mut mpk_domain) -> c_int;
    pub fn mpk_domain_open(domain: *mut mpk_domain, rights: c_int, previous: *mut c_int) -> c_int;
    pub fn mpk_domain_close(domain: *mut mpk_domain, previous: c_int) -> c_int;
    pub fn mpk_domain_rights(domain: *mut mpk_domain) -> c_int;
    pub fn mpk_domain_key(domain: *const mpk_domain) -> c_int;
    pub fn mpk_domain_contains(domain: *const mpk_domain, address: *const c_void) -> c_int;
    pub fn mpk_domain_range(domain: *const mpk_domain, base: *mut usize, bytes: *mut usize);
    pub fn mpk_domain_read(
        domain: *mut mpk_domain,
        address: *const c_void,
        out: *mut c_void,
        bytes: usize,
    ) -> c_int;
    pub fn mpk_domain_write(
        domain: *mut mpk_domain,
        address: *mut c_void,
        input: *const c_void,
        bytes: usize,
    ) -> c_int;
    pub fn mpk_domain_private(domain: *mut mpk_domain, bytes: usize) -> *mut c_void;

    pub fn mpk_heap_alloc(domain: *mut mpk_domain, bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_heap_calloc(domain: *mut mpk_domain, bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_heap_free(domain: *mut mpk_domain, base: *mut c_void);
    pub fn mpk_heap_free_sized(
        domain: *mut mpk_domain,
        base: *mut c_void,
        bytes: usize,
        align: usize,
    );
    pub fn mpk_heap_realloc(
        domain: *mut mpk_domain,
        base: *mut c_void,
        bytes: usize,
        align: usize,
    ) -> *mut c_void;
    pub fn mpk_heap_usable_bytes(domain: *mut mpk_domain, base: *const c_void) -> usize;
    pub fn mpk_heap_find(
        domain: *mut mpk_domain,
        address: usize,
        out: *mut mpk_allocation,
    ) -> c_int;
    pub fn mpk_heap_mark(domain: *mut mpk_domain, base: usize) -> *mut u32;
    pub fn mpk_heap_set_hooks(domain: *mut mpk_domain, hooks: *const mpk_heap_hooks);
    pub fn mpk_heap_share(domain: *mut mpk_domain, base: usize) -> c_int;
    pub fn mpk_heap_statistics(domain: *mut mpk_domain, out: *mut mpk_heap_stats);
    pub fn mpk_heap_check(domain: *mut mpk_domain) -> c_int;

    pub fn mpk_domain_limit(domain: *mut mpk_domain, bytes: usize) -> c_int;
    pub fn mpk_heap_refusal(domain: *mut mpk_domain, bytes: usize, align: usize) -> c_int;
    pub fn mpk_heap_parse(text: *const c_char, parts: *mut u32) -> c_int;
    pub fn mpk_heap_harden(domain: *mut mpk_domain, parts: u32) -> c_int;
    pub fn mpk_heap_parts(domain: *mut mpk_domain) -> u32;

    pub fn mpk_host_alloc(bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_host_calloc(bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_host_free(base: *mut c_void);
    pub fn mpk_host_free_sized(base: *mut c_void, bytes: usize, align: usize);
    pub fn mpk_host_realloc(base: *mut c_void, bytes: usize, align: usize) -> *mut c_void;

    pub fn mpk_gate_is_foreign() -> c_int;
    pub fn mpk_gate_side() -> c_int;
    pub fn mpk_gate_enter(token: *mut c_void, function: *const c_char);
    pub fn mpk_gate_exit(token: *mut c_void);
    pub fn mpk_callback_enter(token: *mut c_void);
    pub fn mpk_callback_exit(token: *mut c_void);
    pub fn mpk_access_begin() -> c_int;
    pub fn mpk_access_end(was_foreign: c_int);
    pub fn mpk_keep_open() -> c_int;
    pub fn mpk_keep_open_end(kept: c_int);
    pub fn mpk_gate_host_frame(address: usize) -> c_int;
    pub fn mpk_thread_stack(stack: *mut mpk_stack);
    pub fn mpk_set_thread_hook(hook: Option<unsafe extern "C" fn(mark: u32)>);
    pub fn mpk_gate_outermost(function: *const c_char) -> c_int;
    pub fn mpk_gate_function() -> *const c_char;
    pub fn mpk_thread_is_born_foreign() -> c_int;
    pub fn mpk_try(body: unsafe extern "C" fn(*mut c_void), argument: *mut c_void) -> c_int;
    pub fn mpk_try_keep_callbacks(host_runs: Option<unsafe extern "C" fn() -> c_int>);

    pub fn mpk_violate(violation: *mut mpk_violation);
    pub fn mpk_last_violation(out: *mut mpk_violation) -> c_int;
    pub fn mpk_set_violation_hook(
        hook: Option<unsafe extern "C" fn(violation: *mut mpk_violation)>,
    );
    pub fn mpk_set_report_hook(hook: Option<unsafe extern "C" fn(violation: *const mpk_violation)>);
    pub fn mpk_faults_install() -> c_int;
    /// Of `internal.h`: before main it stands aside for the language's own handlers.
    pub fn _mpk_faults_install_for_gate() -> c_int;
    pub fn mpk_policy() -> c_int;
    pub fn mpk_set_policy(policy: c_int);
    pub fn mpk_foreign_rights() -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `report.c` asserts the same sizes of `mpk.h`'s structs.
    #[test]
    fn structs_have_their_c_sizes() {
        assert_eq!(size_of::<mpk_violation>(), 248);
        assert_eq!(size_of::<mpk_allocation>(), 32);
        assert_eq!(size_of::<mpk_heap_hooks>(), 16);
        assert_eq!(size_of::<mpk_heap_stats>(), 88);
    }
}
