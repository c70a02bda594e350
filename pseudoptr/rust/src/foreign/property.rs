//! Typed writes against a model: a copy of the bytes, and the language's own opinion of them.

use super::lease::{Source, claim};
use crate::Foreign;
use core::mem::{MaybeUninit, offset_of};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::num::NonZero;

#[derive(Foreign, Clone, Copy)]
#[repr(u16)]
#[allow(dead_code)] // only its values count
enum Mode {
    Zero = 0,
    One = 0x101,
    Two = 0x1ff,
}

#[derive(Foreign, Clone, Copy)]
#[repr(C)]
struct Part {
    flag: bool,
    mode: Mode,
    #[foreign(range = -3..=0x200)]
    near: i16,
}

#[derive(Foreign, Clone, Copy)]
#[repr(C)]
struct Whole {
    parts: [Part; 2],
    letter: char,
    count: NonZero<u32>,
    #[foreign(read_only)]
    version: u16,
    free: [u8; 3],
    #[foreign(hidden)]
    secret: u8,
    #[foreign(range = ..=0xff_ffff_ffff)]
    long: u64,
}
const BYTES: usize = size_of::<Whole>();
const COUNT: usize = 3;

fn whole() -> Whole {
    Whole {
        parts: [const {
            Part {
                flag: false,
                mode: Mode::Zero,
                near: 0,
            }
        }; 2],
        letter: 'a',
        count: NonZero::<u32>::MIN,
        version: 1,
        free: [0; 3],
        secret: 9,
        long: 0,
    }
}

/// Written down anew, not by the descriptor.
fn is_valid(bytes: &[u8]) -> bool {
    let word = |at: usize, length: usize| {
        let mut word = [0; 8];
        word[..length].copy_from_slice(&bytes[at..at + length]);
        u64::from_le_bytes(word)
    };
    let part = |at: usize| {
        let near = word(at + offset_of!(Part, near), 2) as i16;
        bytes[at + offset_of!(Part, flag)] <= 1
            && matches!(word(at + offset_of!(Part, mode), 2), 0 | 0x101 | 0x1ff)
            && (-3..=0x200).contains(&near)
    };
    part(0)
        && part(size_of::<Part>())
        && char::from_u32(word(offset_of!(Whole, letter), 4) as u32).is_some()
        && word(offset_of!(Whole, count), 4) != 0
        && word(offset_of!(Whole, long), 8) <= 0xff_ffff_ffff
}

/// Is the byte one that foreign code can write, one that it cannot, or padding?
fn writable(at: usize) -> Option<bool> {
    let within = |from: usize, length: usize| (from..from + length).contains(&at);
    let part = size_of::<Part>();
    if within(offset_of!(Whole, version), 2) || within(offset_of!(Whole, secret), 1) {
        return Some(false);
    }
    let in_part = |at: usize| at == 0 || at >= offset_of!(Part, mode);
    let end = offset_of!(Whole, secret) + 1;
    let is_padding =
        at < 2 * part && !in_part(at % part) || at >= end && at < offset_of!(Whole, long);
    (!is_padding).then_some(true)
}

/// xorshift64*: the same in each run.
struct Random(u64);
impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// Bytes of which many make values.
    fn byte(&mut self) -> u8 {
        [0, 0, 0, 1, 1, 2, 0x41, 0xff, 0xfd, 0xd8, 0x10][self.below(11)]
    }
}

fn bytes_of(values: &[Whole; COUNT]) -> [MaybeUninit<u8>; BYTES * COUNT] {
    // SAFETY: the same size, and padding may be anything.
    unsafe { core::mem::transmute_copy(values) }
}

fn same(seen: &[MaybeUninit<u8>], model: &[u8]) -> bool {
    seen.iter()
        .zip(model)
        .enumerate()
        .all(|(at, (seen, model))| {
            // SAFETY: what is no padding is initialised.
            writable(at % BYTES).is_none() || unsafe { seen.assume_init() } == *model
        })
}

#[test]
fn a_write_is_made_exactly_when_all_values_stay_values() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut values = [whole(); COUNT];
    let mut model = [0u8; BYTES * COUNT];
    for (at, byte) in bytes_of(&values).iter().enumerate() {
        if writable(at % BYTES).is_some() {
            // SAFETY: no padding.
            model[at] = unsafe { byte.assume_init() };
        }
    }
    let (mut made, mut refused) = (0, 0);
    for round in 0..30_000 {
        let length = if random.below(8) == 0 {
            1 + random.below(2 * BYTES)
        } else {
            1 << random.below(4)
        };
        let at = random.below(BYTES * COUNT + 1 - length);
        let fill = random.below(4) == 0;
        let mut given = vec![random.byte(); length];
        if !fill {
            given.fill_with(|| random.byte());
        }
        let mut after = model;
        after[at..at + length].copy_from_slice(&given);
        let allowed = (at..at + length).all(|at| writable(at % BYTES) != Some(false))
            && after.chunks(BYTES).all(is_valid);
        let lent = crate::lend_typed_mut(&mut values[..]).unwrap();
        let typed = claim(lent.handle() + at as u64).unwrap();
        let source = if fill {
            Source::Fill(given[0])
        } else {
            Source::of(&given)
        };
        let outcome = typed.write(source, length as u64);
        drop(lent);
        assert_eq!(
            outcome.is_ok(),
            allowed,
            "{round}: {at} {given:x?} {outcome:?}"
        );
        if allowed {
            model = after;
            made += 1;
        } else {
            refused += 1;
        }
        assert!(same(&bytes_of(&values), &model), "{round}: {at} {given:x?}");
    }
    assert!(
        made > 2000 && refused > 2000,
        "{made} made, {refused} refused"
    );
}

const ROUNDS: usize = 100_000;

#[derive(Foreign, Clone, Copy)]
#[repr(transparent)]
struct Narrow(#[foreign(range = 0..=0x100)] u16);

/// From 0 either half may be written, but not both: together they would be 0x1ff.
#[test]
fn threads_that_write_halves_leave_values() {
    let mut narrow = Box::new(Narrow(0));
    let lent = crate::lend_typed_mut(&mut *narrow).unwrap();
    let handle = lent.handle();
    let running = AtomicUsize::new(2);
    let bad = std::thread::scope(|scope| {
        for (at, byte) in [(0, 0xff), (1, 1)] {
            let running = &running;
            scope.spawn(move || {
                let typed = claim(handle + at).unwrap();
                for round in 0..ROUNDS {
                    let _ = typed.write(Source::Fill(if round % 2 == 0 { byte } else { 0 }), 1);
                }
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let address = claim(handle).unwrap().address();
        let mut bad = 0;
        while running.load(Ordering::Relaxed) > 0 {
            bad += usize::from(super::lease::word(address, 2) > 0x100);
        }
        bad
    });
    drop(lent);
    assert_eq!(bad, 0);
}

#[derive(Foreign, Clone, Copy)]
#[repr(transparent)]
struct Roomy(#[foreign(range = ..=0xffff_fffe)] u32);

/// Who writes a part of a value leaves the rest to others.
#[test]
fn threads_that_write_parts_lose_none() {
    let mut roomy = Box::new(Roomy(0));
    let lent = crate::lend_typed_mut(&mut *roomy).unwrap();
    let handle = lent.handle();
    std::thread::scope(|scope| {
        for at in [0, 2] {
            scope.spawn(move || {
                let typed = claim(handle + at).unwrap();
                for round in 0..ROUNDS {
                    let byte = round as u8 & 0x7f;
                    typed.write(Source::Fill(byte), 1).unwrap();
                    assert_eq!(super::lease::word(typed.address(), 1), u64::from(byte));
                }
            });
        }
    });
    drop(lent);
}
