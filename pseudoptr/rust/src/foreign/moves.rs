//! Loads, stores, memmove and memset on typed leases: what access.rs and bytes.rs pass on when
//! `resolve` gave no address.
//!
//! Invariant: as there, raw memory is touched with foreign rights only.

use super::lease::{Source, Typed, claim, permits, swap, word};
use super::walk::Refused;
use crate::access::{at, with_rights};
use crate::bytes;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind};
use crate::violation::refuse;
use core::mem::MaybeUninit;

/// One bounce buffer.
const PIECE_BYTES: u64 = 4096;
/// Pieces end where no value does: none that has a rule is longer, or less aligned.
const VALUE_BYTES: u64 = 8;

/// The lease, when an access was not resolved because it is typed; else `kind` is reported.
/// pre: rights open.
#[cold]
fn typed_or_refuse(handle: u64, size: u64, access: Access, kind: Kind, pc: u64) -> Option<Typed> {
    let typed = (kind == Kind::Type).then(|| claim(handle)).flatten();
    if typed.is_none() {
        refuse(handle, size, access, kind, pc);
    }
    typed
}

/// Makes the access, or reports. pre: rights open.
fn made(
    typed: &Typed,
    (handle, size, access, pc): (u64, u64, Access, u64),
    outcome: Result<(), Refused>,
) -> bool {
    if let Err(why) = outcome {
        typed.refuse(handle, size, access, why, pc);
    }
    outcome.is_ok()
}

/// A load that was not resolved. pre: rights open.
#[cold]
pub(crate) fn load(handle: u64, size: u64, kind: Kind, pc: u64) -> u64 {
    let Some(typed) = typed_or_refuse(handle, size, Access::Read, kind, pc) else {
        return 0;
    };
    let access = (handle, size, Access::Read, pc);
    if !made(&typed, access, typed.allows(size, Access::Read)) {
        return 0;
    }
    let mut value = [0; 8];
    read(&typed, &mut value[..size as usize]);
    u64::from_le_bytes(value)
}

/// What foreign code sees. pre: it may read it; rights open.
fn read(typed: &Typed, to: &mut [u8]) {
    // SAFETY: the bytes lie in a live lease, as was checked.
    unsafe { at::<u8>(typed.address()).copy_to(to.as_mut_ptr(), to.len()) };
    typed.outward(to);
}

/// A store that was not resolved. pre: rights open.
#[cold]
pub(crate) fn store(handle: u64, value: u64, size: u64, kind: Kind, pc: u64) {
    if let Some(typed) = typed_or_refuse(handle, size, Access::Write, kind, pc) {
        let outcome = typed.write(Source::of(&value.to_le_bytes()), size);
        made(&typed, (handle, size, Access::Write, pc), outcome);
    }
}

/// pre: rights open.
#[cold]
pub(crate) fn memset(handle: u64, byte: u8, size: u64, pc: u64) {
    if let Some(typed) = typed_or_refuse(handle, size, Access::Write, Kind::Type, pc) {
        let outcome = typed.write(Source::Fill(byte), size);
        made(&typed, (handle, size, Access::Write, pc), outcome);
    }
}

/// Pieces of a copy: offset and length, so that no value of the lease is in two.
struct Pieces {
    /// Where the lease's first byte lies in a word.
    misaligned: u64,
    bytes: u64,
    done: u64,
    backward: bool,
}

impl Iterator for Pieces {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let left = self.bytes - self.done;
        if left == 0 {
            return None;
        }
        let piece = if self.backward {
            // Down to a boundary of words.
            let end = left + self.misaligned;
            let begin = end
                .saturating_sub(PIECE_BYTES)
                .next_multiple_of(VALUE_BYTES);
            left - begin.saturating_sub(self.misaligned)
        } else if self.done == 0 {
            left.min(PIECE_BYTES - self.misaligned)
        } else {
            left.min(PIECE_BYTES)
        };
        let offset = if self.backward {
            left - piece
        } else {
            self.done
        };
        self.done += piece;
        Some((offset, piece))
    }
}

/// memmove of which at least the lease on `handle`'s side is typed. pre: rights closed, as foreign.
#[cold]
pub(crate) fn memmove(to: u64, from: u64, size: u64, pc: u64) {
    let target = with_rights(|| claim(to));
    let source = with_rights(|| claim(from));
    match (target, source) {
        (Some(target), source) => into_lease(&target, source, (to, from, size), pc),
        (None, Some(source)) => out_of_lease(&source, (to, from, size), pc),
        // It ended meanwhile.
        (None, None) => with_rights(|| refuse(to, size, Access::Write, Kind::Temporal, pc)),
    }
}

fn pieces(typed: &Typed, bytes: u64, backward: bool) -> Pieces {
    Pieces {
        misaligned: typed.address() % VALUE_BYTES,
        bytes,
        done: 0,
        backward,
    }
}

/// To a lease: all is judged before anything is written.
fn into_lease(target: &Typed, source: Option<Typed>, (to, from, size): (u64, u64, u64), pc: u64) {
    // Only within one lease do the two overlap: pseudo-pointers say how.
    let backward = source.is_some() && to.wrapping_sub(from) < size;
    let host = is_handle(from) && source.is_none();
    let mut buffer = [MaybeUninit::<u8>::uninit(); PIECE_BYTES as usize];
    let buffer = buffer.as_mut_ptr().expose_provenance() as u64;
    let once = pieces(target, size, backward).nth(1).is_none();
    for judges in [true, false] {
        for (offset, piece) in pieces(target, size, backward) {
            if judges || !once {
                // As foreign code reads it: checked, and pointers of a typed lease turned.
                bytes::memmove(buffer, from.wrapping_add(offset), piece, pc);
            }
            let written = with_rights(|| {
                let handle = to.wrapping_add(offset);
                // The lease may have ended meanwhile.
                let Some(typed) = claim(handle) else {
                    refuse(handle, piece, Access::Write, Kind::Temporal, pc);
                    return false;
                };
                if host && judges | !once {
                    // Host memory without a type: its pointers are lent as they are found.
                    // SAFETY: the buffer holds the piece.
                    typed.outward(unsafe {
                        core::slice::from_raw_parts_mut(at::<u8>(buffer), piece as usize)
                    });
                }
                let source = Source::At(at::<u8>(buffer).cast_const());
                let outcome = if judges {
                    typed.judge(source, piece)
                } else {
                    typed.write(source, piece)
                };
                made(&typed, (to, size, Access::Write, pc), outcome)
            });
            if !written {
                return;
            }
        }
    }
}

/// From a lease to raw memory or to another lease, which is not typed.
fn out_of_lease(source: &Typed, (to, from, size): (u64, u64, u64), pc: u64) {
    let allowed = with_rights(|| {
        if is_handle(to)
            && let Err(kind) = permits(to, size, Access::Write)
        {
            refuse(to, size, Access::Write, kind, pc);
            return false;
        }
        let outcome = source.allows(size, Access::Read);
        made(source, (from, size, Access::Read, pc), outcome)
    });
    if !allowed {
        if !is_handle(to) {
            // A refused read that was only reported gives zeros, with foreign rights.
            bytes::memset(to, 0, size, pc);
        }
        return;
    }
    let mut buffer = [MaybeUninit::<u8>::uninit(); PIECE_BYTES as usize];
    let buffer = buffer.as_mut_ptr().expose_provenance() as u64;
    for (offset, piece) in pieces(source, size, false) {
        let handle = from.wrapping_add(offset);
        let read = with_rights(|| {
            let Some(typed) = claim(handle) else {
                refuse(handle, piece, Access::Read, Kind::Temporal, pc);
                return false;
            };
            // SAFETY: the buffer is as long as a piece, and initialised by what is read.
            self::read(&typed, unsafe {
                core::slice::from_raw_parts_mut(at::<u8>(buffer), piece as usize)
            });
            true
        });
        if !read {
            return;
        }
        bytes::memmove(to.wrapping_add(offset), buffer, piece, pc);
    }
}

/// An atomic access that was not resolved. `operate`: what it does to a value of foreign code's;
/// returns what was there before. pre: rights open; aligned to its size.
#[cold]
pub(crate) fn atomic(
    (handle, size, access, pc): (u64, u64, Access, u64),
    kind: Kind,
    operate: impl Fn(u64) -> u64,
) -> u64 {
    let Some(typed) = typed_or_refuse(handle, size, access, kind, pc) else {
        return 0;
    };
    let asked = (handle, size, access, pc);
    if access == Access::Read {
        return match made(&typed, asked, typed.allows(size, Access::Read)) {
            true => typed.word_outward(word(typed.address(), size), size),
            false => 0,
        };
    }
    loop {
        let now = word(typed.address(), size);
        let before = typed.word_outward(now, size);
        let after = low(operate(before), size);
        if after == before {
            // Nothing is written, a comparison that failed perhaps; the right to is asked for.
            let allowed = made(&typed, asked, typed.allows(size, access));
            return if allowed { before } else { 0 };
        }
        let mut after = after.to_le_bytes();
        let outcome = typed.inward(&mut after[..size as usize]);
        if !made(&typed, asked, outcome) {
            return 0;
        }
        let after = u64::from_le_bytes(after);
        if swap(typed.address(), size, now, after) {
            return before;
        }
    }
}

fn low(value: u64, bytes: u64) -> u64 {
    value & u64::MAX >> (64 - 8 * bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_copy_once_and_part_no_word() {
        for misaligned in 0..VALUE_BYTES {
            for bytes in [0, 1, 7, 8, 9, 4090, 4096, 4097, 8200, 20_001] {
                for backward in [false, true] {
                    let all = Pieces {
                        misaligned,
                        bytes,
                        done: 0,
                        backward,
                    };
                    let mut seen: Vec<_> = all.collect();
                    seen.sort_unstable();
                    let mut next = 0;
                    for (offset, length) in seen {
                        assert_eq!(offset, next, "{misaligned} {bytes} {backward}");
                        assert!(length > 0 && length <= PIECE_BYTES);
                        next = offset + length;
                        assert!(next == bytes || (next + misaligned) % VALUE_BYTES == 0);
                    }
                    assert_eq!(next, bytes);
                }
            }
        }
    }
}
