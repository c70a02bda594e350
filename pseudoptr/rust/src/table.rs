//! The table: an entry that foreign code reads, and a private record beside it.
//!
//! Entries lie in the published range at a constant address; rewritten code
//! checks against them inline. Records (*sides*) lie inside the host domain and
//! are what the runtime decides by. Both are written by the host alone, under
//! one lock; both are read without it.
//!
//! Invariants:
//!  - A lease begins in the record before the entry and ends the other way round.
//!    How each is written and read: record.rs.
//!  - A generation of an index is never used twice. An index whose generations
//!    are used up is retired: it is on no free list any more. When a class has no
//!    index left, a lease is refused (Error::FULL); only small objects then take
//!    medium indices, which have fewer generations.
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
use crate::record::LiveEntry;
pub(crate) use crate::record::{Record, Side};
use core::cell::UnsafeCell;
use core::mem::size_of;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

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
/// Its record knows the Rust type: only foreign/lease.rs makes accesses to it.
pub(crate) const TYPED: u32 = 64;
const _: () = assert!(TYPED < 1 << crate::record::FLAG_BITS);
/// It stands for a closure (callback.rs): a word that foreign code keeps and hands back.
pub(crate) const CLOSURE: u32 = CODE | RANGE;
/// It stands for a function of the host, and is ended by revoke: host.rs.
pub(crate) const CODE_FOR_A_WHILE: u32 = CODE | STACK;
/// No index: the end of a list.
pub(crate) const NONE: u32 = u32::MAX;

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
    pub(crate) handed: crate::owned::Handed,
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
    entry_at(handle >> GALEED_INDEX_SHIFT).direct(handle, bytes, write)
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
    let (base, limit, delta) = entry_at(handle >> GALEED_INDEX_SHIFT).read()?;
    let offset = handle.wrapping_sub(base);
    // Further away lie the handles of other generations.
    let same = offset <= Class::of_index(index_of(handle)).longest();
    same.then(|| Placed {
        address: crate::shadow::home(handle.wrapping_add(delta)),
        open: limit != 0 && offset <= limit,
    })
}

/// The handle of `address` in the lease whose first byte has the handle `base`, while it lives and
/// where foreign code may read directly. Callable with rights closed. pre: it carries the tag.
#[inline]
pub(crate) fn within(base: u64, address: u64) -> Option<u64> {
    let (now, limit, delta) = entry_at(base >> GALEED_INDEX_SHIFT).read()?;
    let offset = address.wrapping_sub(crate::shadow::home(base.wrapping_add(delta)));
    (now == base && offset < limit).then(|| base + offset)
}

/// Where the memory of a live lease lies that foreign code works on. pre: rights open.
pub(crate) fn place_of(record: &Record) -> u64 {
    if record.flags & SHADOWED == 0 {
        return record.address;
    }
    match entry_of(index_of(record.base)).read() {
        Some((base, _, delta)) if base == record.base => base.wrapping_add(delta),
        _ => record.address, // it has just ended, and the entry may be another lease's
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
            entry_at(slot).resize((u64::MAX, u64::MAX));
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

    /// An index of the class and a generation of it that was never used.
    fn take(&self, _held: &Guard<'_>, class: Class) -> Option<(u32, u32)> {
        // SAFETY: the lock is held, as the guard shows.
        let free = unsafe { &mut (*self.lists.get()).free[class as usize] };
        if *free != NONE {
            let index = *free;
            *free = side(index).next.load(Ordering::Relaxed);
            return Some((index, side(index).read().generation + 1));
        }
        let index = self.fresh[class as usize].load(Ordering::Relaxed);
        (index != class.indices().1).then_some((index, 0))
    }

    /// Begins a lease: takes an index with an unused generation and publishes
    /// it. `open`: limits (read, write) for direct access.
    pub(crate) fn begin(
        &self,
        held: &Guard<'_>,
        (address, bytes): (u64, u64),
        flags: u32,
        open: (u64, u64),
    ) -> Result<(u32, u64), Error> {
        let class = Class::for_length(bytes).ok_or(Error::FULL)?;
        let taken = self.take(held, class);
        let (index, generation) = match (taken, class) {
            (None, Class::Small) => self.take(held, Class::Medium),
            _ => taken,
        }
        .ok_or(Error::FULL)?;
        let base = encode(index, generation, address);
        let side = side(index);
        side.next.store(NONE, Ordering::Relaxed);
        side.begin(Record {
            base,
            address,
            bytes,
            generation,
            flags,
        });
        entry_of(index).begin(base, address, open);
        let fresh = &self.fresh[Class::of_index(index) as usize];
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
        entry.end();
        side.end();
        if side.read().flags & TYPED != 0 {
            crate::foreign::lease::set_type(index, None);
        }
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
        side(index).resize(bytes);
        entry_of(index).resize(open);
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
        if let Some((copy, writable)) = copy {
            let writable = if writable { bytes } else { 0 };
            entry.aim(base, copy);
            side.flag(generation, flags | SHADOWED);
            entry.resize((bytes, writable));
        } else {
            entry.resize(crate::lease::open_limits(bytes, flags & !SHADOWED));
            side.flag(generation, flags & !SHADOWED);
            entry.aim(base, address);
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
