//! Arguments behind dots: where they lie, and a va_list of our own for them.
//!
//! Source: \[psABI 3.5.7\], the register save area and the overflow area. A list whose
//! registers count as used up takes everything from the overflow area, where each
//! argument has its eightbytes in order; so that is the one layout used here.

use super::Call;
use crate::access::{at, load8};
use crate::membrane::load_pointer;

/// Arguments of one format that are looked at; printf(3) promises 9.
pub(super) const MOST: usize = 64;
const GENERAL_END: u32 = 48;
const FLOATING_END: u32 = 176;

/// What one argument of a format is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// A number or a pointer that is only printed.
    Word,
    Double,
    LongDouble,
    /// Text of elements of `unit` bytes. limit: its precision; star: the argument that is.
    Text {
        unit: u8,
        limit: u32,
        star: u8,
    },
    /// So many bytes are written. number: of the assignment, 255 for %n.
    Written {
        bytes: u32,
        number: u8,
    },
    /// A string of any length is written: at most what is scanned.
    WrittenString {
        number: u8,
    },
}

pub(super) const NO_LIMIT: u32 = u32::MAX;
pub(super) const NO_STAR: u8 = 255;
pub(super) const NO_NUMBER: u8 = 255;

/// The arguments of a format, in order.
pub(super) struct Takes {
    pub(super) list: [Take; MOST],
    pub(super) used: usize,
}

impl Takes {
    pub(super) fn new() -> Takes {
        Takes {
            list: [Take::Word; MOST],
            used: 0,
        }
    }

    pub(super) fn set(&mut self, position: usize, take: Take) {
        if position >= MOST {
            crate::fatal::fatal(format_args!(
                "not supported: a format with more than {MOST} arguments and lent memory"
            ));
        }
        self.list[position] = take;
        self.used = self.used.max(position + 1);
    }

    /// (argument, index of its eightbyte) of each.
    pub(super) fn places(&self) -> impl Iterator<Item = (Take, usize)> {
        let mut next = 0;
        self.list[..self.used].iter().map(move |take| {
            let wide = *take == Take::LongDouble;
            let place = if wide { next + next % 2 } else { next };
            next = place + 1 + usize::from(wide);
            (*take, place)
        })
    }

    /// Eightbytes of all.
    pub(super) fn slots(&self) -> usize {
        self.places().last().map_or(0, |(take, place)| {
            place + 1 + usize::from(take == Take::LongDouble)
        })
    }
}

/// va_list.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct List {
    general: u32,
    floating: u32,
    overflow: u64,
    saved: u64,
}

impl List {
    /// One whose arguments all lie at `slots`.
    pub(super) fn of(slots: u64) -> List {
        List {
            general: GENERAL_END,
            floating: FLOATING_END,
            overflow: slots,
            saved: 0,
        }
    }

    fn next(&mut self, take: Take) -> u64 {
        let (register, step) = match take {
            Take::LongDouble => (None, 16),
            Take::Double => {
                let here = (self.floating < FLOATING_END).then_some(self.floating);
                self.floating += if here.is_some() { 16 } else { 0 };
                (here, 8)
            }
            _ => {
                let here = (self.general < GENERAL_END).then_some(self.general);
                self.general += if here.is_some() { 8 } else { 0 };
                (here, 8)
            }
        };
        if let Some(offset) = register {
            return self.saved.wrapping_add(offset.into());
        }
        if step == 16 {
            self.overflow = self.overflow.next_multiple_of(16);
        }
        let here = self.overflow;
        self.overflow = self.overflow.wrapping_add(step);
        here
    }
}

impl Call {
    /// Puts a list of our own in place of the one at `argument`; returns where its arguments lie.
    /// Its areas may be lent, and pointers in them cross the membrane: the host's own dots are such.
    pub(super) fn rebuild(&mut self, argument: u8, takes: &Takes) -> *mut u64 {
        let list_bytes = 32; // keeps the arguments aligned to 16
        let room = list_bytes + 8 * takes.slots() as u64;
        let loan = self.loan(0, 0, room, u32::MAX);
        let ours = loan.wrapping_add(1).cast::<List>();
        let slots = ours
            .cast::<u8>()
            .wrapping_add(list_bytes as usize)
            .cast::<u64>();
        // SAFETY: the list of foreign code, with its rights; the loan has room for both.
        unsafe {
            let mut theirs = at::<List>(self.word(argument.into())).read_unaligned();
            for (take, place) in takes.places() {
                let (from, to) = (theirs.next(take), slots.add(place));
                match take {
                    Take::Text { .. } | Take::Written { .. } | Take::WrittenString { .. } => {
                        to.write(load_pointer(from, self.pc));
                    }
                    _ => to.write(load8(from, self.pc)),
                }
                if take == Take::LongDouble {
                    to.add(1).write(load8(from.wrapping_add(8), self.pc));
                }
            }
            ours.write(List::of(slots.expose_provenance() as u64));
        }
        self.set_word(argument.into(), ours.expose_provenance() as u64);
        slots
    }
}
