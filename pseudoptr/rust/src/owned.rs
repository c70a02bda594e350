//! Ownership handed over to foreign code, and back.
//!
//! What Rust hands over stays memory of Rust's heap, lent until it comes back: foreign code
//! uses it through its allocation's handle and cannot free it. It comes back once, as what it
//! was; then every pointer that C kept is dead.
//!
//! Invariant: what may come back is what this table in the domain says is out: an address,
//! a type, a length. Nothing of what foreign code says is believed but the choice among them.
//!
//! ASSUMES: foreign code wrote into it only what its type can hold, as the unsafe calls
//! promise which it was passed to.

use crate::access::at;
use crate::error::Error;
use crate::layout::is_handle;
use crate::lock::Lock;
use crate::resolve::{Access, Kind};
use crate::start::{registry, start, start_or_die};
use crate::{lease, resolve, sys, violation};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::ffi::CString;
use core::any::TypeId;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};

/// What one address was when it was handed over.
struct Out {
    kind: TypeId,
    elements: usize,
    handle: u64,
}

type Map = BTreeMap<u64, Out>;

/// All zero: nothing is out.
#[repr(C)]
pub(crate) struct Handed {
    lock: Lock,
    map: UnsafeCell<Option<Box<Map>>>,
}

impl Handed {
    /// `body` must neither hand over nor take back.
    fn with<T>(&self, body: impl FnOnce(&mut Map) -> T) -> T {
        let _held = self.lock.hold();
        // SAFETY: the lock is held.
        body(unsafe { &mut *self.map.get() }.get_or_insert_default())
    }

    pub(crate) fn fork_lock(&self) -> &Lock {
        &self.lock
    }
}

fn give<T: ?Sized + 'static>(address: *mut u8, elements: usize) -> Result<u64, Error> {
    let address = address.expose_provenance() as u64;
    let handle = lease::lend(address)?;
    let out = Out {
        kind: TypeId::of::<T>(),
        elements,
        handle,
    };
    registry().handed.with(|map| map.insert(address, out));
    Ok(handle)
}

/// The address and how many elements; no lease of it is left.
fn take<T: ?Sized + 'static>(pointer: u64) -> Result<(u64, usize), Error> {
    start()?;
    let address = if is_handle(pointer) {
        resolve::inward(pointer).ok_or(Error::NOT_OUT)?
    } else {
        pointer
    };
    let out = registry().handed.with(|map| match map.get(&address) {
        None => Err(Error::NOT_OUT),
        Some(out) if out.kind != TypeId::of::<T>() => Err(Error::OTHER_TYPE),
        Some(_) => map.remove(&address).ok_or(Error::NOT_OUT),
    })?;
    // It ends here, or has ended with a lease that somebody revoked.
    let _ = lease::revoke(out.handle);
    Ok((address, out.elements))
}

/// Hands a box over to foreign code: the pseudo-pointer is good until
/// [`from_foreign`] takes it back. C that frees it does what it may not: *rights*. When
/// nobody takes it back, it is a leak. `Send`: whichever thread has the pseudo-pointer takes it.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let out = galeed::into_foreign(Box::new(7u64))?;
/// // ... C keeps it, uses it, and returns it.
/// assert_eq!(*galeed::from_foreign(out)?, 7);
/// assert_eq!(galeed::from_foreign(out).unwrap_err(), galeed::Error::NOT_OUT); // twice
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// [`Error::NOT_HEAP`]: the box is not of [`Heap`](crate::Heap), or has no size;
/// [`Error::FULL`]; those of start-up. The box is dropped then.
pub fn into_foreign<T: Send + 'static>(value: Box<T>) -> Result<*mut T, Error> {
    start()?;
    let raw = Box::into_raw(value);
    match give::<T>(raw.cast(), 1) {
        Ok(handle) => Ok(core::ptr::without_provenance_mut(handle as usize)),
        Err(error) => {
            // SAFETY: from into_raw above, and handed over to nobody.
            drop(unsafe { Box::from_raw(raw) });
            Err(error)
        }
    }
}

/// Takes back what [`into_foreign`] handed over, by its pseudo-pointer or, as it comes out of
/// a gate, its address. Every pointer that foreign code kept is dead from here on.
///
/// # Errors
/// [`Error::NOT_OUT`]: it was never handed over (memory of C's own, say, or a part of an
/// object), or has come back already; [`Error::OTHER_TYPE`]: it is of another type. Nothing
/// has changed then.
pub fn from_foreign<T: Send + 'static>(pointer: *mut T) -> Result<Box<T>, Error> {
    let (address, _) = take::<T>(pointer.addr() as u64)?;
    // SAFETY: into_foreign had it out of a Box<T>, and the table says that it comes back once.
    Ok(unsafe { Box::from_raw(at::<T>(address)) })
}

/// The destructor that C interfaces ask for beside a pointer: takes back what
/// [`into_foreign`] handed over, and drops it. Anything else is a violation: *temporal* for
/// what came back before, *type* for another type, else *rights*; nothing is dropped.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let destroy: unsafe extern "C" fn(*mut String) = galeed::drop_foreign::<String>;
/// let out = galeed::into_foreign(Box::new(String::new()))?;
/// // SAFETY: it was handed over, as a String.
/// unsafe { destroy(out) };
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Safety
/// For foreign code to call. Whoever else does answers for the frames that a violation drops where
/// the policy is to unwind: destructors in them do not run (see [`catch`](crate::catch)).
pub unsafe extern "C" fn drop_foreign<T: Send + 'static>(pointer: *mut T) {
    match from_foreign(pointer) {
        Ok(value) => drop(value),
        Err(error) => refuse(pointer.addr() as u64, error),
    }
}

#[cold]
fn refuse(pointer: u64, error: Error) {
    start_or_die();
    let verdict = resolve::resolve(pointer, 0, Access::Free);
    let kind = match (error, verdict) {
        (Error::OTHER_TYPE, _) => Kind::Type,
        (_, Err(kind)) if is_handle(pointer) => kind,
        _ => Kind::Rights,
    };
    let mut violation = violation::facts(pointer, 0, Access::Free, kind, 0, &[]);
    violation.detail = error.message().as_ptr();
    // SAFETY: the host's own code, with its rights.
    unsafe { sys::mpk_violate(&raw mut violation) };
}

/// Hands a slice over, as [`into_foreign`] does a box.
///
/// # Errors
/// Those of [`into_foreign`].
pub fn into_foreign_slice<T: Send + 'static>(value: Box<[T]>) -> Result<(*mut T, usize), Error> {
    start()?;
    let elements = value.len();
    let raw = Box::into_raw(value);
    match give::<[T]>(raw.cast(), elements) {
        Ok(handle) => Ok((core::ptr::without_provenance_mut(handle as usize), elements)),
        Err(error) => {
            // SAFETY: from into_raw above, and handed over to nobody.
            drop(unsafe { Box::from_raw(raw) });
            Err(error)
        }
    }
}

/// Takes a slice back, of the length that it had.
///
/// # Errors
/// Those of [`from_foreign`].
pub fn from_foreign_slice<T: Send + 'static>(pointer: *mut T) -> Result<Box<[T]>, Error> {
    let (address, elements) = take::<[T]>(pointer.addr() as u64)?;
    let raw = core::ptr::slice_from_raw_parts_mut(at::<T>(address), elements);
    // SAFETY: into_foreign_slice had it out of such a box, and it comes back once.
    Ok(unsafe { Box::from_raw(raw) })
}

/// Hands a string over: [`CString::into_raw`] for foreign code behind gates.
///
/// # Errors
/// Those of [`into_foreign`].
pub fn into_foreign_string(text: CString) -> Result<*mut c_char, Error> {
    start()?;
    let bytes = text.into_bytes_with_nul().into_boxed_slice();
    let elements = bytes.len();
    let raw = Box::into_raw(bytes);
    match give::<CStr>(raw.cast(), elements) {
        Ok(handle) => Ok(core::ptr::without_provenance_mut(handle as usize)),
        Err(error) => {
            // SAFETY: from into_raw above, and handed over to nobody.
            drop(unsafe { Box::from_raw(raw) });
            Err(error)
        }
    }
}

/// Takes a string back. C may have written in it: it ends at the first NUL that is there now,
/// or with the memory. Unlike [`CString::from_raw`] this does not ask C for the length.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// let out = galeed::into_foreign_string(c"text".to_owned())?;
/// assert_eq!(galeed::from_foreign_string(out)?.as_c_str(), c"text");
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Errors
/// Those of [`from_foreign`].
pub fn from_foreign_string(pointer: *mut c_char) -> Result<CString, Error> {
    let (address, elements) = take::<CStr>(pointer.addr() as u64)?;
    let raw = core::ptr::slice_from_raw_parts_mut(at::<u8>(address), elements);
    // SAFETY: into_foreign_string had it out of such a box, and it comes back once.
    let mut bytes = unsafe { Box::from_raw(raw) }.into_vec();
    let end = bytes.iter().position(|&byte| byte == 0);
    bytes.truncate(end.unwrap_or(bytes.len()));
    // SAFETY: there is no NUL before the first.
    Ok(unsafe { CString::from_vec_unchecked(bytes) })
}
