//! Loads and stores of scalars, for rewritten code.
//!
//! Invariant: a raw pointer is accessed before the rights open, with what
//! foreign code may do, so it can never make the runtime its deputy. A handle
//! is resolved after they opened, from the live table, and only the address
//! found there is touched while they are.
//!
//! After a violation that is only reported, a refused read gives zeros and a
//! refused write is dropped.

use crate::foreign::moves;
use crate::layout::is_handle;
use crate::resolve::Access;
use crate::shadow;
use crate::sys::{mpk_access_begin, mpk_access_end};

/// Runs `body` with the host's rights. It must return: no violation inside may
/// skip the end except by unwinding to an `mpk_try`, which restores the rights.
#[inline(always)]
pub(crate) fn with_rights<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: begin and end are paired around the runtime's own code.
    let was_foreign = unsafe { mpk_access_begin() };
    let value = body();
    // SAFETY: see above.
    unsafe { mpk_access_end(was_foreign) };
    value
}

/// A pointer from a number that foreign code gave us or the table holds.
#[inline(always)]
pub(crate) fn at<T>(address: u64) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address as usize)
}

#[inline(always)]
fn load<T: Copy + Into<u64>>(pointer: u64, pc: u64) -> u64 {
    if !is_handle(pointer) {
        // SAFETY: the load that foreign code wanted to do, with its rights; a
        // bad address faults as it would there.
        return unsafe { at::<T>(pointer).read_unaligned() }.into();
    }
    let bytes = size_of::<T>() as u64;
    with_rights(|| match shadow::resolve(pointer, bytes, Access::Read) {
        // SAFETY: all bytes lie in a live lease, whose memory the host keeps.
        Ok(address) => unsafe { at::<T>(address).read_unaligned() }.into(),
        Err(kind) => moves::load(pointer, bytes, kind, pc),
    })
}

#[inline(always)]
fn store<T: Copy + Into<u64>>(pointer: u64, value: T, pc: u64) {
    if !is_handle(pointer) {
        // SAFETY: the store that foreign code wanted to do, with its rights.
        return unsafe { at::<T>(pointer).write_unaligned(value) };
    }
    let bytes = size_of::<T>() as u64;
    with_rights(|| match shadow::resolve(pointer, bytes, Access::Write) {
        // SAFETY: all bytes lie in a live, writable lease.
        Ok(address) => unsafe { at::<T>(address).write_unaligned(value) },
        Err(kind) => moves::store(pointer, value.into(), bytes, kind, pc),
    });
}

pub(crate) extern "C" fn load1(pointer: u64, pc: u64) -> u64 {
    load::<u8>(pointer, pc)
}
pub(crate) extern "C" fn load2(pointer: u64, pc: u64) -> u64 {
    load::<u16>(pointer, pc)
}
pub(crate) extern "C" fn load4(pointer: u64, pc: u64) -> u64 {
    load::<u32>(pointer, pc)
}
pub(crate) extern "C" fn load8(pointer: u64, pc: u64) -> u64 {
    load::<u64>(pointer, pc)
}
pub(crate) extern "C" fn store1(pointer: u64, value: u64, pc: u64) {
    store(pointer, value as u8, pc);
}
pub(crate) extern "C" fn store2(pointer: u64, value: u64, pc: u64) {
    store(pointer, value as u16, pc);
}
pub(crate) extern "C" fn store4(pointer: u64, value: u64, pc: u64) {
    store(pointer, value as u32, pc);
}
pub(crate) extern "C" fn store8(pointer: u64, value: u64, pc: u64) {
    store(pointer, value, pc);
}
