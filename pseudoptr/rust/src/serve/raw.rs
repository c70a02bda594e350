//! Raw addresses of what is lent: `GALEED_ON_TRAP=serve-raw`.
//!
//! A number that foreign code kept, or got past the membrane, is served as the handle of the
//! allocation that lies there now, if that is lent as a whole. It carries no bounds and no
//! generation: it reaches whatever else is lent, and what was lent anew at a place.

use super::form::Form;
use crate::lease;
use crate::published::in_host_domain;
use crate::sys;

/// How far beside what is lent a vector read may lie: four vectors of 64 bytes.
pub(super) const NEAR_BYTES: u64 = 256;
/// What allocations are aligned to at least.
const GRAIN_BYTES: u64 = 8;
const PAGE_BYTES: u64 = 4096;

/// What an instruction's address means.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// As the instruction computes it.
    pub pointer: u64,
    /// The handle that it stands for: mostly itself.
    pub handle: u64,
}

impl Place {
    pub(super) fn of(pointer: u64, form: &Form) -> Place {
        let near = || form.may_be_widened().then(|| beside(pointer)).flatten();
        let lent = if may_be_raw(pointer) {
            lease::active(pointer).or_else(near)
        } else {
            None
        };
        Place {
            pointer,
            handle: lent.unwrap_or(pointer),
        }
    }

    pub(super) fn is_raw(self) -> bool {
        self.pointer != self.handle
    }
}

/// The handle of a pointer that bytes are read from or written to one after the other.
pub(super) fn lent(pointer: u64) -> u64 {
    may_be_raw(pointer)
        .then(|| lease::active(pointer))
        .flatten()
        .unwrap_or(pointer)
}

fn may_be_raw(pointer: u64) -> bool {
    // SAFETY: the runtime has started.
    in_host_domain(pointer) && unsafe { sys::mpk_on_trap() } == sys::MPK_ON_TRAP_SERVE_RAW
}

/// Of the nearest allocation on the page that is lent, as if the pointer had been computed from its handle.
fn beside(pointer: u64) -> Option<u64> {
    let grain = pointer & !(GRAIN_BYTES - 1);
    (0..=NEAR_BYTES)
        .step_by(GRAIN_BYTES as usize)
        .flat_map(|distance| [grain - distance, grain + distance])
        .filter(|place| place / PAGE_BYTES == pointer / PAGE_BYTES)
        .find_map(|place| Some(lease::active(place)?.wrapping_add(pointer.wrapping_sub(place))))
}
