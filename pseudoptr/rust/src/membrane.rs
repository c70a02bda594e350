//! The membrane: pointers are lent as they cross outward, turned back inward.
//!
//! Outward: an address in the host heap becomes its allocation's handle, one in
//! the host's code a code handle, one in a host frame of the thread's stack a handle
//! of that stack; anything else passes. So whatever holds pointers of the host is
//! behind a handle, and code that works on raw pointers need not ask. Inward: a handle of a
//! live lease becomes the address again, one past the end included. A handle
//! that is dead, or that strayed out of its object, stays a handle: C can load
//! it again unchanged, and Rust traps if it uses it.
//!
//! Invariant: only a pointer that foreign code found in host memory (behind a
//! handle, or in a host frame of its own thread's stack) is lent. An address of
//! the host found anywhere else is the stale pointer this exists to stop.
//!
//! The cheap tests come first and need no rights.

use crate::access::{at, with_rights};
use crate::error::Error;
use crate::fatal::fatal;
use crate::foreign::moves;
use crate::layout::is_handle;
use crate::published::{in_host_domain, published};
use crate::resolve::Access;
use crate::start::registry;
use crate::sys::mpk_gate_host_frame;
use crate::table::{CODE, TYPED, direct, placed};
use crate::{code, lease, resolve, shadow};

const POINTER_BYTES: u64 = 8;

/// The handle for a pointer that crosses outward. pre: started, rights open.
#[inline]
pub(crate) fn outward(value: u64) -> u64 {
    if let Some(handle) = known(value) {
        return handle;
    }
    let lent = if in_host_domain(value) {
        lease::lend(value)
    } else if published().is_host_code(value) {
        code::lend(value)
    } else if let Some(lent) = may_be_stack(value)
        .then(|| lease::lend_stack(value))
        .flatten()
    {
        lent
    } else {
        return value;
    };
    match lent {
        Ok(handle) => {
            published().hints.remember(value, handle);
            handle
        }
        Err(Error::NOT_HEAP) => value, // no live allocation: it stays out of reach
        Err(error) => fatal(format_args!(
            "cannot lend {value:#x} to foreign code: {error}"
        )),
    }
}

/// The handle that outward would find, if it can be known without rights.
#[inline]
fn known(value: u64) -> Option<u64> {
    let handle = published().hints.outward(value)?;
    // Stacks are lent by the frame: a function of the host that has returned left no memory of it.
    let lasting = in_host_domain(value) || published().is_host_code(value);
    (lasting || is_host_frame(value)).then_some(handle)
}

/// Could it be in a frame above this one, on this stack? Most pointers are told apart by this.
#[inline(always)]
fn may_be_stack(value: u64) -> bool {
    let here = (&raw const value).addr() as u64;
    value > here && value >> crate::layout::USER_ADDRESS_BITS == 0
}

/// The address for a pointer that crosses inward. pre: started, rights open.
#[inline]
pub(crate) fn inward(value: u64) -> u64 {
    if is_handle(value) {
        resolve::inward(value).unwrap_or(value)
    } else {
        value
    }
}

/// Is it a live lease, with none of these flags? pre: it carries the tag; rights open.
fn is_lent_memory(handle: u64, but: u32) -> bool {
    let live = registry().live_of(handle);
    live.is_some_and(|(_, record)| record.flags & but == 0)
}

/// Is it in a frame of the host on this thread's stack? Needs no rights.
fn is_host_frame(address: u64) -> bool {
    // SAFETY: the question may be asked in either state, of any address.
    unsafe { mpk_gate_host_frame(address as usize) != 0 }
}

/// Is it host memory that foreign code reaches directly? What lies in other host memory is seen
/// with rights only. Needs none.
fn is_open_host_memory(place: u64) -> bool {
    if is_handle(place) {
        placed(place).is_some_and(|placed| placed.open)
    } else {
        is_host_frame(place)
    }
}

/// Turns the value when `place` is host memory.
#[inline]
fn crossing(place: u64, but: u32, value: u64, turn: fn(u64) -> u64) -> u64 {
    if is_handle(place) {
        with_rights(|| {
            if is_lent_memory(place, but) {
                turn(value)
            } else {
                value
            }
        })
    } else if is_host_frame(place) {
        with_rights(|| turn(value))
    } else {
        value
    }
}

pub(crate) extern "C" fn lend_loaded(from: u64, value: u64) -> u64 {
    if !(in_host_domain(value) || published().is_host_code(value) || may_be_stack(value)) {
        return value;
    }
    match known(value) {
        Some(handle) if is_open_host_memory(from) => handle,
        _ => crossing(from, CODE, value, outward),
    }
}

/// A pointer is loaded through a pointer.
pub(crate) extern "C" fn load_pointer(from: u64, pc: u64) -> u64 {
    // What foreign rights reach opens nothing; on mprotect that would cost two system calls.
    if let Some(address) = direct(from, POINTER_BYTES, false) {
        // SAFETY: the load that foreign code wanted to do, with its rights.
        return lend_loaded(from, unsafe { at::<u64>(address).read_unaligned() });
    }
    if !is_handle(from) {
        return crate::access::load8(from, pc); // faults
    }
    with_rights(
        || match shadow::resolve(from, POINTER_BYTES, Access::Read) {
            // SAFETY: all bytes lie in a live lease, whose memory the host keeps.
            Ok(address) => outward(unsafe { at::<u64>(address).read_unaligned() }),
            Err(kind) => outward(moves::load(from, POINTER_BYTES, kind, pc)),
        },
    )
}

/// A pointer is stored through a pointer.
pub(crate) extern "C" fn store_pointer(to: u64, value: u64, pc: u64) {
    if let Some(address) = direct(to, POINTER_BYTES, true) {
        // SAFETY: the store that foreign code wanted to do, with its rights.
        return unsafe { at::<u64>(address).write_unaligned(unlend_stored(to, value)) };
    }
    if !is_handle(to) {
        return crate::access::store8(to, value, pc); // faults
    }
    with_rights(|| match shadow::resolve(to, POINTER_BYTES, Access::Write) {
        // SAFETY: all bytes lie in a live, writable lease.
        Ok(address) => unsafe { at::<u64>(address).write_unaligned(inward(value)) },
        Err(kind) => moves::store(to, value, POINTER_BYTES, kind, pc),
    });
}

pub(crate) extern "C" fn unlend_stored(to: u64, value: u64) -> u64 {
    if !is_handle(value) {
        return value;
    }
    match published().hints.inward(value) {
        Some(address) if is_open_host_memory(to) => address,
        // A typed lease, which is never open, turns it when it has judged it.
        _ => crossing(to, CODE | TYPED, value, inward),
    }
}
