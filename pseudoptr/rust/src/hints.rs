//! Handles of addresses that crossed lately, so that crossing again costs no rights.
//!
//! Two direct-mapped caches in the published range: from an address to the handle that it was
//! lent as, and from a page to a lease that covers a part of it, for pointers that walk through
//! a buffer. Foreign code can read them; what they say is believed only as far as the table's
//! entries, which lie there too, still say the same.
//!
//! Invariant: where a handle's lease is live, its entry's delta leads back to the address, and
//! the address was strictly inside the lease when it was remembered and no lease has shrunk
//! since, the handle is what [`crate::membrane::outward`] would find. (One past the end is not
//! remembered: another allocation may come to begin there.)
//!
//! Attacker: reads it, writes none of it; may ask about any address, as of the membrane itself.

use crate::layout::index_of;
use crate::table::{CODE, placed, side, within};
use core::sync::atomic::{AtomicU64, Ordering};

const SLOTS: usize = 1024; // two pages
const PAGE_SHIFT: u32 = 12;

/// Each slot holds a handle, or 0.
#[repr(C)]
pub(crate) struct Hints {
    addresses: [AtomicU64; SLOTS],
    /// Of the first byte of the lease, whose bounds the entry says where it is open.
    pages: [AtomicU64; SLOTS],
}

/// Fibonacci hashing: the low bits of addresses are alike.
#[inline(always)]
const fn slot_of(address: u64) -> usize {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2())) as usize
}

impl Hints {
    #[inline(always)]
    fn slot(&self, address: u64) -> &AtomicU64 {
        &self.addresses[slot_of(address)]
    }

    #[inline(always)]
    fn page(&self, address: u64) -> &AtomicU64 {
        &self.pages[slot_of(address >> PAGE_SHIFT)]
    }

    /// The handle that the address is lent as, if that is known. Needs no rights.
    #[inline]
    pub(crate) fn outward(&self, address: u64) -> Option<u64> {
        let handle = self.slot(address).load(Ordering::Relaxed);
        if handle != 0 && placed(handle).is_some_and(|placed| placed.address == address) {
            return Some(handle);
        }
        let lease = self.page(address).load(Ordering::Relaxed);
        if lease == 0 {
            return None;
        }
        within(lease, address)
    }

    /// The address that the handle stands for, if that can be known. Needs no rights.
    /// pre: it carries the tag.
    #[inline]
    pub(crate) fn inward(&self, handle: u64) -> Option<u64> {
        let placed = placed(handle)?;
        let known = placed.open || self.slot(placed.address).load(Ordering::Relaxed) == handle;
        known.then_some(placed.address)
    }

    /// pre: rights open. Does nothing when the lease ended or shrank meanwhile.
    #[cold]
    pub(crate) fn remember(&self, address: u64, handle: u64) {
        let registry = crate::start::registry();
        let _held = registry.lock(); // a lease that shrinks does so before, or forgets this
        let record = side(index_of(handle)).read();
        let inside = handle.wrapping_sub(record.base) < record.bytes || record.flags & CODE != 0;
        if record.base != 0 && inside {
            self.slot(address).store(handle, Ordering::Relaxed);
            self.page(address).store(record.base, Ordering::Relaxed);
        }
    }

    /// A lease has shrunk, and what was cut off may be lent as another's. pre: rights open, lock.
    pub(crate) fn forget(&self) {
        for slot in self.addresses.iter().chain(&self.pages) {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lease::{lend_range, revoke};
    use crate::published::published;

    /// The next generation's handles begin a mebibyte further: an object that lies as far away
    /// would seem to be the one that was remembered.
    #[test]
    fn a_handle_of_another_generation_is_not_believed() {
        crate::start::start().unwrap();
        let memory = vec![0u8; 3 << 20];
        let first = memory.as_ptr().expose_provenance() as u64;
        let hints = &published().hints;
        for _ in 0..100 {
            let handle = lend_range(first, 8, true).unwrap();
            hints.remember(first, handle);
            assert_eq!(hints.outward(first), Some(handle));
            revoke(handle).unwrap();
            assert_eq!(hints.outward(first), None);
            let next = lend_range(first + (1 << 20), 8, true).unwrap();
            assert_eq!(hints.outward(first), None);
            assert_eq!(hints.inward(handle), None);
            revoke(next).unwrap();
            if next == handle + (1 << 20) {
                return; // nobody took the index between
            }
        }
        panic!("other threads took the index each time");
    }
}
