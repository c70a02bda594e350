//! printf's formats: which arguments are strings, and which are written.
//!
//! Source: \[C11 7.21.6.1\], POSIX (positional arguments), glibc (%m, %C, %S, Z, q, I).

use super::extent::sought;
use super::list::{List, NO_LIMIT, NO_NUMBER, NO_STAR, Take, Takes};
use super::{COPY_BACK, Call, Refusal, Use};
use crate::access::at;
use crate::layout::is_handle;
use core::ffi::{c_char, c_int};

unsafe extern "C" {
    fn vsnprintf(to: *mut c_char, bytes: usize, format: *const c_char, list: *mut List) -> c_int;
}

/// A format that is being read: foreign memory, with foreign rights.
pub(super) struct Reader(pub(super) u64);

impl Reader {
    pub(super) fn peek(&self) -> u8 {
        // SAFETY: the format that foreign code passed; reading stops at its NUL.
        unsafe { at::<u8>(self.0).read() }
    }

    pub(super) fn next(&mut self) -> u8 {
        let byte = self.peek();
        self.0 += u64::from(byte != 0);
        byte
    }

    pub(super) fn accept(&mut self, wanted: &[u8]) -> bool {
        let byte = self.peek();
        let found = byte != 0 && wanted.contains(&byte);
        self.0 += u64::from(found);
        found
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let mut value = None;
        while self.peek().is_ascii_digit() {
            let digit = u32::from(self.next() - b'0');
            value = Some(
                value
                    .unwrap_or(0u32)
                    .saturating_mul(10)
                    .saturating_add(digit),
            );
        }
        value
    }

    /// `n$`: the number of an argument, from 0.
    pub(super) fn position(&mut self) -> Option<usize> {
        let start = self.0;
        if let Some(number) = self.number()
            && self.accept(b"$")
        {
            return Some((number as usize).wrapping_sub(1));
        }
        self.0 = start;
        None
    }

    /// The length modifier: bytes of an integer, and whether it was an l or an L.
    pub(super) fn length(&mut self) -> (u32, bool, bool) {
        let (mut bytes, mut long, mut wide) = (4, false, false);
        loop {
            match self.peek() {
                b'h' => bytes /= 2,
                b'l' => (bytes, wide, long) = (8, long, true),
                b'L' | b'q' => (bytes, wide) = (8, true),
                b'j' | b'z' | b'Z' | b't' => bytes = 8,
                _ => return (bytes, long, wide),
            }
            self.next();
        }
    }
}

/// The arguments that a format takes.
fn read(format: u64) -> Takes {
    let (mut takes, mut text, mut next) = (Takes::new(), Reader(format), 0);
    loop {
        match text.next() {
            0 => return takes,
            b'%' => {}
            _ => continue,
        }
        let own = text.position();
        while text.accept(b"-+ #0'I") {}
        let mut star = |text: &mut Reader, takes: &mut Takes| {
            let position = text.position().unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            takes.set(position, Take::Word);
            position as u8
        };
        if text.accept(b"*") {
            star(&mut text, &mut takes);
        } else {
            text.number();
        }
        let (mut limit, mut starred) = (NO_LIMIT, NO_STAR);
        if text.accept(b".") {
            if text.accept(b"*") {
                starred = star(&mut text, &mut takes);
            } else {
                limit = text.number().unwrap_or(0);
            }
        }
        let (bytes, long, wide) = text.length();
        let wanted = |unit| Take::Text {
            unit,
            limit,
            star: starred,
        };
        let take = match text.next() {
            b'%' | b'm' => continue,
            b'e' | b'f' | b'g' | b'a' | b'E' | b'F' | b'G' | b'A' if wide => Take::LongDouble,
            b'e' | b'f' | b'g' | b'a' | b'E' | b'F' | b'G' | b'A' => Take::Double,
            b's' => wanted(if long { 4 } else { 1 }),
            b'S' => wanted(4),
            b'n' => Take::Written {
                bytes,
                number: NO_NUMBER,
            },
            _ => Take::Word,
        };
        let position = own.unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        takes.set(position, take);
    }
}

impl Call {
    /// Puts addresses in place of the handles among the arguments of a format.
    fn print(&mut self, takes: &Takes, slots: *mut u64, room: usize) -> Result<(), Refusal> {
        let places = || takes.places().filter(move |(_, place)| *place < room);
        // SAFETY: eightbytes of the wrapper's or of the rebuilt list, with foreign rights.
        let value = |place: usize| unsafe { slots.add(place).read() };
        for (take, place) in places() {
            let pointer = value(place);
            if !is_handle(pointer) {
                continue;
            }
            let raw = match take {
                Take::Text { unit, limit, star } => {
                    let mut most = if limit == NO_LIMIT {
                        u64::MAX
                    } else {
                        limit.into()
                    };
                    if star != NO_STAR {
                        let given = places()
                            .nth(star.into())
                            .map_or(-1, |(_, at)| value(at) as i32);
                        most = u64::try_from(given).unwrap_or(u64::MAX);
                    }
                    // A wide string's precision counts bytes of output: each character has one at least.
                    let unit = u64::from(unit);
                    let bytes = sought(pointer, unit, 0, most.saturating_mul(unit))?;
                    self.lend(pointer, bytes, false, u32::MAX, COPY_BACK)?
                }
                Take::Written { bytes, .. } => {
                    self.lend(pointer, bytes.into(), true, u32::MAX, COPY_BACK)?
                }
                _ => continue,
            };
            // SAFETY: as above.
            unsafe { slots.add(place).write(raw) };
        }
        Ok(())
    }

    pub(super) fn slots(&self) -> *mut u64 {
        // Behind the fixed words, aligned to 16 as on the stack.
        self.words
            .wrapping_add(usize::from(self.shape.fixed).next_multiple_of(2))
    }

    /// The call has the arguments itself.
    pub(super) fn print_slots(&mut self, format: u8) -> Result<(), Refusal> {
        let room = usize::from(self.shape.slots);
        let takes = read(self.word(format.into()));
        self.print(&takes, self.slots(), room)
    }

    /// The call has them in a va_list.
    pub(super) fn print_list(&mut self, argument: u8, format: u8) -> Result<(), Refusal> {
        let takes = read(self.word(format.into()));
        let slots = self.rebuild(argument, &takes);
        self.print(&takes, slots, takes.slots())
    }

    /// Bytes that the output takes. pre: the arguments have been lent.
    pub(super) fn printed(&self, usage: &Use) -> u64 {
        let format = at::<c_char>(self.word(usage.first.into())).cast_const();
        let list =
            (0..self.shape.fixed).find(|&argument| self.usage(argument).0 == super::GALEED_LIST);
        let mut ours = match list {
            // SAFETY: the list that `print_list` rebuilt.
            Some(argument) => unsafe { at::<List>(self.word(argument.into())).read() },
            None => List::of(self.slots().expose_provenance() as u64),
        };
        // SAFETY: what libc is about to do anyway, with the same rights, into nothing.
        let length = unsafe { vsnprintf(core::ptr::null_mut(), 0, format, &raw mut ours) };
        let bytes = u64::try_from(length).map_or(0, |length| length + 1);
        bytes.min(self.number(usage.second, u64::MAX))
    }
}
