//! Verdicts: how they are reported, and what Rust sees of them.
//!
//! The runtime below writes the report and applies the policy; this file says
//! which lease and which allocation were meant. It also answers when a hardware
//! fault is about to be reported: was that address, or that trapped handle, a
//! lease of ours once?
//!
//! Invariant: nothing here takes the table's lock or allocates; a report may
//! come out of a signal handler. The lock is never held when one begins.

pub use crate::facts::{Facts, Site, Violation};
use crate::foreign::lease::{claim, permits};
use crate::layout::{Class, generation_of, index_of, is_handle};
use crate::lease;
use crate::published::{in_host_domain, published};
pub use crate::resolve::{Access, Kind};
use crate::sites;
use crate::start::registry;
use crate::sys::{self, MPK_SUBJECT_BYTES, mpk_violation};
use crate::table::{CODE, MAPPED, side};
use core::ffi::{CStr, c_char};
use core::sync::atomic::Ordering;

/// Reports that an access at `pointer` is refused. Returns when the policy is
/// only to report. `pc`: the return address in foreign code.
/// pre: rights open, lock not held.
#[cold]
pub(crate) fn refuse(pointer: u64, bytes: u64, access: Access, kind: Kind, pc: u64) {
    refuse_call(pointer, bytes, access, kind, pc, &[]);
}

/// The same for what a called function would do. `subject`: its name, or empty.
#[cold]
pub(crate) fn refuse_call(
    pointer: u64,
    bytes: u64,
    access: Access,
    kind: Kind,
    pc: u64,
    subject: &[u8],
) {
    // In the call, not behind it.
    let mut violation = facts(pointer, bytes, access, kind, pc.saturating_sub(1), subject);
    // SAFETY: rights are open, as the caller promises.
    unsafe { sys::mpk_violate(&raw mut violation) };
}

/// What there is to say about it, with nothing said yet. `pc`: in the instruction itself.
/// pre: rights open, lock not held.
pub(crate) fn facts(
    pointer: u64,
    bytes: u64,
    access: Access,
    kind: Kind,
    pc: u64,
    subject: &[u8],
) -> mpk_violation {
    let mut violation = mpk_violation {
        kind: kind as u32,
        access: access as u32,
        bytes,
        pc,
        ..Default::default()
    };
    if is_handle(pointer) {
        violation.handle = pointer;
        about_handle(&mut violation);
        let clause = match kind {
            // With its field's name; without one it is no value's.
            Kind::Type if !subject.is_empty() && is_typed(&violation) => {
                c"the Rust type cannot hold this value"
            }
            _ => detail(kind, &violation),
        };
        violation.detail = clause.as_ptr();
        let subject = subject.iter().take_while(|&&byte| byte != 0);
        for (to, byte) in violation.subject[..MPK_SUBJECT_BYTES - 1]
            .iter_mut()
            .zip(subject)
        {
            *to = *byte as c_char;
        }
    } else {
        violation.address = pointer;
        violation.detail = c"an atomic access that is not aligned to its size".as_ptr();
    }
    violation
}

fn detail(kind: Kind, violation: &mpk_violation) -> &'static CStr {
    match kind {
        Kind::Spatial if violation.offset < 0 => c"the access begins before the lent memory",
        Kind::Spatial => c"the access ends behind the lent memory",
        Kind::Temporal => c"the lease has ended: the host freed, moved or took back this memory",
        Kind::Forged => c"no such pseudo-pointer was ever given out",
        Kind::Rights if violation.access == Access::Free as u32 => {
            c"foreign code may not free memory that the host owns"
        }
        Kind::Rights if is_typed(violation) => c"the Rust type keeps this field from foreign code",
        Kind::Rights => c"the memory was lent for reading only",
        Kind::Type if violation.access == Access::Execute as u32 => {
            c"a call through a pseudo-pointer to data"
        }
        Kind::Type if violation.bytes > 1 && !violation.handle.is_multiple_of(violation.bytes) => {
            c"an atomic access that is not aligned to its size"
        }
        Kind::Type => {
            c"a data access through a pseudo-pointer to a function or closure of the host's"
        }
        Kind::Boundary => c"host memory was reached without a pseudo-pointer",
    }
}

/// Is it about a live typed lease?
fn is_typed(violation: &mpk_violation) -> bool {
    is_handle(violation.handle) && claim(violation.handle).is_some()
}

/// Fills what the table knows about `violation.handle`.
fn about_handle(violation: &mut mpk_violation) {
    let index = index_of(violation.handle);
    violation.generation = u64::from(generation_of(violation.handle));
    if !registry().was_used(index) {
        return;
    }
    let record = side(index).read();
    if violation.generation > u64::from(record.generation) {
        return; // never given out: no lease to name
    }
    violation.lease = u64::from(index) + 1;
    violation.live_generation = u64::from(record.generation);
    if u64::from(record.generation) != violation.generation || record.base == 0 {
        violation.ended = sites::key(index, violation.generation as u32);
    }
    if u64::from(record.generation) != violation.generation {
        return;
    }
    let base = crate::layout::encode(index, record.generation, record.address);
    violation.offset = violation.handle.wrapping_sub(base) as i64;
    violation.bound = record.bytes;
    violation.mapped = u32::from(record.flags & MAPPED != 0);
    violation.address = record.address.wrapping_add_signed(violation.offset);
    if record.base == 0 {
        // What the handle once stood for; whatever lives there now is innocent.
        violation.allocation = record.address;
        violation.allocation_bytes = record.bytes;
    } else if in_host_domain(record.address) {
        about_allocation(violation, record.address);
    }
}

fn about_allocation(violation: &mut mpk_violation, address: u64) -> Option<sys::mpk_allocation> {
    let found = lease::find(address)?;
    violation.allocation = found.base as u64;
    violation.allocation_bytes = found.bytes as u64;
    Some(found)
}

/// The runtime's hook: a hardware fault is about to be reported.
pub(crate) unsafe extern "C" fn enrich(violation: *mut mpk_violation) {
    // SAFETY: the runtime gives a valid violation, for this call alone.
    let Some(violation) = (unsafe { violation.as_mut() }) else {
        return;
    };
    if published().registry.load(Ordering::Acquire).is_null() {
        return;
    }
    if is_handle(violation.handle) {
        trapped_handle(violation);
    } else if in_host_domain(violation.address) {
        faulting_address(violation);
    }
}

/// Vector code (strlen, memcpy) reads this many bytes around what it was asked for.
const VECTOR_BYTES: i64 = 64;

/// Is it an access to the lent memory, widened and aligned as libc does?
fn is_near(violation: &mpk_violation) -> bool {
    violation.lease != 0
        && violation.generation == violation.live_generation
        && violation.offset > -VECTOR_BYTES
        && violation.offset < (violation.bound as i64).saturating_add(VECTOR_BYTES)
}

/// Code that was not rewritten used a handle as an address.
fn trapped_handle(violation: &mut mpk_violation) {
    about_handle(violation);
    let access = Access::from_number(violation.access).unwrap_or(Access::Read);
    match permits(violation.handle, violation.bytes.max(1), access) {
        Err(kind) if kind != Kind::Spatial || !is_near(violation) => {
            violation.kind = kind as u32;
            violation.detail = detail(kind, violation).as_ptr();
        }
        _ if violation.function.is_null() => violation.kind = Kind::Boundary as u32,
        _ => {
            violation.kind = Kind::Boundary as u32;
            violation.detail = c"a live pseudo-pointer was used by code that was not rewritten: \
                compile it with galeed-cc, or pass it memory of its own"
                .as_ptr();
        }
    }
}

/// The hardware stopped an access to the host domain.
fn faulting_address(violation: &mut mpk_violation) {
    let address = violation.address;
    let living = about_allocation(violation, address);
    if let Some(index) = living.as_ref().and_then(lease::stable_of) {
        let record = side(index).read();
        violation.lease = u64::from(index) + 1;
        violation.generation = u64::from(record.generation);
        violation.live_generation = u64::from(record.generation);
        violation.offset = address.wrapping_sub(record.address) as i64;
        violation.bound = record.bytes;
        violation.mapped = u32::from(record.flags & MAPPED != 0);
        return;
    }
    if living.is_some() {
        return; // whatever was lent there before, this is what the access would have hit
    }
    // A mapped lease that ended: rewritten code may have checked it earlier in
    // this call, and then reaches for pages that were taken back.
    let ended = Class::ALL
        .into_iter()
        .flat_map(|class| registry().used(class))
        .find(|&index| {
            let record = side(index).read();
            let was_mapped = record.base == 0 && record.flags & (MAPPED | CODE) == MAPPED;
            was_mapped && address.wrapping_sub(record.address) < record.bytes
        });
    if let Some(index) = ended {
        let record = side(index).read();
        violation.kind = Kind::Temporal as u32;
        violation.lease = u64::from(index) + 1;
        violation.generation = u64::from(record.generation);
        violation.live_generation = u64::from(record.generation);
        violation.offset = address.wrapping_sub(record.address) as i64;
        violation.bound = record.bytes;
        violation.mapped = 1;
        violation.ended = sites::key(index, record.generation);
        violation.detail = detail(Kind::Temporal, violation).as_ptr();
    }
}
