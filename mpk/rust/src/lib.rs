//! Memory domains guarded by protection keys, and the gates between them.
//!
//! The work is done by a C runtime (`mpk/csrc`, see `mpk.h`); this crate compiles
//! it, links it whole, declares it ([`ffi`]) and wraps what a Rust program may want
//! to call by itself. Most programs use the crate `galeed` instead.
//!
//! A program that gates its C code must not call [`ffi`] functions around it by
//! hand: generated gates do.
//!
//! Without the default feature `std` the crate needs `alloc` alone, of Rust's libraries: what
//! it asked of `std`, the program then gives it by [`runtime!`]. The C library is needed still.

#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![cfg_attr(
    not(test),
    warn(clippy::std_instead_of_core, clippy::std_instead_of_alloc)
)]

extern crate alloc;

mod attempt;
mod call;
mod domain;
mod error;
pub mod ffi;
mod ffi_sites;
mod ffi_trap;
mod harden;
pub mod keys;
mod probe;
pub mod runtime;
mod scan;
mod task;

pub use attempt::attempt;
pub use call::{Returned, call, host_stack, is_host_address};
pub use domain::{Domain, HeapParts, Opened, Rights};
pub use error::Error;
pub use harden::{HardenError, Parts, Policy, Report, harden, hardened, is_orphan};
pub use keys::{Begun, KeyStatistics, PageGroup, Prot, init_keys, key_statistics, wait_for_keys};
pub use probe::{Backend, Probe, probe};
pub use runtime::{Libc, Runtime};
pub use scan::{Gadget, Hit, scan};

#[cfg(test)]
mod start_first {
    //! Tests run on threads that the harness starts. A thread that is older than
    //! the runtime is known, but its children are not (`THREAT_MODEL.md`): so the
    //! runtime starts with the first allocation, as it does in a program.

    use std::alloc::{GlobalAlloc, Layout, System};

    struct StartFirst;

    // SAFETY: every call goes to the system's allocator as it is.
    unsafe impl GlobalAlloc for StartFirst {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: callable at any time; the caller keeps GlobalAlloc's contract.
            unsafe {
                crate::ffi::mpk_start();
                System.alloc(layout)
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller keeps GlobalAlloc's contract.
            unsafe { System.dealloc(block, layout) }
        }
    }

    #[global_allocator]
    static HEAP: StartFirst = StartFirst;
}
