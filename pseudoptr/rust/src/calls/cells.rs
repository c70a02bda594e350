//! Pointers in memory that a function follows or leaves behind: strtol's end, strtok_r's
//! place, iconv's buffers, the vectors of readv.
//!
//! A cell in C's own memory holds an address for the time of the call only; one in lent
//! memory is a copy already. Either way it holds a handle again afterwards, also when the
//! call is refused. Where the cell is the host's, its pointer crosses the membrane.

use super::Extent::*;
use super::extent::{VECTOR_BYTES, sought};
use super::{COPY_BACK, Call, GALEED_NO_ARGUMENT, Refusal, Use};
use crate::access::at;
use crate::layout::is_handle;
use crate::membrane;

/// Loans of what cells point to: this, and the argument's number.
const BEHIND: u32 = 0x100;
/// IOV_MAX: with more the kernel refuses.
const MOST_VECTORS: u64 = 1024;

fn load(cell: u64) -> u64 {
    // SAFETY: memory of C's own, or a copy there, with foreign rights.
    unsafe { at::<u64>(cell).read_unaligned() }
}

fn store(cell: u64, value: u64) {
    // SAFETY: as above.
    unsafe { at::<u64>(cell).write_unaligned(value) };
}

impl Call {
    /// What a cell of an argument's memory holds, as foreign code would load it.
    fn content(&self, argument: u8, cell: u64) -> u64 {
        let owner = self.given(argument.into(), cell).unwrap_or(cell);
        membrane::lend_loaded(owner, load(cell))
    }

    /// Lends what a moving pointer will move over.
    pub(super) fn lend_cursor(&mut self, argument: u8, usage: &Use) -> Result<(), Refusal> {
        let cell = self.word(argument.into());
        let only_written =
            usage.second != GALEED_NO_ARGUMENT && self.word(usage.second.into()) != 0;
        if cell == 0 || only_written {
            return Ok(());
        }
        let pointer = self.content(argument, cell);
        if !is_handle(pointer) {
            return Ok(());
        }
        let bytes = match usage.first {
            GALEED_NO_ARGUMENT => sought(pointer, 1, 0, u64::MAX)?,
            length => load(self.word(length.into())),
        };
        let owner = BEHIND + u32::from(argument);
        let raw = self.lend(pointer, bytes, usage.writes != 0, owner, COPY_BACK)?;
        store(cell, raw);
        Ok(())
    }

    /// Puts a copy with addresses in place of a list of buffers.
    pub(super) fn lend_vector(&mut self, argument: u8, usage: &Use) -> Result<(), Refusal> {
        let count = self.number(usage.first, 0);
        let theirs = self.word(argument.into());
        if count > MOST_VECTORS || theirs == 0 {
            return Ok(());
        }
        let loan = self.loan(0, 0, count * VECTOR_BYTES, u32::MAX);
        let ours = loan.wrapping_add(1).expose_provenance() as u64;
        for place in (0..count).map(|number| number * VECTOR_BYTES) {
            let mut base = self.content(argument, theirs + place);
            let bytes = load(theirs + place + 8);
            if is_handle(base) {
                base = self.lend(base, bytes, usage.writes != 0, u32::MAX, COPY_BACK)?;
            }
            store(ours + place, base);
            store(ours + place + 8, bytes);
        }
        self.set_word(argument.into(), ours);
        Ok(())
    }

    /// The handle for an address in what a cursor moves over.
    pub(super) fn given_by_cursor(&self, address: u64) -> Option<u64> {
        (0..self.shape.fixed)
            .filter(|&argument| self.usage(argument).0 == GALEED_CURSOR)
            .find_map(|argument| self.given(BEHIND + u32::from(argument), address))
    }

    /// Cells hold handles again.
    pub(super) fn return_cells(&mut self) {
        for argument in 0..self.shape.fixed {
            let (extent, usage) = self.usage(argument);
            let cell = self.word(argument.into());
            let target = match extent {
                GALEED_END => usage.first,
                GALEED_CURSOR => usage.second,
                _ => continue,
            };
            // When the call is refused, it may be that nothing was lent yet.
            if cell == 0 || is_handle(cell) {
                continue;
            }
            let pointer = load(cell);
            let found = (target != GALEED_NO_ARGUMENT)
                .then(|| self.given(target.into(), pointer))
                .flatten()
                .or_else(|| self.given(BEHIND + u32::from(argument), pointer));
            if let Some(handle) = found {
                let owner = self.given(argument.into(), cell).unwrap_or(cell);
                store(cell, membrane::unlend_stored(owner, handle));
            }
        }
    }
}
