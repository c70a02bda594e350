//! From a handle to a checked address, or to the exact reason why not.
//!
//! The verdict for a handle, in this order:
//!  - *forged*: its index was never used, or its generation never given out;
//!  - *temporal*: it was a lease once, which has ended;
//!  - *type*: code or a closure accessed as data, or data called; a read or write that a *typed* lease
//!    may allow, which foreign/lease.rs decides: here nobody gets an address of it;
//!  - *spatial*: not every byte lies in the lease (a function has one address);
//!  - *rights*: the lease is read-only, or foreign code frees what Rust owns.
//!
//! A pointer that strays by more than the bias from its object leaves its
//! generation's part of the handle space, and is then called stale or forged;
//! it is refused all the same.
//!
//! Attacker: chooses handle, size and access freely; sizes up to 2^64 - 1 must
//! not overflow a comparison.

use crate::layout::{generation_of, index_of, is_handle};
use crate::start::registry;
use crate::sys;
use crate::table::{CLOSURE, CODE, Record, SHADOWED, TYPED, WRITABLE, place_of, side};

/// The kinds of violation, with mpk.h's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Outside the bounds of the lease.
    Spatial = sys::MPK_SPATIAL,
    /// After the lease ended.
    Temporal = sys::MPK_TEMPORAL,
    /// A pseudo-pointer that nobody gave out.
    Forged = sys::MPK_FORGED,
    /// Against the rights of the lease.
    Rights = sys::MPK_RIGHTS,
    /// Code used as data, data as code, or a value that the Rust type cannot hold.
    Type = sys::MPK_TYPE,
    /// Memory of the host, reached without a pseudo-pointer.
    Boundary = sys::MPK_BOUNDARY,
}

/// What an access does, with mpk.h's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Access {
    /// Reads bytes.
    Read = sys::MPK_ACCESS_READ,
    /// Writes bytes.
    Write = sys::MPK_ACCESS_WRITE,
    /// Calls a function.
    Execute = sys::MPK_ACCESS_EXECUTE,
    /// Frees memory.
    Free = sys::MPK_ACCESS_FREE,
}

impl Access {
    pub(crate) fn from_number(number: u32) -> Option<Access> {
        [Access::Read, Access::Write, Access::Execute, Access::Free]
            .into_iter()
            .find(|access| *access as u32 == number)
    }
}

/// The address that a pointer with the tag stands for, when all `bytes` may be
/// accessed so. Lock-free. pre: started, rights open.
#[inline]
pub(crate) fn resolve(handle: u64, bytes: u64, access: Access) -> Result<u64, Kind> {
    let record = side(index_of(handle)).read();
    let offset = handle.wrapping_sub(record.base);
    let room = record.bytes.wrapping_sub(offset);
    let plain = access as u32 <= Access::Write as u32
        && record.base != 0
        && offset <= record.bytes
        && bytes <= room
        && record.flags & needed_mask(access) == needed(access);
    if plain {
        Ok(record.address + offset)
    } else {
        diagnose(handle, bytes, access, &record)
    }
}

/// Flags that matter to a read or write, and what they must be.
#[inline(always)]
const fn needed_mask(access: Access) -> u32 {
    if matches!(access, Access::Write) {
        CODE | SHADOWED | TYPED | WRITABLE
    } else {
        CODE | SHADOWED | TYPED
    }
}
#[inline(always)]
const fn needed(access: Access) -> u32 {
    if matches!(access, Access::Write) {
        WRITABLE
    } else {
        0
    }
}

#[cold]
fn diagnose(handle: u64, bytes: u64, access: Access, record: &Record) -> Result<u64, Kind> {
    let index = index_of(handle);
    let generation = generation_of(handle);
    if !is_handle(handle) || !registry().was_used(index) || generation > record.generation {
        return Err(Kind::Forged);
    }
    if generation < record.generation || record.base == 0 {
        return Err(Kind::Temporal);
    }
    if record.flags & CLOSURE == CLOSURE {
        return Err(Kind::Type);
    }
    let offset = handle.wrapping_sub(record.base);
    match (access, record.flags & CODE != 0) {
        (Access::Execute, true) if offset == 0 => return Ok(record.address),
        (Access::Execute, true) => return Err(Kind::Spatial),
        (Access::Execute, false) | (Access::Read | Access::Write, true) => return Err(Kind::Type),
        (Access::Free, _) | (_, false) => {}
    }
    if offset > record.bytes || bytes > record.bytes - offset {
        return Err(Kind::Spatial);
    }
    let allowed = access == Access::Read || access == Access::Write && record.flags & WRITABLE != 0;
    if allowed && record.flags & TYPED != 0 {
        return Err(Kind::Type);
    }
    if allowed && record.flags & SHADOWED != 0 {
        let address = place_of(record) + offset;
        if access == Access::Write {
            crate::shadow::note_write(address);
        }
        return Ok(address);
    }
    Err(Kind::Rights)
}

/// The address a handle stands for when it lies in its lease or one past its
/// end, whatever the rights: the way inward. pre: started, rights open.
pub(crate) fn inward(handle: u64) -> Option<u64> {
    let (_, record) = registry().live_of(handle)?;
    if record.flags & CLOSURE == CLOSURE {
        return None; // where it lies is nobody's business but callback.rs's
    }
    let offset = handle.wrapping_sub(record.base);
    (offset <= record.bytes).then(|| record.address + offset)
}
