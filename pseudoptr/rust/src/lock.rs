//! One short lock, inside the domain: foreign code cannot even see it.
//!
//! Held for some stores, never across a violation or a call of the program's.
//! Spins, then yields: on the mprotect backend its owner may be waiting in the
//! fault handler until the domain opens, which the waiter's own access does.

use crate::runtime::yield_now;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

unsafe extern "C" {
    fn getpid() -> c_int;
}

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

/// A lock for what is done once. It knows the process that holds it: a fork while
/// another thread starts up may come before our handlers are registered, and the
/// child then finds the lock held by a thread that it lacks. Such a lock is free.
#[repr(C)]
pub(crate) struct OnceLock(Lock);

impl OnceLock {
    pub(crate) const fn new() -> OnceLock {
        OnceLock(Lock::new())
    }

    /// Takes the lock; it is given back when the guard is dropped.
    pub(crate) fn hold(&self) -> Guard<'_> {
        self.take();
        Guard(&self.0)
    }

    /// For fork alone.
    pub(crate) fn take(&self) {
        // SAFETY: no preconditions.
        let me = unsafe { getpid() }.unsigned_abs();
        let word = &self.0.0;
        loop {
            let owner = word.load(Ordering::Relaxed);
            if owner != me
                && word
                    .compare_exchange(owner, me, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            yield_now();
        }
    }

    pub(crate) fn give(&self) {
        self.0.give();
    }
}

/// Shows that the lock is held.
pub(crate) struct Guard<'a>(&'a Lock);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.give();
    }
}
