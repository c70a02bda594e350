//! scanf's formats: how much each argument receives.
//!
//! A %s or %[ without a width writes what the input holds. Scanning a string, that is at
//! most its length: the result goes into a copy of that size, and home as far as it was
//! written, checked then. From a file there is no bound, so such a call is refused.
//!
//! Source: \[C11 7.21.6.2\], POSIX (positional arguments, %m).

use super::list::{NO_NUMBER, Take, Takes};
use super::print::Reader;
use super::{
    ASSIGNED, ASSIGNED_STRING, COPY_BACK, Call, GALEED_NO_ARGUMENT, Loan, Refusal, extent,
};
use crate::access::with_rights;
use crate::foreign::lease::permits;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind};

const POINTER_BYTES: u32 = 8;
const LONG_DOUBLE_BYTES: u32 = 16;

fn read(format: u64) -> Takes {
    let (mut takes, mut text, mut next, mut number) = (Takes::new(), Reader(format), 0, 0);
    loop {
        match text.next() {
            0 => return takes,
            b'%' => {}
            _ => continue,
        }
        let own = text.position();
        let (mut dropped, mut allocates) = (false, false);
        loop {
            match text.peek() {
                b'*' => dropped = true,
                b'm' => allocates = true,
                b'\'' | b'I' => {}
                _ => break,
            }
            text.next();
        }
        let width = text.number();
        allocates |= text.accept(b"m");
        let (bytes, long, wide) = text.length();
        let conversion = text.next();
        if conversion == b'[' {
            // A ] that comes first, or behind ^, is one of the set.
            text.accept(b"^");
            text.accept(b"]");
            while !matches!(text.next(), b']' | 0) {}
        }
        let unit = if long || matches!(conversion, b'S' | b'C') {
            4
        } else {
            1
        };
        let assigned = |bytes| Take::Written { bytes, number };
        let mut take = match conversion {
            b'%' | 0 => continue,
            b'n' => Take::Written {
                bytes,
                number: NO_NUMBER,
            },
            b'c' | b'C' => assigned(width.unwrap_or(1).saturating_mul(unit)),
            b's' | b'S' | b'[' => match width {
                Some(width) => assigned(width.saturating_add(1).saturating_mul(unit)),
                None => Take::WrittenString { number },
            },
            b'p' => assigned(POINTER_BYTES),
            b'e' | b'f' | b'g' | b'a' | b'E' | b'F' | b'G' | b'A' => assigned(match (long, wide) {
                (_, true) => LONG_DOUBLE_BYTES,
                (true, _) => 8,
                _ => 4,
            }),
            _ => assigned(bytes),
        };
        if dropped {
            continue;
        }
        if allocates {
            take = assigned(POINTER_BYTES);
        }
        number += u8::from(conversion != b'n');
        let position = own.unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        takes.set(position, take);
    }
}

impl Call {
    /// `from`: the argument that is scanned, if it is a string.
    fn scan(
        &mut self,
        takes: &Takes,
        slots: *mut u64,
        room: usize,
        from: u8,
    ) -> Result<(), Refusal> {
        for (take, place) in takes.places().filter(|(_, place)| *place < room) {
            // SAFETY: eightbytes of the wrapper's or of the rebuilt list, with foreign rights.
            let pointer = unsafe { slots.add(place).read() };
            if !is_handle(pointer) {
                continue;
            }
            let raw = match take {
                Take::Written { bytes, number } => {
                    let mode = if number == NO_NUMBER {
                        COPY_BACK
                    } else {
                        ASSIGNED | u32::from(number) << 8
                    };
                    self.lend(pointer, bytes.into(), true, u32::MAX, mode)?
                }
                Take::WrittenString { number } => self.lend_string(pointer, number, from)?,
                _ => continue,
            };
            // SAFETY: as above.
            unsafe { slots.add(place).write(raw) };
        }
        Ok(())
    }

    fn lend_string(&mut self, pointer: u64, number: u8, from: u8) -> Result<u64, Refusal> {
        let refusal = |bytes, kind| Refusal {
            pointer,
            bytes,
            access: Access::Write,
            kind,
        };
        if from == GALEED_NO_ARGUMENT {
            return Err(refusal(u64::MAX, Kind::Spatial));
        }
        with_rights(|| permits(pointer, 1, Access::Write)).map_err(|kind| refusal(1, kind))?;
        let bytes = extent::raw_string(self.word(from.into()), 1, u64::MAX);
        let loan: *mut Loan = self.loan(pointer, bytes, bytes, u32::MAX);
        // SAFETY: the loan just made.
        unsafe {
            (*loan).back = ASSIGNED_STRING | u32::from(number) << 8;
            Ok((*loan).raw)
        }
    }

    pub(super) fn scan_slots(&mut self, format: u8, from: u8) -> Result<(), Refusal> {
        let room = usize::from(self.shape.slots);
        let takes = read(self.word(format.into()));
        self.scan(&takes, self.slots(), room, from)
    }

    pub(super) fn scan_list(&mut self, argument: u8, format: u8, from: u8) -> Result<(), Refusal> {
        let takes = read(self.word(format.into()));
        let slots = self.rebuild(argument, &takes);
        self.scan(&takes, slots, takes.slots(), from)
    }
}
