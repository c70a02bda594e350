//! The two halves of a lease in memory, and how they are written while others read.
//!
//! Written under the table's lock, read without it. `base` names the lease: it is its handle,
//! which no other lease ever has. It is written last when a lease begins and first (to 0) when
//! it ends, and a reader takes what it read for one lease's only if the base was the same
//! before and after. So a reader who sees a base sees what belongs to it.
//!
//! Every step of it is checked by loom (tests/loom.rs), which compiles this very file with its own
//! atomics: [`crate::atomics`].
//!
//! Source: \[Seqlocks\] for the two fences.

use crate::atomics::{AtomicU32, AtomicU64, Ordering, fence};

/// Width of a record's flags.
pub(crate) const FLAG_BITS: u32 = 7;

/// An entry, as the host writes it; [`Entry`](crate::Entry) says what it means.
#[repr(C)]
#[derive(Default)]
pub(crate) struct LiveEntry {
    base: AtomicU64,
    read_limit: AtomicU64,
    write_limit: AtomicU64,
    delta: AtomicU64,
}

/// The private record of an index.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Side {
    base: AtomicU64,
    address: AtomicU64,
    bytes: AtomicU64,
    /// generation << FLAG_BITS | flags
    meta: AtomicU32,
    /// Dead: the next free index. Live: the next range lease of the allocation.
    pub(crate) next: AtomicU32,
}

/// What a record said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Handle of the first byte; 0: the lease has ended.
    pub base: u64,
    pub address: u64,
    pub bytes: u64,
    pub generation: u32,
    pub flags: u32,
}

impl LiveEntry {
    /// The check that rewritten code does inline: where an access may go directly.
    #[inline]
    pub(crate) fn direct(&self, handle: u64, bytes: u64, write: bool) -> Option<u64> {
        let base = self.base.load(Ordering::Acquire);
        let limit = if write {
            &self.write_limit
        } else {
            &self.read_limit
        };
        // Acquire: a limit that opens a copy comes with the way there.
        let limit = limit
            .load(Ordering::Acquire)
            .saturating_sub(bytes.saturating_sub(1));
        let delta = self.delta.load(Ordering::Relaxed);
        let inside = self.is_still(base) && handle.wrapping_sub(base) < limit;
        inside.then(|| handle.wrapping_add(delta))
    }

    /// (base, read limit, delta) of a live lease.
    #[inline]
    pub(crate) fn read(&self) -> Option<(u64, u64, u64)> {
        let base = self.base.load(Ordering::Acquire);
        let limit = self.read_limit.load(Ordering::Acquire);
        let delta = self.delta.load(Ordering::Relaxed);
        self.is_still(base).then_some((base, limit, delta))
    }

    #[inline]
    fn is_still(&self, base: u64) -> bool {
        fence(Ordering::Acquire);
        base != 0 && self.base.load(Ordering::Relaxed) == base
    }

    /// pre: ended.
    pub(crate) fn begin(&self, base: u64, address: u64, open: (u64, u64)) {
        fence(Ordering::Release); // who sees what follows sees the end before it
        self.delta
            .store(address.wrapping_sub(base), Ordering::Relaxed);
        self.read_limit.store(open.0, Ordering::Relaxed);
        self.write_limit.store(open.1, Ordering::Relaxed);
        self.base.store(base, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.base.store(0, Ordering::Release);
        self.read_limit.store(0, Ordering::Release);
        self.write_limit.store(0, Ordering::Release);
    }

    /// Other limits (read, write).
    pub(crate) fn resize(&self, open: (u64, u64)) {
        self.read_limit.store(open.0, Ordering::Release);
        self.write_limit.store(open.1, Ordering::Release);
    }

    /// The lease's handles lead elsewhere. pre: both limits are 0.
    pub(crate) fn aim(&self, base: u64, address: u64) {
        self.delta
            .store(address.wrapping_sub(base), Ordering::Release);
    }
}

impl Side {
    /// A consistent reading, whatever other threads do.
    #[inline]
    pub(crate) fn read(&self) -> Record {
        loop {
            let base = self.base.load(Ordering::Acquire);
            let address = self.address.load(Ordering::Relaxed);
            let bytes = self.bytes.load(Ordering::Relaxed);
            let meta = self.meta.load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            if self.base.load(Ordering::Relaxed) == base {
                let (generation, flags) = (meta >> FLAG_BITS, meta & ((1 << FLAG_BITS) - 1));
                return Record {
                    base,
                    address,
                    bytes,
                    generation,
                    flags,
                };
            }
        }
    }

    /// Handle of the first byte; 0 when the lease has ended.
    #[inline]
    pub(crate) fn base(&self) -> u64 {
        self.base.load(Ordering::Acquire)
    }

    /// pre: ended.
    pub(crate) fn begin(&self, record: Record) {
        fence(Ordering::Release); // who sees what follows sees the end before it
        self.address.store(record.address, Ordering::Relaxed);
        self.bytes.store(record.bytes, Ordering::Relaxed);
        self.meta.store(
            record.generation << FLAG_BITS | record.flags,
            Ordering::Relaxed,
        );
        self.base.store(record.base, Ordering::Release);
    }

    /// What it was stays to be read.
    pub(crate) fn end(&self) {
        self.base.store(0, Ordering::Release);
    }

    pub(crate) fn resize(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Release);
    }

    /// Other flags of the same lease.
    pub(crate) fn flag(&self, generation: u32, flags: u32) {
        self.meta
            .store(generation << FLAG_BITS | flags, Ordering::Release);
    }
}
