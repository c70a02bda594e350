//! `mpk_trap.h`, declared. See that header for what each item means; it is the contract.
#![allow(missing_docs, non_camel_case_types)]

use crate::ffi::mpk_violation;
use core::ffi::c_int;

pub const MPK_ON_TRAP_REFUSE: c_int = 0;
pub const MPK_ON_TRAP_SERVE: c_int = 1;
pub const MPK_ON_TRAP_SERVE_RAW: c_int = 2;

pub const MPK_TRAP_FAULTED: u32 = 0;
pub const MPK_TRAP_ENDED: u32 = 1;
pub const MPK_TRAP_STOPPED: u32 = 2;
pub const MPK_TRAP_REPORTED: u32 = 3;

pub const MPK_TRAP_DECLINE: u32 = 0;
pub const MPK_TRAP_CONTINUE: u32 = 1;
pub const MPK_TRAP_STEP: u32 = 2;
pub const MPK_TRAP_MOVE: u32 = 3;
pub const MPK_TRAP_VIOLATE: u32 = 4;
pub const MPK_TRAP_MORE_CODE: u32 = 5;

pub const MPK_TRAP_CODE_BYTES: usize = 15;
pub const MPK_TRAP_WINDOW_BYTES: usize = 8192;
pub const MPK_TRAP_KEEP_WORDS: usize = 160;

#[repr(C)]
pub struct mpk_trap {
    pub registers: [u64; 16],
    pub pc: u64,
    pub flags: u64,
    pub window: u64,
    pub phase: u32,
    pub element: u32,
    pub code_bytes: u32,
    pub code: [u8; 20],
    pub violation: mpk_violation,
    pub keep: [u64; MPK_TRAP_KEEP_WORDS],
    pub context: u64,
    pub vectors: u64,
    pub signals: u64,
    pub origin: u64,
    pub stack: u64,
    pub vector_bytes: u32,
    pub running: u32,
    pub thread: i32,
}

unsafe extern "C" {
    pub fn mpk_trap_vector_get(trap: *const mpk_trap, number: u32, bytes: *mut u8);
    pub fn mpk_trap_vector_set(trap: *const mpk_trap, number: u32, bytes: *const u8);
    pub fn mpk_trap_mask_get(trap: *const mpk_trap, number: u32) -> u64;
    pub fn mpk_set_trap_server(server: Option<unsafe extern "C" fn(trap: *mut mpk_trap) -> u32>);
    pub fn mpk_on_trap() -> c_int;
    pub fn mpk_profile_fd() -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `trap.c` asserts the same.
    #[test]
    fn the_struct_has_its_c_size() {
        assert_eq!(size_of::<mpk_trap>(), 1768);
    }
}
