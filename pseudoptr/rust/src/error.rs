//! Misuse and exhaustion, as opposed to violations: typed, one line each.

use crate::sys::{MPK_EINVALID, MPK_ENOMEM, mpk_strerror};
use core::ffi::{CStr, c_int};
use core::fmt;

/// What the functions for hosts return beside the errors of mpk.h.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, missing_docs)]
pub enum GaleedError {
    /// The table has no free index of that class.
    GALEED_EFULL = -32,
    /// The address is in no live allocation of the host heap.
    GALEED_ENOTHEAP = -33,
    /// Not a live handle.
    GALEED_EHANDLE = -34,
    /// Foreign code does not own it: it was never handed over, or came back already.
    GALEED_ENOTOUT = -35,
    /// It was handed over as another type.
    GALEED_EOTHERTYPE = -36,
    /// The global allocator is not galeed's, so no gate may open.
    GALEED_EALLOCATOR = -37,
}

/// Why a pointer could not be lent, or a handle not be used. The number is one
/// of galeed.h's or mpk.h's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(pub(crate) c_int);

impl Error {
    /// The table has no free index of that class.
    pub const FULL: Error = Error(GaleedError::GALEED_EFULL as c_int);
    /// The address is in no live allocation of the host heap.
    pub const NOT_HEAP: Error = Error(GaleedError::GALEED_ENOTHEAP as c_int);
    /// Not a live handle.
    pub const HANDLE: Error = Error(GaleedError::GALEED_EHANDLE as c_int);
    /// Foreign code does not own it: it was never handed over, or came back already.
    pub const NOT_OUT: Error = Error(GaleedError::GALEED_ENOTOUT as c_int);
    /// It was handed over as another type.
    pub const OTHER_TYPE: Error = Error(GaleedError::GALEED_EOTHERTYPE as c_int);
    /// The global allocator is not galeed's, so no gate may open.
    pub const ALLOCATOR: Error = Error(GaleedError::GALEED_EALLOCATOR as c_int);
    /// An argument outside its documented range.
    pub const INVALID: Error = Error(MPK_EINVALID);
    /// No memory.
    pub const NO_MEMORY: Error = Error(MPK_ENOMEM);

    /// The number that the C interface returns.
    #[must_use]
    pub fn code(self) -> i32 {
        self.0
    }

    /// One line: what is wrong and what to do.
    pub(crate) fn message(self) -> &'static CStr {
        match self {
            Error::FULL => {
                c"the pseudo-pointer table has no free index for an object of this size: \
                  end leases, or lend larger pieces of memory"
            }
            Error::NOT_HEAP => {
                c"the address is in no live allocation of the host heap: only memory \
                  from galeed::Heap can be lent as a whole"
            }
            Error::HANDLE => c"not a live pseudo-pointer: it was never lent, or its lease ended",
            Error::NOT_OUT => {
                c"nothing of Rust's that foreign code owns: it was never handed over as a whole, \
                  or has come back already"
            }
            Error::OTHER_TYPE => c"it was handed over as another type: take it back as that",
            Error::ALLOCATOR => {
                c"the global allocator of the Rust code is not galeed's, so its heap is not \
                  isolated: a program says `#[global_allocator] static HEAP: galeed::Heap`, and \
                  for hosts in other languages `cargo build --package galeed-host` makes libgaleed.so"
            }
            // SAFETY: mpk_strerror takes any number and returns a string that
            // lives for ever.
            Error(other) => unsafe { CStr::from_ptr(mpk_strerror(other)) },
        }
    }

    /// As the C interface returns it.
    pub(crate) fn code_of(outcome: Result<(), Error>) -> c_int {
        outcome.err().map_or(0, Error::code)
    }

    pub(crate) fn check(code: c_int) -> Result<(), Error> {
        if code == 0 { Ok(()) } else { Err(Error(code)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message().to_string_lossy())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.0)
    }
}

impl core::error::Error for Error {}
