//! Pseudo-pointers: leases on Rust's memory that foreign code may hold.
//!
//! A Rust program calls C. With this crate its heap lies behind a memory
//! protection key that is closed while C runs; what Rust means to share, C gets
//! as *pseudo-pointers*, which are checked at each use: bounds, lifetime,
//! rights. `galeed-cc` rewrites the C for that, so neither side is edited.
//!
//! Two lines put a program's heap into the protected domain, and from then on
//! every pointer that crosses a gate is lent and turned back by itself:
//!
//! ```
//! #[global_allocator]
//! static HEAP: galeed::Heap = galeed::Heap;
//!
//! // What Rust lends explicitly lives exactly as long as the guard.
//! let mut numbers = vec![1u32, 2, 3];
//! let lent = galeed::lend_mut(&mut numbers[..])?;
//! let pseudo = lent.handle();
//!
//! // A checked access at a pseudo-pointer, as rewritten C code does it.
//! assert_eq!(galeed::check(pseudo + 8, 4, galeed::Access::Write)?, Ok(()));
//! // One element past the end.
//! assert_eq!(galeed::check(pseudo + 12, 4, galeed::Access::Read)?, Err(galeed::Kind::Spatial));
//! drop(lent);
//! // C kept it: too late.
//! assert_eq!(galeed::check(pseudo, 4, galeed::Access::Read)?, Err(galeed::Kind::Temporal));
//! # Ok::<(), galeed::Error>(())
//! ```
//!
//! [`catch`] turns a violation into an `Err` where the policy is to unwind.
//!
//! The C interface is `galeed.h`, generated from this source. What an attacker
//! in C is assumed to do is said at the top of each file.

#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![cfg_attr(
    not(test),
    warn(clippy::std_instead_of_core, clippy::std_instead_of_alloc)
)]

extern crate alloc;
#[cfg(test)]
extern crate self as galeed; // what the derive writes names the crate

mod access;
mod atomic;
mod atomics;
mod bytes;
#[cfg(feature = "std")]
mod callback;
mod calls;
mod catch;
mod code;
mod cxx;
mod error;
mod exit;
mod facts;
mod fatal;
pub mod foreign;
mod gate;
mod gates;
mod guard;
mod heap;
mod hints;
mod hook;
mod lease;
mod lock;
mod membrane;
mod owned;
mod panics;
mod policy;
mod pthread;
mod published;
mod ranges;
mod record;
mod resolve;
mod serve;
mod shadow;
mod signal;
mod sites;
mod start;
mod table;
mod thread_locals;
mod thunks;
mod violation;
mod wall;

#[cfg(feature = "std")]
pub mod component;
pub mod ffi;
pub mod host;
pub mod host_calls;
pub mod layout;
pub mod library;
#[cfg(feature = "std")]
#[doc(hidden)] // for `waiting_system_calls!`
pub mod waiting;

pub(crate) use galeed_mpk::ffi as sys;

pub use atomic::Rmw;
#[cfg(feature = "std")]
pub use callback::Callback;
pub use catch::catch;
pub use error::{Error, GaleedError};
pub use foreign::{Foreign, HeaderError, header};
/// Implements [`trait@Foreign`] from the type's fields.
pub use galeed_macros::Foreign;
pub use galeed_macros::{export, foreign};
pub use galeed_mpk::{
    HardenError, Libc, Parts as HardenParts, Policy as HardenPolicy, Report as HardenReport,
    Runtime, hardened, runtime,
};
pub use guard::{
    Lent, LentMut, LentOut, lend, lend_mut, lend_out, lend_out_slice, lend_pinned, lend_typed,
    lend_typed_mut,
};
pub use heap::Heap;
pub use hook::on_violation;
pub use owned::{
    drop_foreign, from_foreign, from_foreign_slice, from_foreign_string, into_foreign,
    into_foreign_slice, into_foreign_string,
};
pub use policy::{Policy, set_policy};
pub use signal::on_signal;
pub use table::Entry;
pub use violation::{Access, Facts, Kind, Site, Violation};

/// What the attributes write calls of.
#[doc(hidden)]
pub mod __gates {
    pub use crate::gates::{
        Described, bytes, call, call_pointer, exported, inward, opaque, outward, rest, string,
    };
}

/// What the macros of callback.rs call.
#[doc(hidden)]
#[cfg(feature = "std")]
pub mod __callbacks {
    pub use crate::callback::{run_anywhere, run_here};
}

/// Would an access at this pseudo-pointer be allowed, and if not, which rule
/// would it break? Nothing is accessed or reported.
///
/// # Errors
/// Those of start-up, at the first use.
pub fn check(handle: u64, bytes: usize, access: Access) -> Result<Result<(), Kind>, Error> {
    start::start()?;
    if !layout::is_handle(handle) {
        return Ok(Err(Kind::Forged));
    }
    Ok(foreign::lease::permits(handle, bytes as u64, access).map(|_| ()))
}

/// Takes away from the process, for good, what C could use to get around the heap's
/// protection: `"basic"`, `"strict?"`, or parts. Call it at the start of `main`; what each
/// part forbids the program too is said in `mpk_harden.h`. Without `?` what is missing is
/// an error: on mprotect `"strict"` always is, on every backend `"full"`, whose part
/// `stacks` has no pseudo-pointers.
///
/// ```no_run
/// let report = galeed::harden(&"strict?".parse()?)?;
/// eprintln!("hardened: {}; {}", report.applied, report.reason);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// On `pku`, buffers that are lent afterwards are all private leases: correct, and slower
/// to access than mapped ones. `GALEED_HARDEN_MEMORY` limits the heap from then on.
///
/// # Errors
/// A demanded part cannot be had here; the error says which, why, and what to do.
pub fn harden(policy: &HardenPolicy) -> Result<HardenReport, HardenError> {
    gate::prepare();
    galeed_mpk::harden(policy)
}

/// Appends to the file that `GALEED_PROFILE` names what was counted since the last time, as happens
/// at the process's end too. Without the variable nothing is counted. README.md says what for.
///
/// # Errors
/// Those of start-up, at the first use.
pub fn write_profile() -> Result<(), Error> {
    start::start()?;
    serve::write_profile();
    Ok(())
}

#[cfg(test)]
#[global_allocator]
static HEAP: Heap = Heap;
