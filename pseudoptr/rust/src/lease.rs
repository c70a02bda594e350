//! Leases: how they begin, change and end.
//!
//! An allocation has one stable lease, whose handle it keeps while it lives,
//! and any number of explicit *range* leases. The heap gives each allocation a
//! word, the *mark*: 0, or index + 1 of the stable lease, or RANGES | index + 1
//! of the first range lease when nothing but ranges was lent. From there the
//! range leases of an allocation form a list (`Side::next`).
//!
//! Invariant: when the heap's `freed` hook returns, no lease on any byte of the
//! allocation is live; only then does the heap reuse the memory. So a handle
//! never outlives what it stands for, whoever forgot to revoke it. Leases on
//! memory outside the host heap end with galeed_revoke alone.
//!
//! ASSUMES: the host doesn't free an allocation in one thread in the same
//! instant as foreign code accesses it in another; the check may then be older
//! than the free.

use crate::error::Error;
use crate::foreign::TypeInfo;
use crate::layout::{Class, is_handle};
use crate::published::in_host_domain;
use crate::ranges::{List, RANGES};
use crate::sites::Here;
use crate::start::{host, registry};
use crate::sys;
use crate::table::{CODE, MAPPED, NONE, RANGE, Record, SHADOWED, STACK, TYPED, WRITABLE, side};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

/// The live allocation that holds the address, one past its end included.
/// pre: rights open.
pub(crate) fn find(address: u64) -> Option<sys::mpk_allocation> {
    let mut found = MaybeUninit::<sys::mpk_allocation>::uninit();
    // SAFETY: the domain is the host's, rights are open, `found` is writable.
    let is = unsafe { sys::mpk_heap_find(host(), address as usize, found.as_mut_ptr()) };
    // SAFETY: a result of 1 says that the struct was filled.
    (is == 1).then(|| unsafe { found.assume_init() })
}

fn mark_of(allocation: &sys::mpk_allocation) -> Option<&'static AtomicU32> {
    // SAFETY: the heap keeps the word while the allocation lives, aligned, and
    // whoever calls us holds on to the allocation.
    (!allocation.mark.is_null()).then(|| unsafe { AtomicU32::from_ptr(allocation.mark) })
}

/// Index of the allocation's stable lease, if it has one.
pub(crate) fn stable_of(allocation: &sys::mpk_allocation) -> Option<u32> {
    let mark = mark_of(allocation)?.load(Ordering::Acquire);
    (mark != 0 && mark & RANGES == 0).then(|| mark - 1)
}

/// What foreign code may do without asking, for a lease with these flags.
pub(crate) fn open_limits(bytes: u64, flags: u32) -> (u64, u64) {
    if flags & (CODE | TYPED) != 0 {
        (0, 0)
    } else if flags & MAPPED != 0 {
        (bytes, if flags & WRITABLE != 0 { bytes } else { 0 })
    } else if crate::published::foreign_may_read() {
        (bytes, 0)
    } else {
        (0, 0)
    }
}

/// The stable handle of an address in a live allocation. pre: rights open.
#[inline]
pub(crate) fn lend(address: u64) -> Result<u64, Error> {
    if !in_host_domain(address) {
        return Err(Error::NOT_HEAP);
    }
    let found = find(address).ok_or(Error::NOT_HEAP)?;
    let offset = address - found.base as u64;
    if let Some(index) = stable_of(&found) {
        let base = side(index).base();
        if base != 0 {
            return Ok(base + offset);
        }
    }
    Ok(begin_stable(&found, None)? + offset)
}

/// The handle of an address in an allocation that has a stable lease. Takes no lock. pre: rights open.
pub(crate) fn active(address: u64) -> Option<u64> {
    let found = find(address)?;
    let base = side(stable_of(&found)?).base();
    (base != 0).then(|| base + (address - found.base as u64))
}

/// The stable handle of an allocation that is one value of the type; the lease knows the type if
/// the allocation was not lent before. pre: rights open.
pub(crate) fn lend_value(address: u64, info: &'static TypeInfo) -> Result<u64, Error> {
    let found = find(address).ok_or(Error::NOT_HEAP)?;
    let is_whole = (found.base as u64, found.bytes) == (address, info.bytes);
    if is_whole && stable_of(&found).is_none() {
        begin_stable(&found, Some(info))
    } else {
        lend(address)
    }
}

#[cold]
fn begin_stable(
    found: &sys::mpk_allocation,
    info: Option<&'static TypeInfo>,
) -> Result<u64, Error> {
    let registry = registry();
    let held = registry.lock();
    let mark = mark_at(found.base)?;
    let before = mark.load(Ordering::Relaxed);
    if before != 0 && before & RANGES == 0 {
        return Ok(side(before - 1).base()); // another thread was first
    }
    let mapped = info.is_none() && found.own_pages != 0 && share(found.base)?;
    let typed = info.map_or(0, |_| TYPED);
    let flags = WRITABLE | typed | if mapped { MAPPED } else { 0 };
    let (base, bytes) = (found.base as u64, found.bytes as u64);
    let (index, handle) = registry.begin(&held, (base, bytes), flags, open_limits(bytes, flags))?;
    if info.is_some() {
        crate::foreign::lease::set_type(index, info);
    }
    side(index)
        .next
        .store((before & !RANGES).wrapping_sub(1), Ordering::Relaxed);
    mark.store(index + 1, Ordering::Release);
    Ok(handle)
}

/// The handle of an address in a host frame of the calling thread's stack: one lease, mapped
/// since C can reach stacks anyway, for the whole stack and as long as the thread lives. What
/// C reads through it passes the membrane; an address of the stack itself stays what it is.
/// pre: rights open. `None`: it lies elsewhere.
pub(crate) fn lend_stack(address: u64) -> Option<Result<u64, Error>> {
    let mut stack = MaybeUninit::<sys::mpk_stack>::uninit();
    // SAFETY: rights are open, `stack` is writable and filled by the call. It comes first: before
    // its first gate a thread has no record, and no frame of it would be known for the host's.
    let stack = unsafe {
        sys::mpk_thread_stack(stack.as_mut_ptr());
        stack.assume_init()
    };
    // SAFETY: the question may be asked of any address.
    if unsafe { sys::mpk_gate_host_frame(address as usize) } == 0 {
        return None;
    }
    let high = stack.high as u64;
    // An unlimited stack is lent as far as a lease can reach.
    let low = (stack.low as u64).max(high.saturating_sub(Class::Large.longest()));
    if address.wrapping_sub(low) >= high - low {
        return None;
    }
    // SAFETY: the word is the thread's own while it lives, aligned.
    let mark = unsafe { AtomicU32::from_ptr(stack.mark) };
    if mark.load(Ordering::Relaxed) == 0 {
        let (registry, bytes) = (registry(), high - low);
        let held = registry.lock();
        match registry.begin(
            &held,
            (low, bytes),
            STACK | MAPPED | WRITABLE,
            (bytes, bytes),
        ) {
            Ok((index, _)) => mark.store(index + 1, Ordering::Relaxed),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(
        side(mark.load(Ordering::Relaxed) - 1).base() + (address - low)
    ))
}

/// mpk's hook: a thread ends whose stack was lent.
pub(crate) unsafe extern "C" fn thread_ended(mark: u32) {
    let (registry, here) = (registry(), Here::of(|| 0));
    let held = registry.lock();
    here.end(registry, &held, mark - 1);
}

/// Opens an allocation's own pages to foreign code. `false`: hardening has frozen what
/// pages may be open, and the lease is a private one.
fn share(base: usize) -> Result<bool, Error> {
    // SAFETY: rights are open and the allocation owns its pages.
    match unsafe { sys::mpk_heap_share(host(), base) } {
        sys::MPK_EHARDEN => Ok(false),
        code => Error::check(code).map(|()| true),
    }
}

fn mark_at(base: usize) -> Result<&'static AtomicU32, Error> {
    // SAFETY: rights are open and `base` is a live allocation's.
    let mark = unsafe { sys::mpk_heap_mark(host(), base) };
    if mark.is_null() {
        return Err(Error::NO_MEMORY);
    }
    // SAFETY: see mark_of.
    Ok(unsafe { AtomicU32::from_ptr(mark) })
}

/// A lease of its own on a range, always private. pre: rights open.
pub(crate) fn lend_range(address: u64, bytes: u64, writable: bool) -> Result<u64, Error> {
    begin_range(address, bytes, RANGE | if writable { WRITABLE } else { 0 })
}

/// The same, and foreign code accesses it directly where it can: memory outside the domain, which
/// it reaches by address anyway, and allocations with pages of their own, which are opened to it
/// as for a stable lease. What is smaller stays private. pre: rights open.
pub(crate) fn lend_mapped(address: u64, bytes: u64, writable: bool) -> Result<u64, Error> {
    let mapped = match in_host_domain(address).then(|| find(address)).flatten() {
        Some(found) => found.own_pages != 0 && share(found.base)?,
        None => true,
    };
    let rights = if writable { WRITABLE } else { 0 };
    begin_range(
        address,
        bytes,
        RANGE | rights | if mapped { MAPPED } else { 0 },
    )
}

/// The handle of a closure: nothing can be accessed through it. pre: rights open.
#[cfg(feature = "std")]
pub(crate) fn lend_closure(address: u64) -> Result<u64, Error> {
    begin_range(address, 0, crate::table::CLOSURE)
}

/// The same, for accesses that the type allows. pre: it holds one value of it or more.
pub(crate) fn lend_typed(
    address: u64,
    bytes: u64,
    writable: bool,
    info: &'static TypeInfo,
) -> Result<u64, Error> {
    let flags = RANGE | TYPED | if writable { WRITABLE } else { 0 };
    let handle = begin_range(address, bytes, flags)?;
    // Until here nobody knows the handle, and whoever guesses it finds no type.
    crate::foreign::lease::set_type(crate::layout::index_of(handle), Some(info));
    Ok(handle)
}

pub(crate) fn begin_range(address: u64, bytes: u64, flags: u32) -> Result<u64, Error> {
    let end = address.checked_add(bytes).ok_or(Error::INVALID)?;
    if address == 0 || end > 1 << crate::layout::USER_ADDRESS_BITS {
        return Err(Error::INVALID);
    }
    let registry = registry();
    if in_host_domain(address) {
        let found = find(address).ok_or(Error::NOT_HEAP)?;
        if bytes > (found.base + found.bytes) as u64 - address {
            return Err(Error::NOT_HEAP);
        }
        let held = registry.lock();
        // Once made, it is the allocation's while that lives.
        let mark = mark_of(&found).map_or_else(|| mark_at(found.base), Ok)?;
        let range = (address, bytes);
        let (index, handle) = registry.begin(&held, range, flags, open_limits(bytes, flags))?;
        let list = List::of(mark);
        side(index).next.store(list.first(), Ordering::Relaxed);
        list.set_first(index);
        return Ok(handle);
    }
    if crate::published::touches_ours(address, end) {
        return Err(Error::INVALID);
    }
    // With GALEED_FOREIGN_RIGHTS=read, too, memory elsewhere is reached through
    // the runtime: another domain's key might forbid the direct way.
    let direct = (flags & MAPPED != 0).then(|| open_limits(bytes, flags));
    let held = registry.lock();
    registry
        .begin(&held, (address, bytes), flags, direct.unwrap_or_default())
        .map(|(_, handle)| handle)
}

/// Ends the lease that the handle names. Code is lent for ever, a stack while its thread lives.
/// pre: rights open.
pub(crate) fn revoke(handle: u64) -> Result<(), Error> {
    if !is_handle(handle) {
        return Err(Error::HANDLE);
    }
    let registry = registry();
    let here = Here::of(|| base_of(handle));
    let held = registry.lock();
    let (index, record) = registry.live_of(handle).ok_or(Error::HANDLE)?;
    if matches!(record.flags & (CODE | RANGE | STACK), CODE | STACK) {
        return Err(Error::HANDLE);
    }
    if let Some(mark) = find_mark(&record) {
        if record.flags & RANGE != 0 {
            List::of(mark).remove(index);
        } else {
            leave_ranges(mark, index);
        }
    }
    here.end(registry, &held, index);
    Ok(())
}

/// Of the allocation that a live handle stands in; 0: of none.
fn base_of(handle: u64) -> usize {
    let live = registry().live_of(handle);
    live.and_then(|(_, record)| find(record.address))
        .map_or(0, |found| found.base)
}

fn find_mark(record: &Record) -> Option<&'static AtomicU32> {
    in_host_domain(record.address)
        .then(|| find(record.address))?
        .as_ref()
        .and_then(mark_of)
}

/// The stable lease goes; its allocation keeps its range leases.
fn leave_ranges(mark: &AtomicU32, index: u32) {
    let first = side(index).next.load(Ordering::Relaxed);
    mark.store(
        if first == NONE {
            0
        } else {
            RANGES | (first + 1)
        },
        Ordering::Release,
    );
}

/// The heap's hook: an allocation that was lent dies.
pub(crate) unsafe extern "C" fn freed(base: usize, _bytes: usize, mark: u32) {
    let (registry, here) = (registry(), Here::of(|| base));
    let held = registry.lock();
    let mut at = (mark & !RANGES).wrapping_sub(1);
    while at != NONE {
        let next = side(at).next.load(Ordering::Relaxed);
        here.end(registry, &held, at);
        at = next;
    }
}

/// The heap's hook: an allocation that was lent changed its length in place.
/// Range leases that no longer fit end; so does a stable lease whose handle has
/// no room for the new length.
pub(crate) unsafe extern "C" fn resized(base: usize, old_bytes: usize, bytes: usize, _mark: u32) {
    let (registry, here) = (registry(), Here::of(|| base));
    let held = registry.lock();
    if bytes < old_bytes {
        crate::published::published().hints.forget();
    }
    let Ok(mark) = mark_at(base) else {
        crate::fatal::fatal(format_args!(
            "an allocation lost its mark while it was resized"
        ));
    };
    let list = List::of(mark);
    let end = (base + bytes) as u64;
    let mut at = list.first();
    while at != NONE {
        let next = side(at).next.load(Ordering::Relaxed);
        let range = side(at).read();
        if range.address + range.bytes > end {
            list.remove(at);
            here.end(registry, &held, at);
        }
        at = next;
    }
    let Some(stable) = list.stable else { return };
    let mut record = side(stable).read();
    if record.flags & SHADOWED != 0 {
        // A call on another thread was to have the object to itself. Its copy has the old length.
        registry.shadow(&held, stable, None);
        record.flags &= !SHADOWED;
    }
    // A typed one was for one value, which this is no more.
    if bytes as u64 > Class::of_index(stable).longest() || record.flags & TYPED != 0 {
        leave_ranges(mark, stable);
        here.end(registry, &held, stable);
        return;
    }
    if record.flags & MAPPED != 0 && bytes > old_bytes {
        // SAFETY: rights are open, the allocation owns its pages; sharing again
        // opens those that it gained. Without them the lease just stays short.
        if unsafe { sys::mpk_heap_share(host(), base) } != 0 {
            return;
        }
    }
    let open = open_limits(bytes as u64, record.flags);
    registry.resize(&held, stable, bytes as u64, open);
}

/// What a handle stands for, also after its end, while its index is not used
/// again. pre: rights open.
pub(crate) fn describe(handle: u64) -> Result<(u32, Record), Error> {
    if !is_handle(handle) {
        return Err(Error::HANDLE);
    }
    let (registry, index) = (registry(), crate::layout::index_of(handle));
    let record = side(index).read();
    let same = record.generation == crate::layout::generation_of(handle);
    if registry.was_used(index) && same {
        Ok((index, record))
    } else {
        Err(Error::HANDLE)
    }
}
