//! The bytes of an operand: out of the lease, and home into it.
//!
//! Invariant: pointers cross the membrane. A word of 8 aligned bytes that is read whole and
//! holds an address of the host is lent, as everywhere; one that is written whole and holds a
//! handle is turned back. What is read or written in other pieces crosses as bytes.
//!
//! A vector read that goes beyond the lease and stays on its pages is one of those that libc
//! makes in search of a byte. What lies outside is [`FILL`] then, never memory, so that a string
//! without an end runs into a violation [`NEAR_BYTES`] later at most. Fields that a type hides
//! are outside in this sense.

use super::form::{Form, LONGEST, all};
use super::raw::{NEAR_BYTES, Place};
use super::typed;
use crate::access::at;
use crate::foreign::lease::permits;
use crate::foreign::walk::Refused;
use crate::membrane;
use crate::resolve::{Access, Kind};
use crate::start::registry;
use crate::table::{CODE, TYPED, place_of};
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// Stands for bytes outside the lease. Not zero: that would end a string.
const FILL: u8 = 0xa5;
const PAGE_BYTES: u64 = 4096;

/// An operand whose access is allowed.
pub(super) struct Operand {
    pub place: Place,
    /// Where its first byte is, should that be in the lease.
    pub address: u64,
    /// The bytes that are really in memory; the others are made up.
    pub there: u64,
    /// The bytes that the instruction asked for.
    asked: u64,
    /// Its type decides what crosses and what is written.
    is_typed: bool,
    /// As memory held them.
    pub raw: [u8; LONGEST],
    /// As foreign code sees them.
    pub bytes: [u8; LONGEST],
}

impl Operand {
    /// Checks the access and reads what the instruction reads. pre: started, rights open.
    pub(super) fn take(place: Place, form: &Form, asked: u64) -> Result<Operand, Kind> {
        let handle = place.handle;
        let mut operand = Operand {
            asked,
            ..Operand::refused(place)
        };
        if asked == 0 {
            return Ok(operand); // all lanes idle
        }
        if form.locked && !handle.is_multiple_of(u64::from(form.bytes)) {
            return Err(Kind::Type);
        }
        let (first, last) = (asked.trailing_zeros(), 63 - asked.leading_zeros());
        let span = u64::from(last - first + 1);
        match permits(handle.wrapping_add(first.into()), span, form.access()) {
            Ok(address) => {
                operand.address = address.wrapping_sub(first.into());
                operand.there = asked;
            }
            Err(Kind::Spatial) if form.may_be_widened() || form.is_masked() && !form.writes => {
                (operand.address, operand.there) =
                    widened(handle, form.bytes).ok_or(Kind::Spatial)?;
                operand.there = typed::readable(handle, operand.there);
            }
            Err(Kind::Rights) if form.may_be_widened() && is_typed(handle) => {
                operand.address = typed::address(handle).ok_or(Kind::Temporal)?;
                operand.there = typed::readable(handle, asked);
            }
            Err(kind) => return Err(kind),
        }
        operand.is_typed = is_typed(handle);
        if form.reads {
            operand.raw = [FILL; LONGEST];
            copy_in(operand.address, operand.there, &mut operand.raw);
            operand.bytes = operand.raw;
            if operand.is_typed {
                typed::outward(handle, operand.there, &mut operand.bytes);
            } else {
                operand.cross(membrane::outward);
            }
        }
        Ok(operand)
    }

    /// One that reads zeros and writes nothing.
    pub(super) fn refused(place: Place) -> Operand {
        Operand {
            place,
            address: place.handle, // its low bits are those of the address
            there: 0,
            asked: 0,
            is_typed: false,
            raw: [0; LONGEST],
            bytes: [0; LONGEST],
        }
    }

    pub(super) fn is_widened(&self) -> bool {
        self.there != self.asked
    }

    pub(super) fn is_raw(&self) -> bool {
        self.place.is_raw()
    }

    /// Writes `bytes` home. pre: the access was allowed as a write.
    pub(super) fn put(&mut self) -> Result<(), Refused> {
        if self.is_typed {
            return typed::write(self.place.handle, self.there, &self.bytes);
        }
        self.cross(membrane::inward);
        copy_out(self.address, self.there, &self.bytes);
        Ok(())
    }

    /// Turns each whole, aligned word of a pointer's size.
    fn cross(&mut self, turn: fn(u64) -> u64) {
        cross(self.address, self.there, &mut self.bytes, turn);
    }
}

/// pre: rights open.
pub(super) fn is_typed(handle: u64) -> bool {
    let live = registry().live_of(handle);
    live.is_some_and(|(_, record)| record.flags & TYPED != 0)
}

pub(super) fn cross(address: u64, there: u64, bytes: &mut [u8; LONGEST], turn: fn(u64) -> u64) {
    let first = (address.wrapping_neg() % 8) as usize;
    for (at, word) in (first..LONGEST).step_by(8).zip(words(bytes, first)) {
        let whole = 0xff_u64 << at;
        if there & whole == whole {
            let value = u64::from_le_bytes(*word);
            *word = turn(value).to_le_bytes();
        }
    }
}

fn words(bytes: &mut [u8; LONGEST], first: usize) -> impl Iterator<Item = &mut [u8; 8]> {
    bytes[first..].as_chunks_mut::<8>().0.iter_mut()
}

/// Of a vector that is not in the lease whole: where it is, and which of its bytes are in it.
/// Perhaps none: libc's loops load up to four before they look at the first.
fn widened(handle: u64, bytes: u32) -> Option<(u64, u64)> {
    let (_, record) = registry().live_of(handle)?;
    if record.flags & CODE != 0 || record.bytes == 0 {
        return None;
    }
    let offset = handle.wrapping_sub(record.base) as i64; // within half the class's span
    let (length, lent) = (i64::from(bytes), record.bytes as i64);
    let (first, end) = ((-offset).max(0), (lent - offset).min(length));
    let address = place_of(&record).wrapping_add_signed(offset);
    let page = |at: i64| address.wrapping_add_signed(at) / PAGE_BYTES;
    if first < end {
        let stays = page(0) == page(first) && page(length - 1) == page(end - 1);
        let before = if first > 0 { all(first as u32) } else { 0 };
        return stays.then(|| (address, all(end as u32) & !before));
    }
    let nearest = (-offset).max(0).min(lent - 1 - offset); // the lease's byte next to it
    let near = nearest.unsigned_abs() <= NEAR_BYTES && page(0) == page(nearest);
    near.then_some((address, 0))
}

/// The longest aligned piece at `at` that is wanted whole.
fn piece(address: u64, wanted: u64, at: usize) -> usize {
    let here = address.wrapping_add(at as u64);
    let fits = |bytes: &usize| {
        let mask = all(*bytes as u32);
        here.is_multiple_of(*bytes as u64) && at + bytes <= LONGEST && wanted >> at & mask == mask
    };
    [8, 4, 2].into_iter().find(fits).unwrap_or(1)
}

/// Aligned pieces are read in one go each, for whoever writes them meanwhile.
pub(super) fn copy_in(address: u64, wanted: u64, bytes: &mut [u8; LONGEST]) {
    let mut done = 0;
    while done < LONGEST {
        let here = address.wrapping_add(done as u64);
        let length = piece(address, wanted, done);
        if wanted >> done & 1 == 1 {
            // SAFETY: wanted bytes lie in a live lease, and the piece is aligned to its size.
            let value = unsafe {
                match length {
                    8 => AtomicU64::from_ptr(at(here)).load(Ordering::Relaxed),
                    4 => AtomicU32::from_ptr(at(here)).load(Ordering::Relaxed).into(),
                    2 => AtomicU16::from_ptr(at(here)).load(Ordering::Relaxed).into(),
                    _ => AtomicU8::from_ptr(at(here)).load(Ordering::Relaxed).into(),
                }
            };
            bytes[done..done + length].copy_from_slice(&value.to_le_bytes()[..length]);
        }
        done += length;
    }
}

/// The same way home.
pub(super) fn copy_out(address: u64, wanted: u64, bytes: &[u8; LONGEST]) {
    let mut done = 0;
    while done < LONGEST {
        let here = address.wrapping_add(done as u64);
        let length = piece(address, wanted, done);
        if wanted >> done & 1 == 1 {
            let mut word = [0; 8];
            word[..length].copy_from_slice(&bytes[done..done + length]);
            let value = u64::from_le_bytes(word);
            // SAFETY: as above, and the lease is writable.
            unsafe {
                match length {
                    8 => AtomicU64::from_ptr(at(here)).store(value, Ordering::Relaxed),
                    4 => AtomicU32::from_ptr(at(here)).store(value as u32, Ordering::Relaxed),
                    2 => AtomicU16::from_ptr(at(here)).store(value as u16, Ordering::Relaxed),
                    _ => AtomicU8::from_ptr(at(here)).store(value as u8, Ordering::Relaxed),
                }
            }
        }
        done += length;
    }
}

/// Is the write still allowed, after the thread has computed what to write?
pub(super) fn again(handle: u64, mask: u64) -> Result<u64, Kind> {
    let (first, last) = (mask.trailing_zeros(), 63 - mask.leading_zeros());
    let span = u64::from(last - first + 1);
    permits(handle.wrapping_add(first.into()), span, Access::Write)
        .map(|address| address.wrapping_sub(first.into()))
}
