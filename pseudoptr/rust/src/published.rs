//! The crate's words in the published range.
//!
//! Foreign code can read this page, only the host can write it: what decides
//! about rights lies here (or inside the domain), never in a `static`, which C
//! can write. A `static` may at most say "started", because starting again does
//! nothing.
//!
//! Invariant: the first two words are GALEED_TEXT_BASE and GALEED_TEXT_BYTES of
//! galeed.h; rewritten code reads them.

use crate::foreign::TypeInfo;
use crate::hints::Hints;
use crate::layout::{GALEED_TEXT_BASE, GALEED_TEXT_BYTES};
use crate::panics::Panics;
use crate::shadow::Homes;
use crate::sys::{MPK_HOST_SHIFT, MPK_READ, mpk_domain, mpk_foreign_rights};
use crate::table::{Registry, Side};
use crate::thread_locals::Ends;
use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

const HOST_BASE: u64 = crate::sys::MPK_HOST_BASE as u64;
const PUBLISHED_BASE: u64 = crate::sys::MPK_PUBLISHED_BASE as u64;
const PUBLISHED_BYTES: u64 = crate::sys::MPK_PUBLISHED_BYTES as u64;

/// The words, in the order in which they lie in memory.
#[repr(C)]
pub(crate) struct Published {
    text_base: AtomicU64,
    text_bytes: AtomicU64,
    rewritten_base: AtomicU64,
    rewritten_bytes: AtomicU64,
    pub(crate) host: AtomicPtr<mpk_domain>,
    pub(crate) sides: AtomicPtr<Side>,
    /// The types of typed leases, by index.
    pub(crate) types: AtomicPtr<AtomicPtr<TypeInfo>>,
    /// Not null: everything above it is complete.
    pub(crate) registry: AtomicPtr<Registry>,
    /// 1: the allocator was checked, the code published.
    pub(crate) gates: AtomicU64,
    pub(crate) panics: Panics,
    pub(crate) hints: Hints,
    pub(crate) homes: Homes,
    /// A fn(&Violation), or null.
    pub(crate) hook: AtomicPtr<()>,
    pub(crate) ends: AtomicPtr<Ends>,
    /// Rings of io_uring: how many were made, and how many of them foreign code cannot reach.
    pub(crate) rings: [AtomicU64; 2],
}

const _: () = assert!(
    offset_of!(Published, text_base) == 0
        && offset_of!(Published, text_bytes) as u64 == GALEED_TEXT_BYTES - GALEED_TEXT_BASE
);

/// The words. pre (for touching them): mpk_start has succeeded.
#[inline(always)]
pub(crate) fn published() -> &'static Published {
    // SAFETY: the address is part of the published range, which mpk_start maps
    // zeroed, for ever; all-zero is a valid value of each (atomic) field.
    unsafe { &*core::ptr::with_exposed_provenance::<Published>(GALEED_TEXT_BASE as usize) }
}

/// Does the address lie in the host domain's range?
#[inline(always)]
pub(crate) const fn in_host_domain(address: u64) -> bool {
    address.wrapping_sub(HOST_BASE) >> MPK_HOST_SHIFT == 0
}

impl Published {
    /// Is it an address of the host's code: the program's, less what the pass
    /// rewrote?
    #[inline]
    pub(crate) fn is_host_code(&self, address: u64) -> bool {
        let within = |base: &AtomicU64, bytes: &AtomicU64| {
            address.wrapping_sub(base.load(Ordering::Relaxed)) < bytes.load(Ordering::Relaxed)
        };
        within(&self.text_base, &self.text_bytes)
            && !within(&self.rewritten_base, &self.rewritten_bytes)
    }

    /// Publishes the host's code. The length comes last: until then it is empty.
    pub(crate) fn set_host_code(&self, text: (u64, u64), rewritten: (u64, u64)) {
        self.rewritten_base.store(rewritten.0, Ordering::Relaxed);
        self.rewritten_bytes.store(rewritten.1, Ordering::Relaxed);
        self.text_base.store(text.0, Ordering::Relaxed);
        self.text_bytes.store(text.1, Ordering::Release);
    }
}

/// Would [address, end) touch the host domain or the published range?
pub(crate) const fn touches_ours(address: u64, end: u64) -> bool {
    let host_end = HOST_BASE + (1 << MPK_HOST_SHIFT);
    let published_end = PUBLISHED_BASE + PUBLISHED_BYTES;
    address < host_end && HOST_BASE < end || address < published_end && PUBLISHED_BASE < end
}

/// May foreign code read host memory directly (GALEED_FOREIGN_RIGHTS=read)?
pub(crate) fn foreign_may_read() -> bool {
    // SAFETY: the runtime has started, which fixed the answer.
    unsafe { mpk_foreign_rights() & MPK_READ != 0 }
}
