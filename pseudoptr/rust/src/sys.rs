//! The part of mpk.h that this crate uses.
#![allow(non_camel_case_types, missing_docs)]
use std::ffi::{c_char, c_int, c_void};

pub const MPK_HOST_BASE: u64 = 0x2000_0000_0000;
pub const MPK_HOST_SHIFT: u32 = 36;
pub const MPK_PUBLISHED_BASE: u64 = 0x2010_0000_0000;
pub const MPK_PUBLISHED_BYTES: u64 = 0x2000_0000;
pub const MPK_PUBLISHED_USER: u64 = 0x2010_1000_0000;
pub const MPK_ENOMEM: c_int = -3;
pub const MPK_EINVALID: c_int = -6;
pub const MPK_BACKEND_MPROTECT: c_int = 2;
pub const MPK_READ: c_int = 1;

#[repr(C)]
pub struct mpk_domain {
    _private: [u8; 0],
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
#[repr(C)]
pub struct mpk_heap_hooks {
    pub freed: Option<unsafe extern "C" fn(usize, usize, u32)>,
    pub resized: Option<unsafe extern "C" fn(usize, usize, usize, u32)>,
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
}
unsafe extern "C" {
    pub fn mpk_start() -> c_int;
    pub fn mpk_strerror(error: c_int) -> *const c_char;
    pub fn mpk_backend() -> c_int;
    pub fn mpk_host(error: *mut c_int) -> *mut mpk_domain;
    pub fn mpk_foreign_rights() -> c_int;
    pub fn mpk_domain_private(domain: *mut mpk_domain, bytes: usize) -> *mut c_void;
    pub fn mpk_heap_alloc(domain: *mut mpk_domain, bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_heap_free(domain: *mut mpk_domain, base: *mut c_void);
    pub fn mpk_heap_realloc(d: *mut mpk_domain, base: *mut c_void, bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_heap_find(domain: *mut mpk_domain, address: usize, out: *mut mpk_allocation) -> c_int;
    pub fn mpk_heap_mark(domain: *mut mpk_domain, base: usize) -> *mut u32;
    pub fn mpk_heap_set_hooks(domain: *mut mpk_domain, hooks: *const mpk_heap_hooks);
    pub fn mpk_heap_share(domain: *mut mpk_domain, base: usize) -> c_int;
    pub fn mpk_gate_enter(token: *mut c_void, function: *const c_char);
    pub fn mpk_gate_exit(token: *mut c_void);
    pub fn mpk_gate_host_frame(address: usize) -> c_int;
    pub fn mpk_callback_enter(token: *mut c_void);
    pub fn mpk_callback_exit(token: *mut c_void);
    pub fn mpk_access_begin() -> c_int;
    pub fn mpk_access_end(was_foreign: c_int);
    pub fn mpk_try(body: unsafe extern "C" fn(*mut c_void), argument: *mut c_void) -> c_int;
    pub fn mpk_violate(violation: *mut mpk_violation);
    pub fn mpk_last_violation(out: *mut mpk_violation) -> c_int;
    pub fn mpk_set_violation_hook(hook: Option<unsafe extern "C" fn(*mut mpk_violation)>);
    pub fn mpk_set_policy(policy: u32);
    pub fn mpk_faults_install() -> c_int;
    pub fn mpk_host_alloc(bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_host_calloc(bytes: usize, align: usize) -> *mut c_void;
    pub fn mpk_host_free(base: *mut c_void);
    pub fn mpk_host_realloc(base: *mut c_void, bytes: usize, align: usize) -> *mut c_void;
}
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
pub const MPK_ON_VIOLATION_ABORT: u32 = 0;
pub const MPK_ON_VIOLATION_UNWIND: u32 = 1;
pub const MPK_ON_VIOLATION_REPORT: u32 = 2;
pub type mpk_access = c_int;
