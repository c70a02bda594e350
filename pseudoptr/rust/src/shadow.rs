//! Shadows: small objects that foreign code has to itself during a call, lent as copies.
//!
//! Each access to a private lease opens and closes the domain. Where a policy says that nobody
//! else of the host uses what a call accesses (`exclusive` in galeed.toml), the first access
//! to such an object copies it into memory of foreign code: its handle is the same, further
//! accesses are those of a mapped lease.
//!
//! Invariant: while host code of the thread runs, the object is where Rust knows it, whole:
//! callbacks and the gate's end copy back what was written, and a callback's end copies in again.
//! What a violation ends is not copied back: then the object is as it was at the last copy.
//!
//! A slot belongs to the gate whose call it serves, named by its thread and its token; one whose
//! frame is gone (by a violation that unwound) is dropped by whoever of the thread comes next.
//! Without a free slot, for objects of more than a page, and for those of which parts are lent as
//! well, the lease stays private, as without the policy. Atomic accesses copy nothing: who makes
//! them shares. What is written to a copy all the same, atomically or by another thread, is kept.
//!
//! With `GALEED_FOREIGN_RIGHTS=read` nothing is copied: rewritten loops have looked up where to
//! read by then, and would go on to read the object while they write to the copy.
//!
//! Attacker: may write the copies at any time, also as they are copied back: that is what it may
//! write the object to. May not make the runtime copy anything else: slots lie in the domain.

use crate::access::at;
use crate::layout::index_of;
use crate::lock::Guard;
use crate::published::{foreign_may_read, in_host_domain, published};
use crate::resolve::{self, Access, Kind};
use crate::start::registry;
use crate::sys;
use crate::table::{CODE, MAPPED, NONE, RANGE, Record, SHADOWED, STACK, TYPED, WRITABLE, side};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const SLOTS: usize = 256;
/// The object keeps its place in a page, so that what is aligned stays so.
const SLOT_BYTES: u64 = 2 * PAGE_BYTES;
const PAGE_BYTES: u64 = 4096;
/// Behind the published range: where the copies lie.
const BASE: u64 = (sys::MPK_PUBLISHED_BASE + sys::MPK_PUBLISHED_BYTES) as u64;
const BYTES: u64 = SLOTS as u64 * SLOT_BYTES;

/// What foreign code may know.
#[repr(C)]
pub(crate) struct Homes {
    /// By slot: host address - copy's address.
    deltas: [AtomicU64; SLOTS],
    /// Slots in use.
    in_use: AtomicU64,
    /// Above the highest of them.
    high: AtomicU64,
    /// 1: the memory is there.
    mapped: AtomicU64,
}

/// In the domain; zero is free.
#[repr(C)]
#[derive(Clone, Copy)]
struct Slot {
    /// Whose record: 0, free.
    thread: u64,
    /// Of the gate whose call has the object to itself.
    token: u64,
    /// Of the callback that has copied it back; 0: foreign code uses the copy.
    suspended: u64,
    /// Of the object's first byte; its lease may have ended since. 0: stands for the gate alone.
    handle: u64,
    address: u64,
    bytes: u64,
}

/// The slots are touched with the registry's lock held.
#[repr(C)]
pub(crate) struct Slots {
    slots: UnsafeCell<[Slot; SLOTS]>,
    /// Does the copy hold what the object does not?
    written: [AtomicBool; SLOTS],
}

impl Slots {
    /// Those that were used, and the next one.
    #[allow(clippy::mut_from_ref)] // the guard shows that there is one
    fn used(&self, _held: &Guard<'_>) -> &mut [Slot] {
        let high = published().homes.high.load(Ordering::Relaxed) as usize;
        // SAFETY: the lock is held, as the guard shows.
        unsafe { &mut (&mut *self.slots.get())[..SLOTS.min(high + 1)] }
    }
}

/// The address that Rust knows a copy's byte by; any other address is itself.
#[inline(always)]
pub(crate) fn home(address: u64) -> u64 {
    let offset = address.wrapping_sub(BASE);
    if offset >= BYTES {
        return address;
    }
    let slot = (offset / SLOT_BYTES) as usize;
    address.wrapping_add(published().homes.deltas[slot].load(Ordering::Relaxed))
}

#[inline(always)]
fn any() -> bool {
    published().homes.in_use.load(Ordering::Relaxed) != 0
}

/// A number for the calling thread: its record's. pre: rights open.
fn this_thread() -> u64 {
    let mut stack = MaybeUninit::<sys::mpk_stack>::uninit();
    // SAFETY: rights are open; `stack` is writable and filled by the call.
    unsafe {
        sys::mpk_thread_stack(stack.as_mut_ptr());
        stack.assume_init().mark.addr() as u64
    }
}

/// As [`resolve::resolve`], for an access that was not direct: the object comes into a slot
/// where the thread's innermost call has it to itself. pre: started, rights open.
#[inline]
pub(crate) fn resolve(handle: u64, bytes: u64, access: Access) -> Result<u64, Kind> {
    let found = resolve::resolve(handle, bytes, access);
    if found.is_ok() && any() && join(handle, access == Access::Write) {
        return resolve::resolve(handle, bytes, access);
    }
    found
}

/// The gate that comes is a call's that has to itself what it accesses. pre: host code.
pub(crate) fn begin(token: *mut c_void) {
    if foreign_may_read() || published().homes.mapped.load(Ordering::Relaxed) == 0 {
        return;
    }
    let (registry, token, thread) = (registry(), token.addr() as u64, this_thread());
    let held = registry.lock();
    drop_dead(&held, thread, token);
    take(
        &held,
        Slot {
            thread,
            token,
            suspended: 0,
            handle: 0,
            address: 0,
            bytes: 0,
        },
    );
}

/// Returns the slot's number, or None: there is none left.
fn take(held: &Guard<'_>, slot: Slot) -> Option<usize> {
    let slots = registry().shadows.used(held);
    let at = slots.iter().position(|slot| slot.thread == 0)?;
    slots[at] = slot;
    written(at).store(false, Ordering::Relaxed);
    let homes = &published().homes;
    homes.in_use.fetch_add(1, Ordering::Relaxed);
    homes.high.fetch_max(at as u64 + 1, Ordering::Relaxed);
    Some(at)
}

fn free(slot: &mut Slot) {
    slot.thread = 0;
    let homes = &published().homes;
    if homes.in_use.fetch_sub(1, Ordering::Relaxed) == 1 {
        homes.high.store(0, Ordering::Relaxed);
    }
}

/// Moves the object into a slot, or lets a copy be written. Was there anything to do?
#[cold]
fn join(handle: u64, write: bool) -> bool {
    let (registry, thread) = (registry(), this_thread());
    let held = registry.lock();
    let Some((index, record)) = registry.live_of(handle) else {
        return false;
    };
    let active = |slot: &&mut Slot| slot.thread == thread && slot.suspended == 0;
    let slots = registry.shadows.used(&held);
    if record.flags & SHADOWED != 0 {
        let own = slots
            .iter_mut()
            .enumerate()
            .find(|(_, slot)| active(slot) && slot.handle == record.base);
        return own.is_some_and(|(at, slot)| {
            registry.shadow(&held, index, Some((place(slot, at), is_written(at))));
            write
        });
    }
    let Some(token) = slots.iter_mut().find(active).map(|slot| slot.token) else {
        return false; // the calls of other threads have copies
    };
    if !suits(&record) {
        return false;
    }
    let Record {
        base,
        address,
        bytes,
        ..
    } = record;
    let slot = Slot {
        thread,
        token,
        suspended: 0,
        handle: base,
        address,
        bytes,
    };
    let Some(at) = take(&held, slot) else {
        return false;
    };
    written(at).store(write, Ordering::Relaxed);
    copy_in(&slot, at, &held);
    true
}

/// Leases of a part of an allocation, and that of the whole beside them, would not see each
/// other's changes.
fn suits(record: &Record) -> bool {
    record.flags & (MAPPED | CODE | STACK | RANGE | TYPED) == 0
        && has_no_parts(index_of(record.base))
        && record.flags & WRITABLE != 0
        && (1..=PAGE_BYTES).contains(&record.bytes)
        && in_host_domain(record.address)
}

fn has_no_parts(index: u32) -> bool {
    side(index).next.load(Ordering::Relaxed) == NONE
}

fn written(at: usize) -> &'static AtomicBool {
    &registry().shadows.written[at]
}

fn is_written(at: usize) -> bool {
    written(at).load(Ordering::Relaxed)
}

/// The address is about to be written. Takes no lock. pre: rights open.
pub(crate) fn note_write(address: u64) {
    let offset = address.wrapping_sub(BASE);
    if offset < BYTES {
        written((offset / SLOT_BYTES) as usize).store(true, Ordering::Relaxed);
    }
}

/// A gate ends, by its return or an exception. pre: rights open.
pub(crate) fn end(token: *mut c_void) {
    each_of_the_thread(token, |slot, at, token, held| {
        if slot.token == token {
            if slot.suspended == 0 {
                copy_back(slot, at, held);
            }
            free(slot);
        }
    });
}

/// Host code of the thread runs, called back by foreign code: it finds its objects. pre: rights open.
pub(crate) fn suspend(token: *mut c_void) {
    each_of_the_thread(token, |slot, at, token, held| {
        if slot.suspended == 0 {
            copy_back(slot, at, held);
            slot.suspended = token;
        }
    });
}

/// The callback returns to foreign code. pre: rights open.
pub(crate) fn resume(token: *mut c_void) {
    each_of_the_thread(token, |slot, at, token, held| {
        if slot.suspended == token {
            slot.suspended = 0;
            written(at).store(false, Ordering::Relaxed);
            if lives(slot) && has_no_parts(index_of(slot.handle)) {
                copy_in(slot, at, held);
            } else if slot.handle != 0 {
                free(slot); // what is there now may get another
            }
        }
    });
}

/// A violation unwound to a frame at `above`: gates below it are gone. pre: rights open.
pub(crate) fn unwound(above: u64) {
    if any() {
        let (registry, thread) = (registry(), this_thread());
        drop_dead(&registry.lock(), thread, above);
    }
}

#[inline(always)]
fn each_of_the_thread(token: *mut c_void, change: fn(&mut Slot, usize, u64, &Guard<'_>)) {
    if any() {
        change_each(token.addr() as u64, change);
    }
}

#[cold]
fn change_each(token: u64, change: fn(&mut Slot, usize, u64, &Guard<'_>)) {
    let (registry, thread) = (registry(), this_thread());
    let held = registry.lock();
    for (at, slot) in registry.shadows.used(&held).iter_mut().enumerate() {
        if slot.thread == thread {
            change(slot, at, token, &held);
        }
    }
}

fn drop_dead(held: &Guard<'_>, thread: u64, above: u64) {
    for (at, slot) in registry().shadows.used(held).iter_mut().enumerate() {
        if slot.thread == thread && slot.token < above {
            if slot.suspended == 0 {
                take_away(slot, at, held);
            }
            free(slot);
        }
    }
}

fn place(slot: &Slot, at: usize) -> u64 {
    BASE + at as u64 * SLOT_BYTES + slot.address % PAGE_BYTES
}

fn copy(to: u64, from: u64, bytes: u64) {
    // SAFETY: an object of the host that is live, as long as it is now, and its place in a slot.
    unsafe {
        core::ptr::copy_nonoverlapping(at::<u8>(from).cast_const(), at::<u8>(to), bytes as usize)
    };
}

/// Is the lease still the one that the slot was made for? What Rust did in a callback may have ended it.
fn lives(slot: &Slot) -> bool {
    let record = side(index_of(slot.handle)).read();
    slot.handle != 0 && record.base == slot.handle && record.bytes == slot.bytes
}

fn copy_in(slot: &Slot, at: usize, held: &Guard<'_>) {
    let place = place(slot, at);
    copy(place, slot.address, slot.bytes);
    published().homes.deltas[at].store(slot.address.wrapping_sub(place), Ordering::Relaxed);
    let index = index_of(slot.handle);
    registry().shadow(held, index, Some((place, is_written(at))));
}

fn copy_back(slot: &Slot, at: usize, held: &Guard<'_>) {
    if lives(slot) && is_written(at) {
        copy(slot.address, place(slot, at), slot.bytes);
    }
    take_away(slot, at, held);
}

/// The object is the host's alone again, and nothing of it stays in the slot.
fn take_away(slot: &Slot, at: usize, held: &Guard<'_>) {
    if slot.handle == 0 {
        return;
    }
    let index = index_of(slot.handle);
    let record = side(index).read();
    if record.base == slot.handle && record.flags & SHADOWED != 0 {
        registry().shadow(held, index, None);
    }
    // SAFETY: the slot's own place.
    unsafe { core::ptr::write_bytes(self::at::<u8>(place(slot, at)), 0, slot.bytes as usize) };
}

/// Memory for all slots, before hardening could forbid it. Where it is not to be had leases stay
/// private. pre: the lock of gate::make_ready.
pub(crate) fn prepare() {
    const READ_WRITE: i32 = 3;
    const PRIVATE_ANONYMOUS_HERE: i32 = 0x02 | 0x20 | 0x10_0000; // MAP_FIXED_NOREPLACE
    // SAFETY: fresh memory, or an error.
    let memory = unsafe {
        mmap(
            at(BASE),
            BYTES as usize,
            READ_WRITE,
            PRIVATE_ANONYMOUS_HERE,
            -1,
            0,
        )
    };
    if memory.addr() as u64 == BASE {
        published().homes.mapped.store(1, Ordering::Release);
    }
}

unsafe extern "C" {
    fn mmap(
        at: *mut c_void,
        bytes: usize,
        prot: i32,
        flags: i32,
        fd: i32,
        offset: i64,
    ) -> *mut c_void;
}
