//! Copies of exclusive calls against a model: gates that nest, exclusive and not, callbacks that
//! free, grow, shrink and lend in parts what foreign code has, and foreign code that reads and
//! writes it in every way.
mod common;

use common::accessors::*;
use common::{FUNCTION, below, call_back, number, outward};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;

const OBJECTS: usize = 6;
const LONGEST: usize = 700;
const DEEPEST: usize = 4;

/// xorshift64*: the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

#[derive(Clone, Copy)]
struct Object {
    memory: *mut u8,
    bytes: usize,
    handle: u64,
    /// Of a part: (from, bytes, handle); a handle of 0: no part is lent.
    part: (usize, usize, u64),
    model: [u8; LONGEST],
}

/// Lies on the stack: foreign code cannot reach the heap.
struct World {
    random: Random,
    objects: [Object; OBJECTS],
    code: u64,
    depth: usize,
    wrong: Option<(&'static str, u64)>,
    copies: usize,
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

fn fresh(random: &mut Random) -> Object {
    let bytes = 8 * (1 + random.below(LONGEST / 8 - 1));
    // SAFETY: a size that is not 0.
    let memory = unsafe { alloc(layout(bytes)) };
    let mut model = [0; LONGEST];
    model[..bytes].fill_with(|| random.below(256) as u8);
    // SAFETY: as many bytes.
    unsafe { memory.copy_from(model.as_ptr(), bytes) };
    Object {
        memory,
        bytes,
        handle: outward(memory),
        part: (0, 0, 0),
        model,
    }
}

impl World {
    fn expect(&mut self, what: &'static str, seen: u64, expected: u64) {
        if seen != expected && self.wrong.is_none() {
            self.wrong = Some((what, seen ^ expected));
        }
    }

    fn place(&mut self, bytes: usize) -> (usize, usize, u64) {
        let number = self.random.below(OBJECTS);
        let object = &self.objects[number];
        let (from, length, part) = object.part;
        if part != 0 && length >= bytes && self.random.below(2) == 0 {
            let at = self.random.below((length - bytes) / 8 + 1) * 8;
            return (number, from + at, part + at as u64);
        }
        let at = self.random.below((object.bytes - bytes) / 8 + 1) * 8;
        (number, at, object.handle + at as u64)
    }

    fn word(&self, number: usize, at: usize) -> u64 {
        let bytes = &self.objects[number].model[at..at + 8];
        u64::from_le_bytes(bytes.try_into().unwrap_or([0; 8]))
    }

    fn set(&mut self, number: usize, at: usize, value: u64) {
        self.objects[number].model[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// With foreign rights.
    fn foreign(&mut self) {
        for _ in 0..12 {
            let (number, at, handle) = self.place(8);
            let before = self.word(number, at);
            match self.random.below(9) {
                0 | 1 => self.expect("load", galeed_load8(handle), before),
                2 | 3 => {
                    let value = self.random.0;
                    galeed_store8(handle, value);
                    self.set(number, at, value);
                }
                4 => {
                    self.expect("atomic", galeed_atomic_rmw(handle, 8, 1, 3), before);
                    self.set(number, at, before.wrapping_add(3));
                }
                5 => {
                    galeed_memset(handle, 7, 8);
                    self.set(number, at, 0x0707_0707_0707_0707);
                }
                6 => {
                    let (from, from_at, source) = self.place(8);
                    galeed_memmove(handle, source, 8);
                    self.set(number, at, self.word(from, from_at));
                }
                7 => {
                    let mut raw = 0u64;
                    galeed_load_bytes((&raw mut raw).cast(), handle, 8);
                    self.expect("bytes", raw, before);
                }
                _ if self.depth < DEEPEST => {
                    let world = (&raw mut *self).expose_provenance() as u64;
                    call_back(self.code, world);
                }
                _ => {}
            }
        }
        self.copies += usize::from(self.objects.iter().any(|object| is_direct(object.handle)));
    }

    /// With the host's rights.
    fn host(&mut self) {
        self.depth += 1;
        self.compare();
        let number = self.random.below(OBJECTS);
        let object = &mut self.objects[number];
        match self.random.below(8) {
            0 => {
                self.end_part(number);
                let object = self.objects[number];
                // SAFETY: made by `fresh`, of this length.
                unsafe { dealloc(object.memory, layout(object.bytes)) };
                self.objects[number] = fresh(&mut self.random);
            }
            1 => {
                self.end_part(number);
                let object = &mut self.objects[number];
                let bytes = 8 * (1 + self.random.below(LONGEST / 8 - 1));
                // SAFETY: as above.
                object.memory = unsafe { realloc(object.memory, layout(object.bytes), bytes) };
                let kept = bytes.min(object.bytes);
                object.bytes = bytes;
                // SAFETY: as many bytes.
                unsafe { object.memory.add(kept).write_bytes(5, bytes - kept) };
                object.model[kept..bytes].fill(5);
                object.handle = outward(object.memory);
            }
            2 if object.part.2 == 0 => {
                let from = self.random.below(object.bytes / 8) * 8;
                let bytes = object.bytes - from;
                // SAFETY: inside the object, which nothing else uses meanwhile.
                let part =
                    unsafe { std::slice::from_raw_parts_mut(object.memory.add(from), bytes) };
                let lent = galeed::lend_mut(part).unwrap();
                object.part = (from, bytes, lent.handle());
                std::mem::forget(lent);
            }
            2 | 3 => self.end_part(number),
            4 => {
                let at = self.random.below(object.bytes);
                // SAFETY: inside the object.
                unsafe { object.memory.add(at).write(9) };
                object.model[at] = 9;
            }
            kind => self.gate(kind > 5),
        }
        self.compare();
        self.depth -= 1;
    }

    fn end_part(&mut self, number: usize) {
        let (.., part) = std::mem::take(&mut self.objects[number].part);
        if part != 0 {
            galeed::host::galeed_revoke(part);
        }
    }

    fn compare(&mut self) {
        for object in self.objects {
            // SAFETY: as many bytes.
            let seen = unsafe { std::slice::from_raw_parts(object.memory, object.bytes) };
            let same = seen == &object.model[..object.bytes];
            self.expect("host", u64::from(same), 1);
        }
    }

    fn gate(&mut self, exclusive: bool) {
        let mut frame = 0u8;
        let token = (&raw mut frame).cast::<c_void>();
        // SAFETY: the token is in this frame, the name static; paired below.
        unsafe {
            if exclusive {
                galeed_gate_exclusive(token);
            }
            galeed_gate_enter(token, FUNCTION.as_ptr());
        }
        below(|| self.foreign());
        // SAFETY: pairs with the enter above.
        unsafe { galeed_gate_exit(token) };
        self.compare();
    }
}

fn is_direct(handle: u64) -> bool {
    let entry = galeed::layout::GALEED_TABLE
        + (handle >> galeed::layout::GALEED_INDEX_SHIFT) * galeed::layout::GALEED_ENTRY_BYTES;
    // SAFETY: an entry of the table, which lives for ever and is readable.
    let entry = unsafe { &*std::ptr::with_exposed_provenance::<galeed::Entry>(entry as usize) };
    handle.wrapping_sub(entry.base) < entry.write_limit
}

extern "C" fn called_back(world: *mut c_void) {
    // SAFETY: the test passes its own world, whose foreign code waits for this.
    unsafe { &mut *world.cast::<World>() }.host();
}

#[test]
fn what_foreign_code_and_callbacks_do_is_seen_by_both() {
    for seed in 1..=40u64 {
        let mut random = Random(seed * 0x9e37_79b9);
        let objects = std::array::from_fn(|_| fresh(&mut random));
        let mut world = World {
            random,
            objects,
            code: galeed_gate_argument(number(called_back as *const c_void)),
            depth: 0,
            wrong: None,
            copies: 0,
        };
        for turn in 0..40 {
            let exclusive = world.random.below(4) != 0;
            world.gate(exclusive);
            assert_eq!(world.wrong, None, "seed {seed}, turn {turn}");
        }
        // SAFETY: the runtime has started.
        let rights = unsafe { galeed_mpk::ffi::mpk_foreign_rights() };
        let has_copies = rights & galeed_mpk::ffi::MPK_READ == 0;
        assert_eq!(world.copies > 10, has_copies, "{}", world.copies);
        for number in 0..OBJECTS {
            world.end_part(number);
            let object = world.objects[number];
            // SAFETY: as in `host`.
            unsafe { dealloc(object.memory, layout(object.bytes)) };
        }
    }
}
