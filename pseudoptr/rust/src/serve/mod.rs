//! Serves accesses by code that nobody rewrote: `GALEED_ON_TRAP=serve`.
//!
//! A pseudo-pointer is no address, so that an access which the pass left alone, or which
//! libc makes, faults. Here the instruction is decoded, its memory operand checked against
//! the lease by the accessors' rules, and performed in one of two ways: plain moves and
//! arithmetic are done here, on the registers in the signal frame ([`plain`]); anything else the
//! thread does itself, with foreign rights, on a copy of the operand in its *window*
//! ([`step`], [`strings`]), whose outcome is then brought home.
//!
//! Invariant: no instruction of foreign code ever runs with the host's rights, and none ever
//! has a host address in a register. So a decoder that is wrong can only have the wrong bytes
//! copied, of leases that foreign code may access anyway.
//!
//! Invariant: nothing here allocates, takes the table's lock, or panics on what foreign code
//! chose; it runs in a signal handler, on a stack of 1 MiB in the host domain.
//!
//! Declined, so that the fault stays a violation: host code; operands by FS, GS or a vector of
//! indices; branches; what saves or loads processor state; 32-bit addresses.
//!
//! Attacker: chooses instruction, registers and lease, and may change the bytes under way.

#[cfg(test)]
mod compared;
mod form;
mod operand;
mod plain;
pub(crate) mod profile;
mod raw;
mod register;
mod sizes;
mod step;
mod strings;
mod typed;

use crate::foreign::lease::claim;
use crate::layout::is_handle;
use crate::published::published;
use crate::resolve::{Access, Kind};
use crate::sys::{self, mpk_trap};
use crate::violation::facts;
use core::sync::atomic::Ordering;
use form::{Form, Unserved};
use operand::Operand;
use raw::Place;

pub(crate) use profile::{forked as profile_forked, write_all as write_profile};

/// Makes this the server, when the environment asks for one. pre: the table is there.
pub(crate) fn install() {
    profile::install();
    // SAFETY: the runtime has started; the server keeps mpk_trap.h's contract.
    unsafe {
        if sys::mpk_on_trap() != sys::MPK_ON_TRAP_REFUSE {
            sys::mpk_set_trap_server(Some(server));
        }
    }
}

/// What becomes of an access that the lease forbids.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forbidden {
    /// A violation.
    Violates,
    /// It was reported, and the program goes on: zeros are read and nothing is written.
    Reads0,
}

unsafe extern "C" fn server(trap: *mut mpk_trap) -> u32 {
    // SAFETY: the runtime gives this thread's own trap, for this call.
    let trap = unsafe { &mut *trap };
    if published().registry.load(Ordering::Acquire).is_null() {
        return sys::MPK_TRAP_DECLINE;
    }
    match trap.phase {
        sys::MPK_TRAP_FAULTED => begin(trap, Forbidden::Violates),
        sys::MPK_TRAP_REPORTED => {
            if step::is_over(trap) {
                sys::MPK_TRAP_CONTINUE
            } else {
                begin(trap, Forbidden::Reads0)
            }
        }
        sys::MPK_TRAP_ENDED => step::end(trap),
        _ => step::stop(trap),
    }
}

fn begin(trap: &mut mpk_trap, forbidden: Forbidden) -> u32 {
    step::forget(trap);
    let bytes = (trap.code_bytes as usize).min(sys::MPK_TRAP_CODE_BYTES);
    let form = match Form::of(&trap.code[..bytes]) {
        Ok(form) => form,
        Err(Unserved::Unfinished) => return sys::MPK_TRAP_MORE_CODE,
        Err(Unserved::Never) => return sys::MPK_TRAP_DECLINE,
    };
    if form.string {
        return strings::begin(trap, &form, forbidden);
    }
    let pointer = form.place.address(&trap.registers);
    let place = Place::of(pointer, &form);
    let handle = place.handle;
    if !is_handle(handle) || !plain::can(&form, handle) && !step::can(&form) {
        return sys::MPK_TRAP_DECLINE;
    }
    let mut operand = match Operand::take(place, &form, form.mask(trap)) {
        Ok(operand) => operand,
        Err(_) if forbidden == Forbidden::Reads0 => Operand::refused(place),
        Err(kind) => return violate(trap, handle, u64::from(form.bytes), form.access(), kind),
    };
    profile::record(
        trap.origin,
        form.seen(operand.is_widened(), operand.is_raw()),
        form.bytes,
    );
    if plain::can(&form, handle) {
        let done = plain::perform(trap, &form, &mut operand);
        if let (Err(why), Forbidden::Violates) = (done, forbidden) {
            let bytes = u64::from(form.bytes);
            return typed::violate(trap, handle, bytes, Access::Write, why);
        }
        trap.pc = trap.pc.wrapping_add(form.length);
        return sys::MPK_TRAP_CONTINUE;
    }
    step::begin(trap, &form, &operand)
}

/// Fills in the violation that the runtime will report.
fn violate(trap: &mut mpk_trap, handle: u64, bytes: u64, access: Access, kind: Kind) -> u32 {
    if let Some(lease) = claim(handle)
        && let Err(why) = lease.allows(bytes, access)
        && why.kind == kind
    {
        return typed::violate(trap, handle, bytes, access, why);
    }
    trap.violation = facts(handle, bytes, access, kind, trap.origin, &[]);
    sys::MPK_TRAP_VIOLATE
}
