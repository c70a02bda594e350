//! Operands in typed leases: pointers turn where the type says so, values are judged.

use super::form::LONGEST;
use crate::foreign::lease::{Source, Typed, claim};
use crate::foreign::walk::Refused;
use crate::resolve::{Access, Kind};
use crate::sys::{self, mpk_trap};
use crate::violation::facts;

/// First and length of each run of bytes in a mask.
fn runs(mask: u64) -> impl Iterator<Item = (usize, usize)> {
    let mut left = mask;
    core::iter::from_fn(move || {
        (left != 0).then(|| {
            let first = left.trailing_zeros();
            let length = (left >> first).trailing_ones();
            left &= !(u64::MAX >> (64 - length) << first);
            (first as usize, length as usize)
        })
    })
}

fn lease(handle: u64, first: usize) -> Result<Typed, Refused> {
    claim(handle.wrapping_add(first as u64)).ok_or(Refused {
        kind: Kind::Temporal,
        offset: 0,
    })
}

/// Where a handle of a typed lease points.
pub(super) fn address(handle: u64) -> Option<u64> {
    claim(handle).map(|typed| typed.address())
}

/// The bytes of the mask that foreign code may read: all, in a lease without a type.
pub(super) fn readable(handle: u64, mask: u64) -> u64 {
    let allowed = |at: &u32| {
        let typed = claim(handle.wrapping_add(u64::from(*at)));
        typed.is_none_or(|typed| typed.allows(1, Access::Read).is_ok())
    };
    (0..u64::BITS)
        .filter(|at| mask >> at & 1 == 1)
        .filter(allowed)
        .fold(0, |readable, at| readable | 1 << at)
}

/// Turns the pointers among what was read.
pub(super) fn outward(handle: u64, mask: u64, bytes: &mut [u8; LONGEST]) {
    for (first, length) in runs(mask) {
        if let Ok(typed) = lease(handle, first) {
            typed.outward(&mut bytes[first..first + length]);
        }
    }
}

/// Writes the bytes of the mask, all or none.
pub(super) fn write(handle: u64, mask: u64, bytes: &[u8; LONGEST]) -> Result<(), Refused> {
    let source = |first, length| Source::of(&bytes[first..first + length]);
    for (first, length) in runs(mask) {
        lease(handle, first)?.judge(source(first, length), length as u64)?;
    }
    for (first, length) in runs(mask) {
        lease(handle, first)?.write(source(first, length), length as u64)?;
    }
    Ok(())
}

/// What one locked instruction is to write, as memory will hold it.
pub(super) fn inward(handle: u64, count: u32, bytes: &mut [u8; LONGEST]) -> Result<(), Refused> {
    lease(handle, 0)?.inward(&mut bytes[..count as usize])
}

/// Fills in the violation that the runtime will report, with the field's name.
pub(super) fn violate(
    trap: &mut mpk_trap,
    handle: u64,
    bytes: u64,
    access: Access,
    why: Refused,
) -> u32 {
    let name = claim(handle).map(|typed| typed.name(why));
    let name = name.as_ref().map_or(&[][..], |name| name.bytes());
    trap.violation = facts(handle, bytes, access, why.kind, trap.origin, name);
    sys::MPK_TRAP_VIOLATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_bits_of_a_mask() {
        let masks = [0, 1, 1 << 63, u64::MAX, 0xff00_0f01, u64::MAX << 9, 0x5555];
        for mask in masks {
            let mut all = 0u64;
            for (first, length) in runs(mask) {
                let bits = u64::MAX >> (64 - length) << first;
                assert_eq!(all & bits, 0);
                assert!(first == 0 || mask >> (first - 1) & 1 == 0);
                all |= bits;
            }
            assert_eq!(all, mask);
        }
    }
}
