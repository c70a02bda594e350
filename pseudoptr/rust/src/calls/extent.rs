//! How many bytes a function will touch, found out before it is called.
//!
//! Strings in lent memory are looked at in the live table's range alone; those in raw
//! memory with foreign rights. Memory may change between here and the call: then libc
//! meets its own copy or mapped pages, never more than what was checked to be lent.

use super::Extent::*;
use super::{Call, Extent, Refusal, Use};
use crate::access::{at, with_rights};
use crate::foreign::lease::permits;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind};
use crate::start::registry;
use crate::table::{CODE, Record};
use core::ffi::{CStr, c_char, c_int, c_void};

/// Names in reports are cut to this, NUL included.
pub(crate) const NAME_BYTES: usize = 32;
const CELL_BYTES: u64 = 8;
const LIST_BYTES: u64 = 24;
/// struct iovec.
pub(super) const VECTOR_BYTES: u64 = 16;

unsafe extern "C" {
    fn memchr(memory: *const c_void, byte: c_int, bytes: usize) -> *const c_void;
}

/// Where the first element equal to `wanted` ends, within `most` bytes. pre: readable to there.
fn end_of(address: u64, unit: u64, wanted: u8, most: u64) -> Option<u64> {
    if unit == 1 {
        // SAFETY: resolved memory, or a string of foreign code, with its rights.
        let found = unsafe { memchr(at(address), wanted.into(), most as usize) };
        return (!found.is_null()).then(|| found.addr() as u64 - address + 1);
    }
    let mut done = 0;
    while done + unit <= most {
        // SAFETY: as above.
        if unsafe { at::<u32>(address + done).read_unaligned() } == u32::from(wanted) {
            return Some(done + unit);
        }
        done += unit;
    }
    None
}

/// Bytes of a string in raw memory, NUL included, at most `most`.
pub(super) fn raw_string(address: u64, unit: u64, most: u64) -> u64 {
    end_of(address, unit, 0, most).unwrap_or(most)
}

/// A name for a report, copied. pre: foreign rights.
pub(super) fn short_name(name: *const c_char) -> [u8; NAME_BYTES] {
    let mut copy = [0; NAME_BYTES];
    // SAFETY: the pass made it a string; read with foreign rights.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let used = name.len().min(NAME_BYTES - 1);
    copy[..used].copy_from_slice(&name[..used]);
    copy
}

/// Bytes up to an element, it included, at most `most` bytes; a refusal if it is not in the lease.
pub(super) fn sought(pointer: u64, unit: u64, wanted: u8, most: u64) -> Result<u64, Refusal> {
    if most == 0 {
        return Ok(0);
    }
    if !is_handle(pointer) {
        return Ok(end_of(pointer, unit, wanted, most).unwrap_or(most));
    }
    let (found, room) = with_rights(|| {
        let address = permits(pointer, unit, Access::Read)?;
        let room = registry().live_of(pointer).map_or(0, |(_, record)| {
            record.bytes - pointer.wrapping_sub(record.base)
        });
        Ok((end_of(address, unit, wanted, most.min(room)), room))
    })
    .map_err(|kind| Refusal {
        pointer,
        bytes: unit,
        access: Access::Read,
        kind,
    })?;
    match found {
        Some(bytes) => Ok(bytes),
        None if most <= room => Ok(most),
        None => Err(Refusal {
            pointer,
            bytes: room + unit,
            access: Access::Read,
            kind: Kind::Spatial,
        }),
    }
}

/// From a handle to the end of its lease.
fn rest(pointer: u64) -> Result<u64, Refusal> {
    let found = with_rights(|| {
        permits(pointer, 0, Access::Read)?;
        Ok(registry().live_of(pointer).map_or(0, |(_, record)| {
            record.bytes - pointer.wrapping_sub(record.base)
        }))
    });
    found.map_err(|kind| Refusal {
        pointer,
        bytes: 1,
        access: Access::Read,
        kind,
    })
}

/// May foreign code write there?
pub(super) fn writable(pointer: u64) -> bool {
    with_rights(|| permits(pointer, 0, Access::Write)).is_ok()
}

/// Is it a function?
pub(super) fn is_code(pointer: u64) -> bool {
    let is_code = |(_, record): (u32, Record)| record.flags & CODE != 0;
    with_rights(|| registry().live_of(pointer).is_some_and(is_code))
}

impl Call {
    /// The bytes that the function will touch behind one pointer.
    pub(super) fn extent(&self, extent: Extent, usage: &Use, pointer: u64) -> Result<u64, Refusal> {
        let unit = u64::from(usage.unit);
        let first = |otherwise| self.number(usage.first, otherwise);
        let most = |argument| self.number(argument, u64::MAX).saturating_mul(unit);
        // What a copy makes of its source: the characters, and the NUL.
        let copied = || {
            let bytes = sought(first(0), unit, 0, most(usage.second))?;
            let cut = self.number(usage.second, u64::MAX).saturating_mul(unit) == bytes;
            let ended = !cut || {
                let last = first(0).wrapping_add(bytes).wrapping_sub(unit);
                bytes > 0 && is_nul(last, unit)
            };
            Ok(if ended {
                bytes
            } else {
                bytes.saturating_add(unit)
            })
        };
        match extent {
            GALEED_BYTES => Ok(unit
                .saturating_mul(first(1))
                .saturating_mul(self.number(usage.second, 1))),
            GALEED_STRING => sought(pointer, unit, 0, most(usage.first)),
            GALEED_FORMAT | GALEED_SCAN => sought(pointer, 1, 0, u64::MAX),
            GALEED_COPIED => copied(),
            GALEED_APPENDED => {
                let there = sought(pointer, unit, 0, u64::MAX)?;
                Ok((there - unit).saturating_add(copied()?))
            }
            GALEED_FOUND => sought(
                pointer,
                1,
                first(0) as u8,
                self.number(usage.second, u64::MAX),
            ),
            GALEED_END | GALEED_CURSOR => Ok(CELL_BYTES),
            GALEED_VECTOR => Ok(first(0).saturating_mul(VECTOR_BYTES)),
            GALEED_REST => rest(pointer),
            GALEED_LIST | GALEED_SCAN_LIST => Ok(LIST_BYTES),
            GALEED_OPAQUE | GALEED_PRINTED => Ok(0),
            GALEED_FREED => Err(Refusal {
                pointer,
                bytes: 0,
                access: Access::Free,
                kind: with_rights(|| crate::resolve::resolve(pointer, 0, Access::Free))
                    .err()
                    .unwrap_or(Kind::Rights), // no lease allows it
            }),
        }
    }
}

/// Is the element there a NUL? Through the accessors: raw or lent.
fn is_nul(pointer: u64, unit: u64) -> bool {
    if unit == 1 {
        crate::access::load1(pointer, 0) == 0
    } else {
        crate::access::load4(pointer, 0) == 0
    }
}
