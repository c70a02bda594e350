//! Virtual keys: thousands of page groups over the hardware's fifteen keys.
//!
//! `mpk_keys.h` is the contract, with what differs between the backends. The raw
//! functions are in [`ffi`]; [`PageGroup`] wraps them so that what was begun is ended.

use crate::Error;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::time::Duration;

/// `mpk_keys.h`, declared.
#[allow(missing_docs)]
pub mod ffi {
    use core::ffi::{c_int, c_void};

    pub const MPK_GROUPS: usize = 16384;
    pub const MPK_BEGIN_DEPTH: usize = 64;

    /// See `struct mpk_keys_stats`.
    #[repr(C)]
    #[allow(non_camel_case_types)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct mpk_keys_stats {
        pub groups: u32,
        pub resident: u32,
        pub pinned: u32,
        pub keys: u32,
        pub hits: u64,
        pub misses: u64,
        pub evictions: u64,
        pub syncs: u64,
        pub fallbacks: u64,
    }

    unsafe extern "C" {
        pub fn mpk_init(evict_rate: f64) -> c_int;
        pub fn mpk_mmap(
            vkey: c_int,
            addr: *mut c_void,
            length: usize,
            prot: c_int,
            flags: c_int,
            fd: c_int,
            offset: i64,
        ) -> *mut c_void;
        pub fn mpk_munmap(vkey: c_int) -> c_int;
        pub fn mpk_keys_error() -> *mut c_int;
        pub fn mpk_begin(vkey: c_int, prot: c_int) -> c_int;
        pub fn mpk_end(vkey: c_int) -> c_int;
        pub fn mpk_keys_wait(milliseconds: u32);
        pub fn mpk_mprotect(vkey: c_int, prot: c_int) -> c_int;
        pub fn mpk_keys_signal() -> c_int;
        pub fn mpk_malloc(vkey: c_int, bytes: usize) -> *mut c_void;
        pub fn mpk_free(vkey: c_int, address: *mut c_void) -> c_int;
        pub fn mpk_keys_statistics(out: *mut mpk_keys_stats) -> c_int;
    }
}

pub use ffi::mpk_keys_stats as KeyStatistics;

const MAP_PRIVATE: c_int = 2;
const MAP_ANONYMOUS: c_int = 32;

/// Protection of pages, as mprotect(2) knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prot {
    /// No access.
    None,
    /// Loads.
    Read,
    /// Loads and stores.
    ReadWrite,
    /// Instruction fetches only.
    Execute,
    /// Everything: what a group is mapped with that is filled first and executed then.
    All,
}

impl Prot {
    fn code(self) -> c_int {
        match self {
            Self::None => 0,
            Self::Read => 1,
            Self::ReadWrite => 3,
            Self::Execute => 4,
            Self::All => 7,
        }
    }
}

/// Starts virtual keys; `evict_rate` is the part of `protect`'s misses that evict
/// (negative: all).
///
/// # Errors
/// A rate above 1, or the runtime or the kernel refuses.
pub fn init_keys(evict_rate: f64) -> Result<(), Error> {
    // SAFETY: callable at any time from host code.
    Error::check(unsafe { ffi::mpk_init(evict_rate) })
}

/// How long a begin waits when every hardware key is held; zero: not at all.
pub fn wait_for_keys(patience: Duration) {
    let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: callable at any time from host code.
    unsafe { ffi::mpk_keys_wait(milliseconds) }
}

/// Counts of groups, keys, hits and misses.
#[must_use]
pub fn key_statistics() -> KeyStatistics {
    let mut out = KeyStatistics::default();
    // SAFETY: out is a place for the result, without which alone this fails.
    unsafe { ffi::mpk_keys_statistics(&raw mut out) };
    out
}

/// Pages under a virtual key, unmapped when dropped.
///
/// ```
/// use galeed_mpk::{PageGroup, Prot};
/// let group = PageGroup::map(7, 4096, Prot::ReadWrite)?;
/// {
///     let begun = group.begin(Prot::ReadWrite)?;
///     // SAFETY: begun for writing on this thread, and nobody else has the pages.
///     unsafe { begun.base().write(42) };
/// }
/// # Ok::<(), galeed_mpk::Error>(())
/// ```
#[derive(Debug)]
pub struct PageGroup {
    vkey: c_int,
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the runtime's functions on one group may be called from any thread.
unsafe impl Send for PageGroup {}
// SAFETY: as above; access to the bytes is unsafe and its caller's business.
unsafe impl Sync for PageGroup {}

impl PageGroup {
    /// Fresh zero pages under a virtual key of the program's choice; closed. `prot`
    /// is the most that [`Self::begin`] and [`Self::protect`] may ask for.
    ///
    /// # Errors
    /// The key is taken or above `i32::MAX`, `bytes` is 0, or memory is exhausted.
    pub fn map(vkey: u32, bytes: usize, prot: Prot) -> Result<Self, Error> {
        let name = c_int::try_from(vkey).unwrap_or(-1); // refused by the runtime
        let flags = MAP_PRIVATE | MAP_ANONYMOUS;
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let base = unsafe {
            ffi::mpk_mmap(
                name,
                core::ptr::null_mut(),
                bytes,
                prot.code(),
                flags,
                -1,
                0,
            )
        };
        if base.addr() == usize::MAX {
            return Err(Self::last_error());
        }
        Ok(Self {
            vkey: name,
            base: NonNull::new(base.cast()).expect("success is not NULL"),
            bytes,
        })
    }

    /// The first byte. To be touched only while begun or open.
    #[must_use]
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// How many bytes were asked for.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Gives the calling thread `prot` until the guard is dropped.
    ///
    /// # Errors
    /// Another `prot` than `Read` or `ReadWrite`, or more than it was mapped with;
    /// every hardware key is held by open begins; begins nest too deeply.
    pub fn begin(&self, prot: Prot) -> Result<Begun<'_>, Error> {
        // SAFETY: callable at any time from host code.
        Error::check(unsafe { ffi::mpk_begin(self.vkey, prot.code()) })?;
        Ok(Begun {
            group: self,
            this_thread: PhantomData,
        })
    }

    /// Rights of every thread of the process, seen by all on return.
    ///
    /// # Errors
    /// `prot` is `All` or more than it was mapped with; no key can be had.
    ///
    /// # Safety
    /// No reference into the group may live that `prot` does not allow.
    pub unsafe fn protect(&self, prot: Prot) -> Result<(), Error> {
        // SAFETY: the caller keeps the contract.
        Error::check(unsafe { ffi::mpk_mprotect(self.vkey, prot.code()) })
    }

    /// Memory of the group's own heap. Needs `ReadWrite`, begun or by protect.
    ///
    /// # Errors
    /// No rights, or no room.
    pub fn allocate(&self, bytes: usize) -> Result<NonNull<u8>, Error> {
        // SAFETY: callable at any time from host code.
        let block = unsafe { ffi::mpk_malloc(self.vkey, bytes) };
        NonNull::new(block.cast()).ok_or_else(Self::last_error)
    }

    /// Frees what [`Self::allocate`] gave.
    ///
    /// # Errors
    /// No rights, or not the start of a live allocation of this group.
    pub fn free(&self, block: NonNull<u8>) -> Result<(), Error> {
        let address: *mut c_void = block.as_ptr().cast();
        // SAFETY: the runtime checks the address.
        Error::check(unsafe { ffi::mpk_free(self.vkey, address) })
    }

    fn last_error() -> Error {
        // SAFETY: always points to this thread's last error.
        Error::from_code(unsafe { *ffi::mpk_keys_error() })
    }
}

impl Drop for PageGroup {
    fn drop(&mut self) {
        // SAFETY: guards borrow the group, so none is left, save one that was
        // forgotten: then this is refused, and the pages stay mapped and closed.
        unsafe { ffi::mpk_munmap(self.vkey) };
    }
}

/// Rights on a group until dropped. Stays on its thread: rights do.
#[must_use]
#[derive(Debug)]
pub struct Begun<'a> {
    group: &'a PageGroup,
    this_thread: PhantomData<*mut ()>,
}

impl Begun<'_> {
    /// The group's first byte.
    #[must_use]
    pub fn base(&self) -> *mut u8 {
        self.group.base()
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread began it.
        let code = unsafe { ffi::mpk_end(self.group.vkey) };
        assert_eq!(code, 0, "a group that was begun can be ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::{MPK_EINVALID, MPK_EPINNED, MPK_EVKEY};

    #[test]
    fn struct_has_its_c_size() {
        assert_eq!(size_of::<KeyStatistics>(), 56);
    }

    #[test]
    fn begins_nest_and_data_stays() {
        init_keys(-1.0).expect("started");
        let group = PageGroup::map(1000, 4096, Prot::ReadWrite).expect("mapped");
        let taken = PageGroup::map(1000, 4096, Prot::Read).expect_err("taken");
        assert_eq!(taken.code(), MPK_EVKEY);
        {
            let outer = group.begin(Prot::ReadWrite).expect("begun");
            // SAFETY: begun for writing.
            unsafe { outer.base().write(7) };
            let inner = group.begin(Prot::Read).expect("nested");
            // SAFETY: begun.
            assert_eq!(unsafe { inner.base().read() }, 7);
            // SAFETY: refused, nothing happens.
            assert_eq!(unsafe { ffi::mpk_munmap(1000) }, MPK_EPINNED);
            let block = group.allocate(10).expect_err("only READ now");
            assert_eq!(block.code(), MPK_EINVALID);
            drop(inner);
            let block = group.allocate(10).expect("allocated");
            group.free(block).expect("freed");
            assert_eq!(group.free(block).expect_err("twice").code(), MPK_EINVALID);
        }
        assert!(group.begin(Prot::Execute).is_err());
        // The process's: the other test's may be there at the same time.
        assert!((1..=2).contains(&key_statistics().groups));
    }

    /// Threads that were there before see the change, and go on.
    #[test]
    fn protect_reaches_other_threads() {
        let group = PageGroup::map(2000, 4096, Prot::ReadWrite).expect("mapped");
        let opened = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                opened.wait();
                // SAFETY: open to the process by now.
                unsafe { group.base().read() }
            });
            // SAFETY: no references into the group exist.
            unsafe { group.protect(Prot::ReadWrite) }.expect("opened");
            // SAFETY: open to the process.
            unsafe { group.base().write(9) };
            opened.wait();
            assert_eq!(reader.join().expect("alive"), 9);
        });
        // SAFETY: as above.
        unsafe { group.protect(Prot::None) }.expect("closed");
    }
}
