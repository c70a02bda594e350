//! strtok: libc's keeps an address between calls, so it is written here over the accessors.
//!
//! One place for the whole process, as libc has it [C11 7.24.5.8]; it is C's to spoil.

use crate::access::{load1, store1};
use core::sync::atomic::{AtomicU64, Ordering};

/// Is the byte at `pointer` one of the string's? The NUL is none.
fn is_one_of(pointer: u64, string: u64, pc: u64) -> bool {
    let byte = load1(pointer, pc);
    byte != 0
        && (string..)
            .map(|at| load1(at, pc))
            .take_while(|&one| one != 0)
            .any(|one| one == byte)
}

pub(crate) extern "C" fn strtok(string: u64, delimiters: u64, pc: u64) -> u64 {
    static PLACE: AtomicU64 = AtomicU64::new(0);
    let mut start = if string == 0 {
        PLACE.load(Ordering::Relaxed)
    } else {
        string
    };
    while start != 0 && is_one_of(start, delimiters, pc) {
        start += 1;
    }
    if start == 0 || load1(start, pc) == 0 {
        PLACE.store(0, Ordering::Relaxed);
        return 0;
    }
    let mut end = start;
    while load1(end, pc) != 0 && !is_one_of(end, delimiters, pc) {
        end += 1;
    }
    let more = load1(end, pc) != 0;
    if more {
        store1(end, 0, pc);
    }
    PLACE.store(if more { end + 1 } else { 0 }, Ordering::Relaxed);
    start
}
