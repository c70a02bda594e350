//! memmove and memset, of which either pointer may be a handle.
//!
//! Invariant: an operand that isn't resolved from the live table is touched
//! with foreign rights only. Where a raw operand meets a private lease, the
//! bytes therefore go through a small buffer, a piece at a time: one half of
//! each step with the rights open, the other half with them closed. The buffer
//! is on the stack, which foreign threads can write; it only ever holds what
//! they may read, or what they could have passed anyway.

use crate::access::{at, with_rights};
use crate::foreign::lease::claim;
use crate::foreign::moves;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind};
use crate::shadow;
use crate::table::direct;
use crate::violation::refuse;
use core::mem::MaybeUninit;

/// One bounce buffer: any private lease of an allocation fits in it.
const PIECE_BYTES: u64 = 4096;

/// How an operand can be reached.
enum Reach {
    /// With foreign rights, at this address.
    Direct(u64),
    /// Only by the runtime.
    Private,
}

fn reach(pointer: u64, bytes: u64, access: Access) -> Reach {
    if !is_handle(pointer) {
        return Reach::Direct(pointer);
    }
    match direct(pointer, bytes, access == Access::Write) {
        Some(address) => Reach::Direct(address),
        None => Reach::Private,
    }
}

/// Where a private operand is.
enum Found {
    At(u64),
    /// Nowhere: its type decides, byte by byte.
    Typed,
    Refused,
}

/// Resolves, or reports. pre: rights open.
fn find(pointer: u64, bytes: u64, access: Access, pc: u64) -> Found {
    match shadow::resolve(pointer, bytes, access) {
        Ok(address) => Found::At(address),
        Err(Kind::Type) if claim(pointer).is_some() => Found::Typed,
        Err(kind) => {
            refuse(pointer, bytes, access, kind, pc);
            Found::Refused
        }
    }
}

/// Resolves, or reports. pre: rights open.
fn resolve_or_refuse(pointer: u64, bytes: u64, access: Access, pc: u64) -> Option<u64> {
    match shadow::resolve(pointer, bytes, access) {
        Ok(address) => Some(address),
        Err(kind) => {
            refuse(pointer, bytes, access, kind, pc);
            None
        }
    }
}

fn copy(to: u64, from: u64, bytes: u64) {
    // SAFETY: both sides are resolved leases, the runtime's buffer, or what
    // foreign code asked for and is done with its rights.
    unsafe { core::ptr::copy(at::<u8>(from).cast_const(), at::<u8>(to), bytes as usize) };
}

pub(crate) extern "C" fn memmove(to: u64, from: u64, bytes: u64, pc: u64) {
    if bytes == 0 {
        return;
    }
    match (
        reach(to, bytes, Access::Write),
        reach(from, bytes, Access::Read),
    ) {
        (Reach::Direct(to), Reach::Direct(from)) => copy(to, from, bytes),
        (Reach::Private, Reach::Private) => {
            let is_typed = with_rights(|| {
                let target = find(to, bytes, Access::Write, pc);
                if let Found::Refused = target {
                    return false;
                }
                match (target, find(from, bytes, Access::Read, pc)) {
                    (Found::At(to), Found::At(from)) => copy(to, from, bytes),
                    (_, Found::Refused) => {}
                    _ => return true,
                }
                false
            });
            if is_typed {
                moves::memmove(to, from, bytes, pc);
            }
        }
        (Reach::Private, Reach::Direct(from)) => in_pieces(to, from, bytes, Access::Write, pc),
        (Reach::Direct(to), Reach::Private) => in_pieces(from, to, bytes, Access::Read, pc),
    }
}

/// Between a private lease and memory that foreign rights reach. `access` is
/// what happens to the lease.
fn in_pieces(handle: u64, raw: u64, bytes: u64, access: Access, pc: u64) {
    let address = match with_rights(|| find(handle, bytes, access, pc)) {
        Found::At(address) => address,
        Found::Typed if access == Access::Write => return moves::memmove(handle, raw, bytes, pc),
        Found::Typed => return moves::memmove(raw, handle, bytes, pc),
        Found::Refused => return zero_if_read(raw, bytes, access),
    };
    let (to, from) = if access == Access::Write {
        (address, raw)
    } else {
        (raw, address)
    };
    let backward = to.wrapping_sub(from) < bytes; // only the same memory, lent and raw
    let mut buffer = [MaybeUninit::<u8>::uninit(); PIECE_BYTES as usize];
    let buffer = buffer.as_mut_ptr().expose_provenance() as u64;
    let mut done = 0;
    while done < bytes {
        let piece = PIECE_BYTES.min(bytes - done);
        let offset = if backward { bytes - done - piece } else { done };
        // The lease may have ended since the last piece: ask again.
        let now = |with: fn(u64, u64, u64)| {
            with_rights(|| {
                let address = resolve_or_refuse(handle.wrapping_add(offset), piece, access, pc);
                address
                    .inspect(|address| with(*address, buffer, piece))
                    .is_some()
            })
        };
        if access == Access::Write {
            copy(buffer, raw.wrapping_add(offset), piece);
            if !now(copy) {
                return;
            }
        } else {
            if !now(|address, buffer, piece| copy(buffer, address, piece)) {
                return zero_if_read(raw.wrapping_add(offset), piece, access);
            }
            copy(raw.wrapping_add(offset), buffer, piece);
        }
        done += piece;
    }
}

/// A refused read that was only reported gives zeros, with foreign rights.
fn zero_if_read(raw: u64, bytes: u64, access: Access) {
    if access == Access::Read {
        fill(raw, 0, bytes);
    }
}

fn fill(to: u64, byte: u8, bytes: u64) {
    // SAFETY: a resolved lease, or what foreign code asked for with its rights.
    unsafe { core::ptr::write_bytes(at::<u8>(to), byte, bytes as usize) };
}

pub(crate) extern "C" fn memset(to: u64, byte: u32, bytes: u64, pc: u64) {
    if bytes == 0 {
        return;
    }
    match reach(to, bytes, Access::Write) {
        Reach::Direct(address) => fill(address, byte as u8, bytes),
        Reach::Private => with_rights(|| match find(to, bytes, Access::Write, pc) {
            Found::At(address) => fill(address, byte as u8, bytes),
            Found::Typed => moves::memset(to, byte as u8, bytes, pc),
            Found::Refused => {}
        }),
    }
}
