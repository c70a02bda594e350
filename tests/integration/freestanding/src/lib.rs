//! A ledger of sums: objects on Rust's heap, handed to C as pseudo-pointers.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "own-runtime")]
mod own_runtime;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ffi::{c_long, c_void};
use galeed::library::{buffer, call_out, enter, hand_out, object};
use galeed::{Access, Kind};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

#[cfg(not(feature = "open-main"))]
galeed::library!();

#[cfg(not(any(feature = "own-runtime", feature = "no-runtime")))]
galeed::runtime!(galeed::Libc);

#[cfg(not(any(feature = "own-runtime", feature = "std")))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    galeed::library::panicked(info)
}

#[cfg(not(feature = "std"))]
/// core was compiled for unwinding, and refers to this; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// What C knows as `struct ledger`.
pub struct Ledger {
    secret: u64,
    sums: BTreeMap<u32, c_long>,
    log: Vec<c_long>,
    room: [u8; 8192], // more than a page: such an allocation has pages of its own
}

fn code(kind: Kind) -> c_long {
    -(kind as c_long)
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_new(secret: u64) -> *mut Ledger {
    enter(|| {
        let ledger = Box::into_raw(Box::new(Ledger {
            secret,
            sums: BTreeMap::new(),
            log: Vec::new(),
            room: [0; 8192],
        }));
        hand_out(ledger).unwrap_or(core::ptr::null_mut())
    })
}

/// The sum of the account, or minus the kind of violation that the handle would be.
#[unsafe(no_mangle)]
pub extern "C" fn ledger_add(ledger: *mut Ledger, account: u32, amount: c_long) -> c_long {
    enter(|| {
        let mut ledger = match object(ledger) {
            Ok(ledger) => ledger,
            Err(kind) => return code(kind),
        };
        // SAFETY: the only type that is handed out; C calls from one thread.
        let ledger = unsafe { ledger.as_mut() };
        ledger.log.push(amount);
        ledger.room[account as usize % 8192] = 1;
        let sum = ledger.sums.entry(account).or_default();
        *sum = sum.checked_add(amount).expect("the sum has room");
        *sum
    })
}

/// Copies the log into C's memory; how many entries there were.
#[unsafe(no_mangle)]
pub extern "C" fn ledger_log(ledger: *mut Ledger, to: *mut c_long, room: usize) -> c_long {
    enter(|| {
        let ledger = match object(ledger) {
            Ok(ledger) => ledger,
            Err(kind) => return code(kind),
        };
        // SAFETY: as above.
        let log = unsafe { &ledger.as_ref().log };
        let count = log.len().min(room);
        let to = match buffer(to, count, Access::Write) {
            Ok(to) => to,
            Err(kind) => return code(kind),
        };
        // SAFETY: C's memory of that size, by its promise; none of Rust's.
        unsafe { core::ptr::copy_nonoverlapping(log.as_ptr(), to.as_ptr(), count) };
        log.len() as c_long
    })
}

/// Where Rust has it: what a library must never tell. Stands for an address that leaked.
#[unsafe(no_mangle)]
pub extern "C" fn ledger_leak(ledger: *mut Ledger) -> usize {
    enter(|| {
        object(ledger).map_or(0, |at| {
            // SAFETY: as above.
            unsafe { &raw const at.as_ref().secret }.addr()
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_secret(ledger: *mut Ledger) -> u64 {
    // SAFETY: as above.
    enter(|| object(ledger).map_or(0, |at| unsafe { at.as_ref().secret }))
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_free(ledger: *mut Ledger) -> c_long {
    enter(|| match object(ledger) {
        Ok(at) => {
            // SAFETY: from Box::into_raw; its pseudo-pointer dies with it.
            drop(unsafe { Box::from_raw(at.as_ptr()) });
            0
        }
        Err(kind) => code(kind),
    })
}

/// Calls C back with each account. How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn ledger_each(
    ledger: *mut Ledger,
    each: extern "C" fn(*mut c_void, u32, c_long),
    context: *mut c_void,
) -> c_long {
    enter(|| {
        let sums: Vec<(u32, c_long)> = match object(ledger) {
            // SAFETY: as above; the reference ends here, since C may come back in.
            Ok(at) => unsafe { at.as_ref() }
                .sums
                .iter()
                .map(|(&account, &sum)| (account, sum))
                .collect(),
            Err(kind) => return code(kind),
        };
        for &(account, sum) in &sums {
            // SAFETY: calls C's function, and nothing else.
            unsafe { call_out(c"each", || each(context, account, sum)) };
        }
        sums.len() as c_long
    })
}

/// One exported function may call another.
#[unsafe(no_mangle)]
pub extern "C" fn ledger_twice(ledger: *mut Ledger, account: u32) -> c_long {
    enter(|| {
        ledger_add(ledger, account, 1);
        ledger_add(ledger, account, 1)
    })
}
