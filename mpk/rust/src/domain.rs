//! A domain beside the host's own: memory that is open only while it is asked for.

use crate::{Error, ffi};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::ptr::NonNull;

/// What a thread may do with a domain's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
}

impl Rights {
    fn code(self) -> c_int {
        match self {
            Self::None => ffi::MPK_NONE,
            Self::Read => ffi::MPK_READ,
            Self::ReadWrite => ffi::MPK_READ_WRITE,
        }
    }

    fn from_code(code: c_int) -> Self {
        match code {
            ffi::MPK_READ_WRITE => Self::ReadWrite,
            ffi::MPK_READ => Self::Read,
            _ => Self::None,
        }
    }
}

/// A range of addresses under a key of its own, closed unless opened; destroyed
/// when dropped.
///
/// ```
/// use galeed_mpk::{Domain, Rights};
/// let vault = Domain::create(0)?;
/// let secret = vault.allocate(5, 0)?;
/// vault.write(secret, b"vault")?; // opens and closes around the copy
/// {
///     let _open = vault.open(Rights::Read)?;
///     // SAFETY: open for reading, and five bytes live there.
///     assert_eq!(unsafe { std::slice::from_raw_parts(secret.as_ptr(), 5) }, b"vault");
/// }
/// assert_eq!(vault.rights(), Rights::None);
/// vault.free(secret)?;
/// # Ok::<(), galeed_mpk::Error>(())
/// ```
#[derive(Debug)]
pub struct Domain {
    raw: NonNull<ffi::mpk_domain>,
}

// SAFETY: the runtime's functions on one domain may be called from any thread.
unsafe impl Send for Domain {}
// SAFETY: as above; its heap and its extents have locks of their own.
unsafe impl Sync for Domain {}

impl Domain {
    /// A new domain of `reserve_bytes` addresses (0: 1 GiB), closed.
    ///
    /// # Errors
    /// No key or no address space is left, or the runtime cannot start.
    pub fn create(reserve_bytes: usize) -> Result<Self, Error> {
        let mut raw = core::ptr::null_mut();
        // SAFETY: raw is a place for the result.
        Error::check(unsafe { ffi::mpk_domain_create(reserve_bytes, &raw mut raw) })?;
        Ok(Self {
            raw: NonNull::new(raw).expect("success sets the result"),
        })
    }

    /// Gives the calling thread (on `mprotect`: the process) rights until the
    /// guard is dropped.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn open(&self, rights: Rights) -> Result<Opened<'_>, Error> {
        let mut previous = ffi::MPK_NONE;
        // SAFETY: the domain lives as long as self.
        Error::check(unsafe {
            ffi::mpk_domain_open(self.raw.as_ptr(), rights.code(), &raw mut previous)
        })?;
        Ok(Opened {
            domain: self,
            previous,
            this_thread: PhantomData,
        })
    }

    /// What the calling thread has now.
    #[must_use]
    pub fn rights(&self) -> Rights {
        // SAFETY: the domain lives as long as self.
        Rights::from_code(unsafe { ffi::mpk_domain_rights(self.raw.as_ptr()) })
    }

    /// The hardware key; 0 on `mprotect`.
    #[must_use]
    pub fn key(&self) -> u32 {
        // SAFETY: the domain lives as long as self.
        u32::try_from(unsafe { ffi::mpk_domain_key(self.raw.as_ptr()) }).unwrap_or(0)
    }

    /// Allocates `bytes` in the domain, aligned to `align` (a power of two; 0: 16).
    ///
    /// # Errors
    /// The limit is reached (`MPK_ELIMIT`), the range is full, or the kernel refuses.
    pub fn allocate(&self, bytes: usize, align: usize) -> Result<NonNull<u8>, Error> {
        if align != 0 && !align.is_power_of_two() {
            return Err(Error::from_code(ffi::MPK_EINVALID));
        }
        let _open = self.open(Rights::ReadWrite)?;
        // SAFETY: the domain is open for this thread.
        let base = unsafe { ffi::mpk_heap_alloc(self.raw.as_ptr(), bytes, align) };
        NonNull::new(base.cast()).ok_or_else(|| {
            // SAFETY: as above.
            let why = unsafe { ffi::mpk_heap_refusal(self.raw.as_ptr(), bytes, align) };
            // Other threads may have freed something since: it was memory that lacked.
            Error::from_code(if why == ffi::MPK_OK {
                ffi::MPK_ENOMEM
            } else {
                why
            })
        })
    }

    /// Frees what [`Self::allocate`] gave.
    ///
    /// # Errors
    /// `base` is not the start of a live allocation of this domain.
    pub fn free(&self, base: NonNull<u8>) -> Result<(), Error> {
        let _open = self.open(Rights::ReadWrite)?;
        let mut found = ffi::mpk_allocation {
            base: 0,
            bytes: 0,
            mark: core::ptr::null_mut(),
            own_pages: 0,
            shared: 0,
        };
        // SAFETY: the domain is open; find takes any address.
        let live = unsafe {
            ffi::mpk_heap_find(self.raw.as_ptr(), base.as_ptr() as usize, &raw mut found)
        };
        if live == 0 || found.base != base.as_ptr() as usize {
            return Err(Error::from_code(ffi::MPK_EINVALID));
        }
        // SAFETY: open, and the base of a live allocation.
        unsafe { ffi::mpk_heap_free(self.raw.as_ptr(), base.as_ptr().cast()) };
        Ok(())
    }

    /// Bounds the pages that the heap may have in use, in bytes (0: no limit).
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn limit(&self, bytes: usize) -> Result<(), Error> {
        // SAFETY: the domain lives as long as self.
        Error::check(unsafe { ffi::mpk_domain_limit(self.raw.as_ptr(), bytes) })
    }

    /// Chooses the parts of heap hardening, in place of those of `GALEED_HEAP`.
    ///
    /// # Errors
    /// Something was allocated here before (`MPK_EINVALID`), or the kernel refuses.
    pub fn harden(&self, parts: HeapParts) -> Result<(), Error> {
        // SAFETY: the domain lives as long as self.
        Error::check(unsafe { ffi::mpk_heap_harden(self.raw.as_ptr(), parts.0) })
    }

    /// Copies out of one live allocation.
    ///
    /// # Errors
    /// The bytes do not all lie in one live allocation.
    pub fn read(&self, address: NonNull<u8>, out: &mut [u8]) -> Result<(), Error> {
        let from: *const c_void = address.as_ptr().cast();
        // SAFETY: the runtime checks the domain's side; out is ours.
        Error::check(unsafe {
            ffi::mpk_domain_read(self.raw.as_ptr(), from, out.as_mut_ptr().cast(), out.len())
        })
    }

    /// Copies into one live allocation.
    ///
    /// # Errors
    /// The bytes do not all lie in one live allocation.
    pub fn write(&self, address: NonNull<u8>, bytes: &[u8]) -> Result<(), Error> {
        let to: *mut c_void = address.as_ptr().cast();
        // SAFETY: the runtime checks the domain's side; bytes is ours.
        Error::check(unsafe {
            ffi::mpk_domain_write(self.raw.as_ptr(), to, bytes.as_ptr().cast(), bytes.len())
        })
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // SAFETY: nobody else has it; guards borrow it. A failure keeps the range
        // and its key: a leak, and nothing open.
        unsafe { ffi::mpk_domain_destroy(self.raw.as_ptr()) };
    }
}

/// Parts of heap hardening, for [`Domain::harden`]; `mpk_heap.h` says what each does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeapParts(u32);

impl HeapParts {
    /// None of them.
    pub const DEFAULT: Self = Self(ffi::MPK_HEAP_DEFAULT);
    /// Blocks are given out in random order.
    pub const RANDOM: Self = Self(ffi::MPK_HEAP_RANDOM);
    /// An inaccessible page before and behind each huge allocation.
    pub const GUARDS: Self = Self(ffi::MPK_HEAP_GUARDS);
    /// What is freed is reused late.
    pub const QUARANTINE: Self = Self(ffi::MPK_HEAP_QUARANTINE);
    /// What is freed is zeroed.
    pub const ZERO: Self = Self(ffi::MPK_HEAP_ZERO);
    /// All of them.
    pub const HARDENED: Self = Self(ffi::MPK_HEAP_HARDENED);
}

impl core::ops::BitOr for HeapParts {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Rights on a domain, until dropped. Stays on its thread: rights do.
#[must_use]
#[derive(Debug)]
pub struct Opened<'a> {
    domain: &'a Domain,
    previous: c_int,
    this_thread: PhantomData<*mut ()>,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // SAFETY: the domain outlives the guard.
        let code = unsafe { ffi::mpk_domain_close(self.domain.raw.as_ptr(), self.previous) };
        assert_eq!(code, 0, "a domain that was opened can be closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_error_of_its_own_and_hardening_comes_first() {
        let domain = Domain::create(64 << 20).expect("created");
        domain
            .harden(HeapParts::QUARANTINE | HeapParts::ZERO)
            .expect("hardened");
        domain.limit(1 << 20).expect("limited");
        let block = domain.allocate(1000, 8).expect("within the limit");
        let over = domain.allocate(2 << 20, 8).expect_err("above the limit");
        assert_eq!(over.code(), ffi::MPK_ELIMIT);
        domain.limit(0).expect("no limit");
        domain.allocate(2 << 20, 8).expect("no limit any more");
        let full = domain.allocate(1 << 30, 8).expect_err("above the range");
        assert_eq!(full.code(), ffi::MPK_ENOMEM);
        let late = domain.harden(HeapParts::HARDENED).expect_err("too late");
        assert_eq!(late.code(), ffi::MPK_EINVALID);
        domain.free(block).expect("freed");
    }

    #[test]
    fn memory_goes_in_and_out_and_rights_come_back() {
        let domain = Domain::create(0).expect("created");
        assert_eq!(domain.rights(), Rights::None);
        let block = domain.allocate(5, 1).expect("allocated");
        domain.write(block, b"hello").expect("written");
        let mut out = [0; 5];
        {
            let _read = domain.open(Rights::Read).expect("opened");
            domain.read(block, &mut out).expect("read");
            assert_eq!(domain.rights(), Rights::Read);
        }
        assert_eq!((&out, domain.rights()), (b"hello", Rights::None));
        assert!(domain.read(block, &mut [0; 6]).is_err());
        domain.free(block).expect("freed");
        assert_eq!(
            domain.free(block).expect_err("freed twice").code(),
            ffi::MPK_EINVALID
        );
    }
}
