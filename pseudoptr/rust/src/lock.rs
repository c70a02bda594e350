//! One short lock, inside the domain: foreign code cannot even see it.
//!
//! Held for some stores, never across a violation or a call of the program's. Two of start-up's
//! lie outside and are held for as long as that takes.
//! Spins, then yields: on the mprotect backend its owner may be waiting in the
//! fault handler until the domain opens, which the waiter's own access does.

use crate::runtime::yield_now;
use core::sync::atomic::{AtomicU32, Ordering};

const SPINS_BEFORE_YIELD: u32 = 64;

/// All zero: free.
#[repr(C)]
pub(crate) struct Lock(AtomicU32);

impl Lock {
    pub(crate) const fn new() -> Lock {
        Lock(AtomicU32::new(0))
    }

    /// Takes the lock; it is given back when the guard is dropped.
    #[inline]
    pub(crate) fn hold(&self) -> Guard<'_> {
        self.take();
        Guard(self)
    }

    /// For fork alone, whose two halves are two calls.
    pub(crate) fn take(&self) {
        let mut spins = 0;
        while self
            .0
            .compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            spins = (spins + 1) % SPINS_BEFORE_YIELD;
            if spins == 0 {
                yield_now();
            } else {
                core::hint::spin_loop();
            }
        }
    }

    pub(crate) fn give(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Shows that the lock is held.
pub(crate) struct Guard<'a>(&'a Lock);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.give();
    }
}
