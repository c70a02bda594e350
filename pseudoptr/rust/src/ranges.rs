//! The range leases of one allocation: a list that begins in its mark and goes on in their records.

use crate::table::{NONE, side};
use core::sync::atomic::{AtomicU32, Ordering};

/// In a mark: no stable lease; the rest is the first range lease's index + 1.
pub(crate) const RANGES: u32 = 1 << 31;

/// The range leases of one allocation. pre: the lock is held.
pub(crate) struct List<'a> {
    mark: &'a AtomicU32,
    pub(crate) stable: Option<u32>,
}

impl List<'_> {
    pub(crate) fn of(mark: &AtomicU32) -> List<'_> {
        let value = mark.load(Ordering::Relaxed);
        let stable = (value != 0 && value & RANGES == 0).then(|| value - 1);
        List { mark, stable }
    }

    pub(crate) fn first(&self) -> u32 {
        match self.stable {
            Some(index) => side(index).next.load(Ordering::Relaxed),
            None => (self.mark.load(Ordering::Relaxed) & !RANGES).wrapping_sub(1),
        }
    }

    pub(crate) fn set_first(&self, index: u32) {
        match self.stable {
            Some(stable) => side(stable).next.store(index, Ordering::Relaxed),
            None if index == NONE => self.mark.store(0, Ordering::Release),
            None => self.mark.store(RANGES | (index + 1), Ordering::Release),
        }
    }

    pub(crate) fn remove(&self, index: u32) {
        let after = side(index).next.load(Ordering::Relaxed);
        let mut at = self.first();
        if at == index {
            return self.set_first(after);
        }
        while at != NONE {
            let next = side(at).next.load(Ordering::Relaxed);
            if next == index {
                return side(at).next.store(after, Ordering::Relaxed);
            }
            at = next;
        }
    }
}
