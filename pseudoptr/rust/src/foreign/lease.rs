//! Accesses to a typed lease: judged by the type, then made.
//!
//! Every access to such a lease ends up here, since `resolve` answers none of them.
//!
//! Invariants:
//!  - A value with a rule is judged in a register and then written from there. Whatever foreign
//!    threads do to the buffer that it came in, they cannot change it in between.
//!  - A write of a part of such a value replaces the whole by compare and swap, so that two
//!    writes, each allowed, do not make a value that is not.
//!  - A refused write changes nothing, but for one that races with other writes, of which a part
//!    may have been made; each of its values was allowed.
//!
//! Nothing here allocates or takes a lock: the server of traps comes here in signal handlers.
//!
//! Attacker: chooses handle, size, bytes; may write the source meanwhile.

use super::admit;
use super::walk::{Name, Piece, Refused, Rule, holds, pieces};
use super::{TypeInfo, Visible};
use crate::access::at;
use crate::layout::is_handle;
use crate::membrane;
use crate::published::published;
use crate::resolve::{Access, Kind, resolve};
use crate::start::registry;
use crate::table::{TYPED, side};
use crate::violation::refuse_call;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};

/// A live typed lease, and where a handle points in it.
pub(crate) struct Typed {
    pub(super) info: &'static TypeInfo,
    /// Address of its first byte.
    address: u64,
    bytes: u64,
    /// Of the handle, from its first byte.
    pub(crate) offset: u64,
}

/// Where the type of an index is kept. pre: started, rights open.
fn type_at(index: u32) -> &'static AtomicPtr<TypeInfo> {
    let types = published().types.load(Ordering::Relaxed);
    // SAFETY: `types` points to INDICES words that live for ever.
    unsafe { &*types.add(index as usize) }
}

/// Completes a lease that began with the flag TYPED. pre: rights open.
pub(crate) fn set_type(index: u32, info: Option<&'static TypeInfo>) {
    let info = info.map_or(core::ptr::null_mut(), |info| {
        core::ptr::from_ref(info).cast_mut()
    });
    type_at(index).store(info, Ordering::Release);
}

/// The typed lease that the pointer names, wherever in it it points. pre: rights open.
pub(crate) fn claim(handle: u64) -> Option<Typed> {
    if !is_handle(handle) {
        return None;
    }
    let (index, record) = registry().live_of(handle)?;
    if record.flags & TYPED == 0 {
        return None;
    }
    let info = type_at(index).load(Ordering::Acquire);
    fence(Ordering::Acquire);
    // Null: not complete, or over.
    if info.is_null() || side(index).base() != record.base {
        return None;
    }
    Some(Typed {
        // SAFETY: set_type had it from a reference to a constant.
        info: unsafe { &*info },
        address: record.address,
        bytes: record.bytes,
        offset: handle.wrapping_sub(record.base),
    })
}

/// As `resolve`, and of a typed lease: do its rights allow the access? What may be written is
/// not said: the address is for reading, and for hosts. pre: rights open.
pub(crate) fn permits(handle: u64, bytes: u64, access: Access) -> Result<u64, Kind> {
    match resolve(handle, bytes, access) {
        Err(Kind::Type) if access != Access::Execute => {
            let typed = claim(handle).ok_or(Kind::Type)?;
            typed
                .allows(bytes, access)
                .map_err(|refused| refused.kind)
                .map(|()| typed.address + typed.offset)
        }
        verdict => verdict,
    }
}

/// Where bytes to be written come from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Readable with the rights open, and nothing that is written.
    At(*const u8),
    /// All the same.
    Fill(u8),
}

impl Source {
    pub(crate) fn of(bytes: &[u8]) -> Source {
        Source::At(bytes.as_ptr())
    }

    /// Up to 8 of them, little-endian.
    fn word(self, skipped: u64, bytes: u64) -> u64 {
        let mut word = [0; 8];
        for (at, byte) in word[..bytes as usize].iter_mut().enumerate() {
            *byte = match self {
                Source::Fill(byte) => byte,
                // SAFETY: within what the caller gave; volatile, since it may change.
                Source::At(from) => unsafe {
                    from.wrapping_add(skipped as usize + at).read_volatile()
                },
            };
        }
        u64::from_le_bytes(word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Judge,
    Write,
}

impl Typed {
    /// Rights, whatever the values. pre: inside the lease.
    pub(crate) fn allows(&self, bytes: u64, access: Access) -> Result<(), Refused> {
        let most = match access {
            Access::Read => Visible::ReadOnly,
            _ => Visible::ReadWrite,
        };
        pieces(
            self.info,
            (self.offset, self.offset + bytes),
            &mut |piece| visible(piece, most),
        )
    }

    /// Would the write be allowed? pre: rights open; inside the lease, which is writable.
    pub(crate) fn judge(&self, source: Source, bytes: u64) -> Result<(), Refused> {
        self.pass(source, bytes, Pass::Judge)
    }

    /// Makes it, judging each value again. pre: as above.
    pub(crate) fn write(&self, source: Source, bytes: u64) -> Result<(), Refused> {
        self.judge(source, bytes)?;
        self.pass(source, bytes, Pass::Write)
    }

    fn pass(&self, source: Source, bytes: u64, pass: Pass) -> Result<(), Refused> {
        let window = (self.offset, self.offset + bytes);
        pieces(self.info, window, &mut |piece| {
            visible(piece, Visible::ReadWrite)?;
            let from = piece.offset.max(window.0);
            let length = (piece.offset + piece.bytes).min(window.1) - from;
            let skipped = from - window.0;
            let address = self.address + piece.offset;
            if let Rule::Any = piece.rule {
                if pass == Pass::Write {
                    put(self.address + from, source, skipped, length);
                }
                return Ok(());
            }
            let given = source.word(skipped, length);
            if length == piece.bytes {
                let value = admit(piece, address, given)?;
                if pass == Pass::Write {
                    set_word(address, length, value);
                }
                return Ok(());
            }
            let shift = 8 * (from - piece.offset);
            let mask = (1u64 << (8 * length)) - 1;
            loop {
                let now = word(address, piece.bytes);
                let value = now & !(mask << shift) | given << shift;
                admit_part(piece, now, value)?;
                if pass == Pass::Judge || swap(address, piece.bytes, now, value) {
                    return Ok(());
                }
            }
        })
    }

    /// Turns pointers in `bytes`, a copy of what lies at the handle, as they cross outward.
    pub(crate) fn outward(&self, bytes: &mut [u8]) {
        let window = (self.offset, self.offset + bytes.len() as u64);
        let _ = pieces(self.info, window, &mut |piece| {
            let inside = piece.offset >= window.0 && piece.offset + piece.bytes <= window.1;
            let at = piece.offset.wrapping_sub(window.0) as usize;
            if let (Rule::Pointer(rule), true) = (piece.rule, inside)
                && let Some(word) = bytes[at..].first_chunk_mut::<8>()
            {
                *word = admit::outward(rule, u64::from_le_bytes(*word)).to_le_bytes();
            }
            Ok(())
        });
    }

    /// Turns values that foreign code would write in one instruction into what memory will hold.
    /// Parts of a value are refused: an atomic access is of the whole.
    pub(crate) fn inward(&self, bytes: &mut [u8]) -> Result<(), Refused> {
        let window = (self.offset, self.offset + bytes.len() as u64);
        pieces(self.info, window, &mut |piece| {
            visible(piece, Visible::ReadWrite)?;
            if let Rule::Any = piece.rule {
                return Ok(());
            }
            if piece.offset < window.0 || piece.offset + piece.bytes > window.1 {
                return Err(refused(Kind::Type, piece));
            }
            let (at, length) = ((piece.offset - window.0) as usize, piece.bytes as usize);
            let given = Source::of(&bytes[at..]).word(0, piece.bytes);
            let value = admit(piece, self.address + piece.offset, given)?;
            bytes[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
            Ok(())
        })
    }

    /// The same of a value of `bytes`.
    pub(super) fn word_outward(&self, value: u64, bytes: u64) -> u64 {
        let mut word = value.to_le_bytes();
        self.outward(&mut word[..bytes as usize]);
        u64::from_le_bytes(word)
    }

    /// Address of what the handle points to.
    pub(crate) fn address(&self) -> u64 {
        self.address + self.offset
    }

    /// What the report calls it.
    pub(crate) fn name(&self, refused: Refused) -> Name {
        Name::of(self.info, self.bytes, refused.offset)
    }

    /// Reports. pre: rights open, no lock held.
    #[cold]
    pub(crate) fn refuse(&self, handle: u64, bytes: u64, access: Access, why: Refused, pc: u64) {
        let name = self.name(why);
        refuse_call(handle, bytes, access, why.kind, pc, name.bytes());
    }
}

fn refused(kind: Kind, piece: &Piece) -> Refused {
    Refused {
        kind,
        offset: piece.offset,
    }
}

fn visible(piece: &Piece, most: Visible) -> Result<(), Refused> {
    if piece.visible <= most {
        Ok(())
    } else {
        Err(refused(Kind::Rights, piece))
    }
}

/// The value as memory will hold it. `address`: of the piece.
fn admit(piece: &Piece, address: u64, given: u64) -> Result<u64, Refused> {
    let value = match piece.rule {
        Rule::Any => Some(given),
        Rule::Value(info, range) => holds(info, range, given).then_some(given),
        Rule::Pointer(rule) => admit::pointer(rule, given).or_else(|| {
            // What Rust itself put there may come back, wherever it points.
            let same = membrane::inward(given);
            (same == word(address, piece.bytes)).then_some(same)
        }),
    };
    value.ok_or(refused(Kind::Type, piece))
}

/// The same of a value of which only some bytes are new. Half a pseudo-pointer stands for nothing.
fn admit_part(piece: &Piece, now: u64, value: u64) -> Result<(), Refused> {
    let is_free = |rule: &super::Pointer| rule.owns == super::Owns::Nothing;
    match piece.rule {
        Rule::Pointer(_) if value == now => Ok(()),
        Rule::Pointer(rule) if value == 0 && rule.nullable || value != 0 && is_free(rule) => Ok(()),
        Rule::Pointer(_) => Err(refused(Kind::Type, piece)),
        Rule::Value(info, range) if !holds(info, range, value) => Err(refused(Kind::Type, piece)),
        _ => Ok(()),
    }
}

macro_rules! on_width {
    ($address:expr, $bytes:expr, |$cell:ident, $unsigned:ident| $do:expr) => {{
        // SAFETY: a piece of a live lease, 1, 2, 4 or 8 bytes and aligned to them (walk.rs).
        unsafe {
            match $bytes {
                1 => {
                    type $unsigned = u8;
                    let $cell = AtomicU8::from_ptr(at($address));
                    $do
                }
                2 => {
                    type $unsigned = u16;
                    let $cell = AtomicU16::from_ptr(at($address));
                    $do
                }
                4 => {
                    type $unsigned = u32;
                    let $cell = AtomicU32::from_ptr(at($address));
                    $do
                }
                _ => {
                    type $unsigned = u64;
                    let $cell = AtomicU64::from_ptr(at($address));
                    $do
                }
            }
        }
    }};
}

/// What memory holds. pre: see on_width.
#[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
pub(super) fn word(address: u64, bytes: u64) -> u64 {
    on_width!(address, bytes, |cell, Unsigned| {
        let now: Unsigned = cell.load(Ordering::Acquire);
        u64::from(now)
    })
}

#[allow(clippy::unnecessary_cast)]
fn set_word(address: u64, bytes: u64, value: u64) {
    on_width!(address, bytes, |cell, Unsigned| cell
        .store(value as Unsigned, Ordering::Release));
}

#[allow(clippy::unnecessary_cast)]
pub(super) fn swap(address: u64, bytes: u64, now: u64, value: u64) -> bool {
    on_width!(address, bytes, |cell, Unsigned| {
        let (now, value) = (now as Unsigned, value as Unsigned);
        cell.compare_exchange(now, value, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    })
}

/// Bytes that may be anything. Those that one store can write, one store does.
fn put(address: u64, source: Source, skipped: u64, bytes: u64) {
    if matches!(bytes, 1 | 2 | 4 | 8) && address.is_multiple_of(bytes) {
        return set_word(address, bytes, source.word(skipped, bytes));
    }
    let to = at::<u8>(address);
    // SAFETY: inside a live, writable lease; the source is as long, and elsewhere.
    unsafe {
        match source {
            Source::Fill(byte) => to.write_bytes(byte, bytes as usize),
            Source::At(from) => to.copy_from(from.wrapping_add(skipped as usize), bytes as usize),
        }
    }
}
