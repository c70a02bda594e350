//! Pointers that foreign code writes into a typed lease, and those that it reads there.
//!
//! Which words are pointers is known from the type, so that they cross the membrane however they
//! are moved: as pointers, as integers, by memcpy.
//!
//! Invariant: a reference or a `Box` is only ever written from a pseudo-pointer that is live as it
//! is written, to memory that holds a value of the type.
//!
//! ASSUMES: of a reference that foreign code writes, that what it points to lives long enough: its
//! lifetime is known to the compiler alone. Of a `Box`, that foreign code does not leave two with
//! the same allocation.

use super::lease::{self, Typed};
use super::same::same;
use super::walk::{Rule, holds, is_plain, pieces};
use super::{Owns, Pointer, TypeInfo};
use crate::layout::is_handle;
use crate::lease::{find, lend_value};
use crate::membrane;
use crate::published::in_host_domain;
use crate::start::registry;
use crate::table::{CODE, STACK, TYPED, WRITABLE, place_of};

/// The pointer as Rust will see it, if the rule lets it in. pre: rights open.
pub(crate) fn pointer(rule: &Pointer, given: u64) -> Option<u64> {
    if given == 0 {
        return rule.nullable.then_some(0);
    }
    if rule.owns == Owns::Nothing {
        return Some(membrane::inward(given));
    }
    target(rule, given)
}

/// The pointer as foreign code sees it: what it owns or borrows whole is lent by its type as well.
/// pre: rights open.
pub(super) fn outward(rule: &Pointer, address: u64) -> u64 {
    let info = rule.pointee.filter(|_| rule.owns != Owns::Nothing);
    match info.map(|info| info()) {
        Some(info) if in_host_domain(address) && !is_plain(info) => {
            lend_value(address, info).unwrap_or_else(|_| membrane::outward(address))
        }
        _ => membrane::outward(address),
    }
}

/// Of a pointer that promises a live value.
fn target(rule: &Pointer, given: u64) -> Option<u64> {
    if !is_handle(given) {
        return None;
    }
    let info = rule.pointee?();
    let (bytes, align) = (info.bytes as u64, info.align as u64);
    let (_, record) = registry().live_of(given)?;
    let offset = given.wrapping_sub(record.base);
    let address = record.address.wrapping_add(offset);
    let fits = record.flags & CODE == 0
        && offset <= record.bytes
        && bytes <= record.bytes - offset
        && address.is_multiple_of(align);
    if !fits || rule.owns != Owns::Shared && record.flags & WRITABLE == 0 {
        return None;
    }
    if rule.owns == Owns::Allocation {
        let found = in_host_domain(address).then(|| find(address)).flatten()?;
        if found.base as u64 != address || found.bytes as u64 != bytes {
            return None;
        }
    }
    let is_a = if record.flags & TYPED != 0 {
        lease::claim(given)?.is(offset, info)
    } else {
        // What foreign code may write there without a type is judged as it is now. A stack is
        // lent as a whole; frames are not values.
        record.flags & STACK == 0 && is_valid(place_of(&record).wrapping_add(offset), info)
    };
    is_a.then_some(address)
}

impl Typed {
    /// Is what lies at the offset one of these?
    fn is(&self, offset: u64, info: &TypeInfo) -> bool {
        same(self.info, info) && offset.is_multiple_of((info.bytes as u64).max(1))
    }
}

/// Does memory hold a value of the type? Pointers in it are asked for null alone.
/// pre: readable, aligned.
fn is_valid(address: u64, info: &'static TypeInfo) -> bool {
    let refused = super::walk::Refused {
        kind: crate::resolve::Kind::Type,
        offset: 0,
    };
    pieces(info, (0, info.bytes as u64), &mut |piece| {
        let value = || lease::word(address + piece.offset, piece.bytes);
        let valid = match piece.rule {
            Rule::Any => true,
            Rule::Value(info, range) => holds(info, range, value()),
            Rule::Pointer(rule) => rule.nullable || value() != 0,
        };
        if valid { Ok(()) } else { Err(refused) }
    })
    .is_ok()
}
