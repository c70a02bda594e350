//! Explicit leases, tied to a borrow.
//!
//! Invariant: while a guard lives, Rust's borrow checker keeps the memory where
//! it is and, for a mutable lease, keeps Rust from touching it. When the guard
//! is dropped the pseudo-pointer is dead for ever.
//!
//! ASSUMES: a guard that is forgotten leaves its lease behind. Leases on heap
//! memory still end with their allocation; others last until revoked.

use crate::error::Error;
use crate::lease;
use crate::start::start;
use core::marker::PhantomData;

/// A read-only lease on a `T`, ended when it is dropped. From [`lend`].
#[derive(Debug)]
pub struct Lent<'a, T: ?Sized> {
    handle: u64,
    borrow: PhantomData<&'a T>,
}

/// A read-write lease on a `T`, ended when it is dropped. From [`lend_mut`].
#[derive(Debug)]
pub struct LentMut<'a, T: ?Sized> {
    handle: u64,
    borrow: PhantomData<&'a mut T>,
}

/// Lends exactly `value`, for reading, while the guard lives. The memory may be
/// anywhere: heap, stack or static. A write through it is a *rights* violation,
/// an access beside it a *spatial* one, one after the guard's end *temporal*.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let numbers = [1u32, 2, 3];
/// let lent = galeed::lend(&numbers[..])?;
/// let pseudo: *const u32 = lent.as_ptr(); // for a C function
/// # assert_ne!(pseudo, numbers.as_ptr());
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// [`Error::FULL`] when no index is free; those of start-up at the first use.
pub fn lend<T: ?Sized>(value: &T) -> Result<Lent<'_, T>, Error> {
    let handle = lend_bytes(value, false)?;
    Ok(Lent {
        handle,
        borrow: PhantomData,
    })
}

/// Lends exactly `value`, for reading and writing, while the guard lives.
///
/// # Errors
/// As for [`lend`].
pub fn lend_mut<T: ?Sized>(value: &mut T) -> Result<LentMut<'_, T>, Error> {
    let handle = lend_bytes(value, true)?;
    Ok(LentMut {
        handle,
        borrow: PhantomData,
    })
}

fn lend_bytes<T: ?Sized>(value: *const T, writable: bool) -> Result<u64, Error> {
    start()?;
    // SAFETY: both callers pass a reference, so the metadata is valid.
    let bytes = unsafe { &*value };
    let bytes = size_of_val(bytes) as u64;
    // The accessors that foreign code calls come back with this number.
    let address = value.cast::<u8>().expose_provenance() as u64;
    lease::lend_range(address, bytes, writable)
}

fn end(handle: u64) {
    // Already dead when the memory was freed behind a forgotten borrow: fine.
    let _ = lease::revoke(handle);
}

impl<T: ?Sized> Lent<'_, T> {
    /// The pseudo-pointer as a number.
    #[must_use]
    pub fn handle(&self) -> u64 {
        self.handle
    }
}

impl<T> Lent<'_, T> {
    /// The pseudo-pointer as C takes it. Rust cannot read through it.
    #[must_use]
    pub fn as_ptr(&self) -> *const T {
        core::ptr::without_provenance(self.handle as usize)
    }
}

impl<T> Lent<'_, [T]> {
    /// The pseudo-pointer to the first element, as C takes it.
    #[must_use]
    pub fn as_ptr(&self) -> *const T {
        core::ptr::without_provenance(self.handle as usize)
    }
}

impl<T: ?Sized> LentMut<'_, T> {
    /// The pseudo-pointer as a number.
    #[must_use]
    pub fn handle(&self) -> u64 {
        self.handle
    }
}

impl<T> LentMut<'_, T> {
    /// The pseudo-pointer as C takes it. Rust cannot access through it.
    #[must_use]
    pub fn as_ptr(&self) -> *mut T {
        core::ptr::without_provenance_mut(self.handle as usize)
    }
}

impl<T> LentMut<'_, [T]> {
    /// The pseudo-pointer to the first element, as C takes it.
    #[must_use]
    pub fn as_ptr(&self) -> *mut T {
        core::ptr::without_provenance_mut(self.handle as usize)
    }
}

impl<T: ?Sized> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        end(self.handle);
    }
}

impl<T: ?Sized> Drop for LentMut<'_, T> {
    fn drop(&mut self) {
        end(self.handle);
    }
}
