//! The table: an entry that foreign code reads, and a private record beside it.
//!
//! Entries lie in the published range at a constant address; rewritten code
//! checks against them inline. Records (*sides*) lie inside the host domain and
//! are what the runtime decides by. Both are written by the host alone, under
//! one lock; both are read without it.
//!
//! Invariants:
//!  - `base` is written last when a lease begins and first (to 0) when it ends,
//!    in the record before the entry and the other way round, so a reader who
//!    sees a base sees what belongs to it.
//!  - A generation of an index is never used twice. An index whose generations
//!    are used up is retired: it is on no free list any more.
//!  - A record that ended keeps address and length until its index is used
//!    again: reports say what a stale pointer once stood for.
//!
//! Attacker: reads all entries, writes none; may call in with any handle.

use crate::error::Error;
use crate::layout::{
    Class, GALEED_ENTRY_BYTES, GALEED_INDEX_SHIFT, GALEED_TABLE, GALEED_TAG, INDICES,
    USER_ADDRESS_BITS, encode, index_of,
};
use crate::lock::{Guard, Lock};
use crate::published::published;
use core::cell::UnsafeCell;
use core::mem::size_of;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// Readable by foreign code, written by the host only. An access of n bytes at
/// handle h is allowed directly when h - base (unsigned) < limit - (n - 1), the
/// subtraction saturating at 0; the address is then h + delta. Both limits of a
/// private lease are 0 (with GALEED_FOREIGN_RIGHTS=read its read limit is its
/// length): then the functions below decide, always from the live table. The
/// entries of canonical user addresses allow everything, with delta 0.
#[repr(C)]
pub struct Entry {
    /// Handle of the first byte; 0: nothing leased here.
    pub base: u64,
    /// Bytes that foreign code may read directly.
    pub read_limit: u64,
    /// Bytes that foreign code may write directly.
    pub write_limit: u64,
    /// Address - handle.
    pub delta: i64,
}

/// The same entry as the host writes it.
#[repr(C)]
pub(crate) struct LiveEntry {
    base: AtomicU64,
    read_limit: AtomicU64,
    write_limit: AtomicU64,
    delta: AtomicU64,
}
const _: () = assert!(size_of::<LiveEntry>() as u64 == GALEED_ENTRY_BYTES);
const _: () = assert!(size_of::<Entry>() == size_of::<LiveEntry>());

/// Its pages are open to foreign code.
pub(crate) const MAPPED: u32 = 1;
/// Foreign code may write through it.
pub(crate) const WRITABLE: u32 = 2;
/// It stands for a function of the host.
pub(crate) const CODE: u32 = 4;
/// A lease of its own on a range, ended by revoke.
pub(crate) const RANGE: u32 = 8;
/// It is the host's part of a thread's stack; ends with the thread.
pub(crate) const STACK: u32 = 16;
/// Foreign code works on a copy, at `delta` from the handle; the object is where it was.
pub(crate) const SHADOWED: u32 = 32;
const FLAG_BITS: u32 = 6;
/// No index: the end of a list.
pub(crate) const NONE: u32 = u32::MAX;

/// The private record of an index.
#[repr(C)]
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

/// The crate's private state inside the domain.
#[repr(C)]
pub(crate) struct Registry {
    lock: Lock,
    lists: UnsafeCell<Lists>,
    live: AtomicUsize,
    /// Per class: indices below it have been used.
    fresh: [AtomicU32; 3],
    pub(crate) codes: crate::code::Codes,
    pub(crate) shadows: crate::shadow::Slots,
}

/// Heads of the free lists. Touched with the lock held.
struct Lists {
    free: [u32; 3],
}

/// Where an index's entry is; also for the entries of raw pointers.
#[inline(always)]
fn entry_at(slot: u64) -> &'static LiveEntry {
    let at = GALEED_TABLE + slot * GALEED_ENTRY_BYTES;
    // SAFETY: slot < GALEED_TABLE_ENTRIES since it is a pointer's top bits, so
    // `at` lies in the published range: mapped for ever, zero is valid.
    unsafe { &*core::ptr::with_exposed_provenance::<LiveEntry>(at as usize) }
}

#[inline(always)]
fn entry_of(index: u32) -> &'static LiveEntry {
    entry_at(GALEED_TAG << (crate::layout::GALEED_INDEX_BITS) | u64::from(index))
}

/// The record of an index. pre: started, index < INDICES, rights open.
#[inline(always)]
pub(crate) fn side(index: u32) -> &'static Side {
    debug_assert!(index < INDICES);
    let sides = published().sides.load(Ordering::Relaxed);
    // SAFETY: `sides` points to INDICES records that live for ever.
    unsafe { &*sides.add(index as usize) }
}

/// The check that rewritten code does inline: where an access may go directly,
/// with foreign rights. Callable with rights closed. pre: it carries the tag.
#[inline]
pub(crate) fn direct(handle: u64, bytes: u64, write: bool) -> Option<u64> {
    let entry = entry_at(handle >> GALEED_INDEX_SHIFT);
    let base = entry.base.load(Ordering::Acquire);
    let limit = if write {
        &entry.write_limit
    } else {
        &entry.read_limit
    };
    let limit = limit
        .load(Ordering::Relaxed)
        .saturating_sub(bytes.saturating_sub(1));
    let delta = entry.delta.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    let same = base != 0 && entry.base.load(Ordering::Relaxed) == base;
    (same && handle.wrapping_sub(base) < limit).then(|| handle.wrapping_add(delta))
}

/// What a handle's entry says of it.
pub(crate) struct Placed {
    pub(crate) address: u64,
    /// Inside the lease or one past its end, and foreign code may read it directly.
    pub(crate) open: bool,
}

/// Where a handle points when its lease is live, by its entry; bounds are known of what
/// foreign code may read only. Callable with rights closed. pre: it carries the tag.
#[inline]
pub(crate) fn placed(handle: u64) -> Option<Placed> {
    let entry = entry_at(handle >> GALEED_INDEX_SHIFT);
    let base = entry.base.load(Ordering::Acquire);
    let limit = entry.read_limit.load(Ordering::Relaxed);
    let delta = entry.delta.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    let offset = handle.wrapping_sub(base);
    // Further away lie the handles of other generations.
    let same = entry.base.load(Ordering::Relaxed) == base
        && base != 0
        && offset <= Class::of_index(index_of(handle)).longest();
    same.then(|| Placed {
        address: crate::shadow::home(handle.wrapping_add(delta)),
        open: limit != 0 && offset <= limit,
    })
}

/// Where the memory of a live lease lies that foreign code works on. pre: rights open.
pub(crate) fn place_of(record: &Record) -> u64 {
    if record.flags & SHADOWED == 0 {
        return record.address;
    }
    let delta = entry_of(index_of(record.base))
        .delta
        .load(Ordering::Relaxed);
    record.base.wrapping_add(delta)
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
}

impl Registry {
    /// Fills fresh, zeroed memory and the entries of raw pointers.
    ///
    /// # Safety
    /// `at` is zeroed, aligned, private memory that lives for ever.
    pub(crate) unsafe fn initialise(at: *mut Registry) {
        // SAFETY: as the caller promises; zero is valid for every field.
        let registry = unsafe { &*at };
        // SAFETY: nobody else has seen this registry yet.
        unsafe { (*registry.lists.get()).free = [NONE; 3] };
        for class in Class::ALL {
            registry.fresh[class as usize].store(class.indices().0, Ordering::Relaxed);
        }
        for slot in 0..1 << (USER_ADDRESS_BITS - GALEED_INDEX_SHIFT) {
            let entry = entry_at(slot);
            entry.read_limit.store(u64::MAX, Ordering::Relaxed);
            entry.write_limit.store(u64::MAX, Ordering::Relaxed);
        }
    }

    /// Held while the table changes. Never held across a violation.
    pub(crate) fn lock(&self) -> Guard<'_> {
        self.lock.hold()
    }

    pub(crate) fn fork_lock(&self) -> &Lock {
        &self.lock
    }

    /// Leases that are live, code included.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Was the index ever used?
    pub(crate) fn was_used(&self, index: u32) -> bool {
        index < self.fresh[Class::of_index(index) as usize].load(Ordering::Acquire)
    }

    /// Indices of the class that were ever used.
    pub(crate) fn used(&self, class: Class) -> core::ops::Range<u32> {
        class.indices().0..self.fresh[class as usize].load(Ordering::Acquire)
    }

    /// Begins a lease: takes an index with an unused generation and publishes
    /// it. `open`: limits (read, write) for direct access.
    pub(crate) fn begin(
        &self,
        _held: &Guard<'_>,
        (address, bytes): (u64, u64),
        flags: u32,
        open: (u64, u64),
    ) -> Result<(u32, u64), Error> {
        let class = Class::for_length(bytes).ok_or(Error::FULL)?;
        // SAFETY: the lock is held, as the guard shows.
        let free = unsafe { &mut (*self.lists.get()).free[class as usize] };
        let fresh = &self.fresh[class as usize];
        let (index, generation) = if *free != NONE {
            let index = *free;
            *free = side(index).next.load(Ordering::Relaxed);
            (index, side(index).read().generation + 1)
        } else {
            let index = fresh.load(Ordering::Relaxed);
            if index == class.indices().1 {
                return Err(Error::FULL);
            }
            (index, 0)
        };
        let base = encode(index, generation, address);
        let (side, entry) = (side(index), entry_of(index));
        side.address.store(address, Ordering::Relaxed);
        side.bytes.store(bytes, Ordering::Relaxed);
        side.meta
            .store(generation << FLAG_BITS | flags, Ordering::Relaxed);
        side.next.store(NONE, Ordering::Relaxed);
        side.base.store(base, Ordering::Release);
        entry
            .delta
            .store(address.wrapping_sub(base), Ordering::Relaxed);
        entry.read_limit.store(open.0, Ordering::Relaxed);
        entry.write_limit.store(open.1, Ordering::Relaxed);
        entry.base.store(base, Ordering::Release);
        if index == fresh.load(Ordering::Relaxed) {
            fresh.store(index + 1, Ordering::Release);
        }
        // Under the lock: no locked instruction is needed.
        self.live.store(self.live() + 1, Ordering::Relaxed);
        Ok((index, base))
    }

    /// Ends a live lease; its index is free for the next generation, or retired.
    pub(crate) fn end(&self, _held: &Guard<'_>, index: u32) {
        let (side, entry) = (side(index), entry_of(index));
        debug_assert!(side.base() != 0, "ends twice");
        entry.base.store(0, Ordering::Release);
        entry.read_limit.store(0, Ordering::Release);
        entry.write_limit.store(0, Ordering::Release);
        side.base.store(0, Ordering::Release);
        let class = Class::of_index(index);
        // SAFETY: the lock is held, as the guard shows.
        let free = unsafe { &mut (*self.lists.get()).free[class as usize] };
        if side.read().generation < class.last_generation() {
            side.next.store(*free, Ordering::Relaxed);
            *free = index;
        } else {
            side.next.store(NONE, Ordering::Relaxed);
        }
        self.live.store(self.live() - 1, Ordering::Relaxed);
    }

    /// A live lease's length changes in place. The smaller bound holds meanwhile.
    pub(crate) fn resize(&self, _held: &Guard<'_>, index: u32, bytes: u64, open: (u64, u64)) {
        let (side, entry) = (side(index), entry_of(index));
        side.bytes.store(bytes, Ordering::Release);
        entry.read_limit.store(open.0, Ordering::Release);
        entry.write_limit.store(open.1, Ordering::Release);
    }

    /// A live private lease is opened on a copy: (where, may it be written), or closed again on
    /// the object itself.
    pub(crate) fn shadow(&self, _held: &Guard<'_>, index: u32, copy: Option<(u64, bool)>) {
        let (side, entry) = (side(index), entry_of(index));
        let Record {
            base,
            address,
            bytes,
            generation,
            flags,
        } = side.read();
        let meta = generation << FLAG_BITS;
        if let Some((copy, writable)) = copy {
            let writable = if writable { bytes } else { 0 };
            entry
                .delta
                .store(copy.wrapping_sub(base), Ordering::Release);
            side.meta.store(meta | flags | SHADOWED, Ordering::Release);
            entry.read_limit.store(bytes, Ordering::Release);
            entry.write_limit.store(writable, Ordering::Release);
        } else {
            let (read, write) = crate::lease::open_limits(bytes, flags & !SHADOWED);
            entry.read_limit.store(read, Ordering::Release);
            entry.write_limit.store(write, Ordering::Release);
            side.meta.store(meta | flags & !SHADOWED, Ordering::Release);
            entry
                .delta
                .store(address.wrapping_sub(base), Ordering::Release);
        }
    }

    /// The live lease that the handle names, wherever in it it points.
    pub(crate) fn live_of(&self, handle: u64) -> Option<(u32, Record)> {
        let index = index_of(handle);
        let record = side(index).read();
        let generation = crate::layout::generation_of(handle);
        (record.base != 0 && record.generation == generation).then_some((index, record))
    }
}
