//! Rust's global allocator: every allocation of the program from the domain.

use crate::sys;
use core::alloc::{GlobalAlloc, Layout};

/// The allocator that puts a program's heap behind the protection key:
///
/// ```
/// #[global_allocator]
/// static HEAP: galeed::Heap = galeed::Heap;
///
/// let boxed = Box::new(7);
/// # assert_eq!(*boxed, 7);
/// ```
///
/// The first allocation, before `main`, starts the runtime. When it can't start
/// (`GALEED_BACKEND=pku` on a CPU without keys, say), the process ends with one
/// line that says why, since memory from elsewhere would be unprotected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

// SAFETY: the C heap gives blocks that don't overlap, of at least the layout's
// size and alignment, keeps them until they are freed, and never unwinds.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: host code; the layout's alignment is a power of two.
        unsafe { sys::mpk_host_alloc(layout.size(), layout.align()) }.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for alloc.
        unsafe { sys::mpk_host_calloc(layout.size(), layout.align()) }.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from this heap with this layout, as the trait's
        // caller promises; a broken promise is a violation.
        unsafe { sys::mpk_host_free_sized(block.cast(), layout.size(), layout.align()) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the block came from this heap with this alignment.
        unsafe { sys::mpk_host_realloc(block.cast(), bytes, layout.align()) }.cast()
    }
}
