//! Explicit leases, tied to a borrow.
//!
//! Invariant: while a guard lives, Rust's borrow checker keeps the memory where
//! it is and, for a mutable lease, keeps Rust from touching it. When the guard
//! is dropped the pseudo-pointer is dead for ever. What a lease covers is exactly
//! the value: a sub-slice is lent as itself, two halves as two leases.
//!
//! ASSUMES: a guard that is forgotten leaves its lease behind. Leases on heap
//! memory still end with their allocation; others last until revoked.

use crate::error::Error;
use crate::foreign::Foreign;
use crate::lease;
use crate::start::start;
use crate::sys;
use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr::{without_provenance, without_provenance_mut};

/// A read-only lease on a `T`, ended when it is dropped. From [`lend`].
#[derive(Debug)]
pub struct Lent<'a, T: ?Sized> {
    handle: u64,
    bytes: usize,
    borrow: PhantomData<&'a T>,
}

/// A read-write lease on a `T`, ended when it is dropped. From [`lend_mut`].
#[derive(Debug)]
pub struct LentMut<'a, T: ?Sized> {
    handle: u64,
    bytes: usize,
    borrow: PhantomData<&'a mut T>,
}

/// A lease on memory for a `T` that foreign code will write, ended when it is dropped. From
/// [`lend_out`] and [`lend_out_slice`].
#[derive(Debug)]
pub struct LentOut<'a, T: ?Sized> {
    handle: u64,
    bytes: usize,
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
    let (handle, bytes) = lend_bytes(value, false)?;
    Ok(Lent {
        handle,
        bytes,
        borrow: PhantomData,
    })
}

/// Lends exactly `value`, for reading and writing, while the guard lives. That foreign code
/// writes only what a `T` can hold is part of what the unsafe call promises.
///
/// # Errors
/// As for [`lend`].
pub fn lend_mut<T: ?Sized>(value: &mut T) -> Result<LentMut<'_, T>, Error> {
    let (handle, bytes) = lend_bytes(value, true)?;
    Ok(LentMut {
        handle,
        bytes,
        borrow: PhantomData,
    })
}

/// As [`lend_mut`], of a pinned value: foreign code may change it where it is. That it is not
/// moved away from there (copied and used at another place) is the caller's to know.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let mut state = Box::pin((1u32, std::marker::PhantomPinned));
/// let lent = galeed::lend_pinned(state.as_mut())?;
/// assert_eq!(galeed::check(lent.handle(), 4, galeed::Access::Write)?, Ok(()));
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// As for [`lend`].
pub fn lend_pinned<T: ?Sized>(value: Pin<&mut T>) -> Result<LentMut<'_, T>, Error> {
    // SAFETY: nothing is moved: only the address is taken.
    lend_mut(unsafe { value.get_unchecked_mut() })
}

/// Lends memory for a result that foreign code will write. It is zeroed first, so that C
/// cannot read what Rust had there. Whether C then really wrote a `T` is the caller's to say:
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// # unsafe extern "C" fn measure(_: *mut u64) -> i32 { 0 }
/// let mut size = std::mem::MaybeUninit::<u64>::uninit();
/// let lent = galeed::lend_out(&mut size)?;
/// // SAFETY: writes a number when it returns 0.
/// let done = unsafe { measure(lent.as_ptr()) };
/// drop(lent);
/// // SAFETY: as above.
/// let size = (done == 0).then(|| unsafe { size.assume_init() });
/// # assert_eq!(size, Some(0));
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// As for [`lend`].
pub fn lend_out<T>(place: &mut MaybeUninit<T>) -> Result<LentOut<'_, T>, Error> {
    *place = MaybeUninit::zeroed();
    let (handle, bytes) = lend_bytes(place, true)?;
    Ok(LentOut {
        handle,
        bytes,
        borrow: PhantomData,
    })
}

/// The same for many, such as a vector's `spare_capacity_mut()`.
///
/// # Errors
/// As for [`lend`].
pub fn lend_out_slice<T>(place: &mut [MaybeUninit<T>]) -> Result<LentOut<'_, [T]>, Error> {
    place.fill_with(MaybeUninit::zeroed);
    let (handle, bytes) = lend_bytes(place, true)?;
    Ok(LentOut {
        handle,
        bytes,
        borrow: PhantomData,
    })
}

/// Lends `value` by its type: foreign code reads what is not hidden, and cannot write.
///
/// # Errors
/// As for [`lend`].
pub fn lend_typed<T: Foreign + ?Sized>(value: &T) -> Result<Lent<'_, T>, Error> {
    let (handle, bytes) = lend_as(value, false)?;
    Ok(Lent {
        handle,
        bytes,
        borrow: PhantomData,
    })
}

/// Lends `value` by its type: a foreign write of what the type cannot hold is a *type* violation,
/// before memory changes; fields that are hidden or read-only are kept from it (*rights*).
/// See [`Foreign`]. Always a private lease: each access goes through the runtime.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let mut answers = [true, false];
/// let lent = galeed::lend_typed_mut(&mut answers[..])?;
/// let pseudo: *mut bool = lent.as_ptr(); // C may write 0 and 1
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// As for [`lend`].
pub fn lend_typed_mut<T: Foreign + ?Sized>(value: &mut T) -> Result<LentMut<'_, T>, Error> {
    let (handle, bytes) = lend_as(value, true)?;
    Ok(LentMut {
        handle,
        bytes,
        borrow: PhantomData,
    })
}

/// Who uses a guard's pointer without a gate, under plain cargo perhaps, is told so.
fn prepare() -> Result<(), Error> {
    start()?;
    // SAFETY: the runtime has started.
    Error::check(unsafe { sys::_mpk_faults_install_for_gate() })
}

fn lend_as<T: Foreign + ?Sized>(value: *const T, writable: bool) -> Result<(u64, usize), Error> {
    prepare()?;
    // SAFETY: both callers pass a reference, so the metadata is valid.
    let bytes = size_of_val(unsafe { &*value });
    let address = value.cast::<u8>().expose_provenance() as u64;
    lease::lend_typed(address, bytes as u64, writable, T::TYPE).map(|handle| (handle, bytes))
}

fn lend_bytes<T: ?Sized>(value: *const T, writable: bool) -> Result<(u64, usize), Error> {
    prepare()?;
    // SAFETY: all callers pass a reference, so the metadata is valid.
    let bytes = size_of_val(unsafe { &*value });
    // The accessors that foreign code calls come back with this number.
    let address = value.cast::<u8>().expose_provenance() as u64;
    lease::lend_range(address, bytes as u64, writable).map(|handle| (handle, bytes))
}

fn end(handle: u64) {
    // Already dead when the memory was freed behind a forgotten borrow: fine.
    let _ = lease::revoke(handle);
}

/// Elements in so many bytes. What has no size has no use for a lease.
const fn elements<T>(bytes: usize) -> usize {
    const { assert!(size_of::<T>() != 0, "elements without a size") };
    bytes / size_of::<T>()
}

macro_rules! guard {
    ($guard:ident, $pointer:ty, $made:path) => {
        impl<T: ?Sized> $guard<'_, T> {
            /// The pseudo-pointer as a number.
            #[must_use]
            pub fn handle(&self) -> u64 {
                self.handle
            }

            /// How many bytes are lent.
            #[must_use]
            pub fn bytes(&self) -> usize {
                self.bytes
            }
        }

        impl<T> $guard<'_, T> {
            /// The pseudo-pointer as C takes it. Rust cannot access through it.
            #[must_use]
            pub fn as_ptr(&self) -> $pointer {
                $made(self.handle as usize)
            }
        }

        impl<T> $guard<'_, [T]> {
            /// The pseudo-pointer to the first element, as C takes it.
            #[must_use]
            pub fn as_ptr(&self) -> $pointer {
                $made(self.handle as usize)
            }

            /// How many elements are lent.
            #[must_use]
            #[allow(clippy::len_without_is_empty)] // a number for C, not a collection
            pub fn len(&self) -> usize {
                elements::<T>(self.bytes)
            }
        }

        impl<T: ?Sized> Drop for $guard<'_, T> {
            fn drop(&mut self) {
                end(self.handle);
            }
        }
    };
}
guard!(Lent, *const T, without_provenance);
guard!(LentMut, *mut T, without_provenance_mut);
guard!(LentOut, *mut T, without_provenance_mut);

impl Lent<'_, CStr> {
    /// The string as C takes it; its NUL is lent too.
    ///
    /// ```
    /// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
    /// let name = galeed::lend(c"main")?;
    /// let pseudo: *const std::ffi::c_char = name.as_ptr();
    /// assert_eq!(name.bytes(), 5);
    /// # assert_ne!(pseudo, std::ptr::null());
    /// # Ok::<(), galeed::Error>(())
    /// ```
    #[must_use]
    pub fn as_ptr(&self) -> *const c_char {
        without_provenance(self.handle as usize)
    }
}

impl Lent<'_, str> {
    /// The first byte of text that has no NUL: C needs [`len`](Self::len) as well.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        without_provenance(self.handle as usize)
    }

    /// The text's length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a number for C, not a collection
    pub fn len(&self) -> usize {
        self.bytes
    }
}
