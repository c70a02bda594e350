//! Calls of code that was not rewritten: libc and its kin, on lent memory.
//!
//! The pass puts a wrapper before each such call. When an argument carries the tag,
//! `begin` decides by the function's shape (which bytes it will read or write) whether
//! the whole call is allowed, *before* it is made, and puts addresses that foreign
//! rights reach in place of handles: the memory itself for a mapped lease, a copy in
//! C's heap for a private one. `end` brings copies home, and turns a result that
//! points into an argument's memory back into a handle.
//!
//! Invariant: nothing here extends what foreign code may do. The shape, the words and
//! the loans are foreign memory, read and written with foreign rights; lent memory is
//! only touched through the accessors, which check each time. A forged loan therefore
//! gains nothing. The call itself runs with foreign rights.
//!
//! A refused call is not made; when the policy is only to report, its result is zero.

mod cells;
mod extent;
mod list;
mod print;
mod scan;
mod shape;
pub(crate) mod tokens;

pub(crate) use shape::ANY_ARGUMENT;
pub use shape::{Extent, GALEED_NO_ARGUMENT, Shape, Use};

use crate::access::with_rights;
use crate::bytes;
use crate::fatal::fatal;
use crate::foreign::lease::permits;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind};
use crate::table::direct;
use crate::violation::refuse_call;
use Extent::*;
use core::ffi::{c_char, c_int, c_void};

/// One argument's memory for the time of a call, in C's heap. What lies behind it is
/// aligned as malloc aligns.
#[repr(C, align(16))]
struct Loan {
    next: *mut Loan,
    given: u64,
    raw: u64,
    bytes: u64,
    argument: u32,
    /// What `end` does with the copy.
    back: u32,
}
const NO_COPY: u32 = 0; // or one that is only read
const COPY_BACK: u32 = 1;
/// Only what scanf says it assigned: the number of the assignment is above.
const ASSIGNED: u32 = 2;
/// The same for a string: up to its NUL.
const ASSIGNED_STRING: u32 = 3;

unsafe extern "C" {
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    fn __errno_location() -> *mut c_int;
}

/// Why a call is not made.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    pointer: u64,
    bytes: u64,
    access: Access,
    kind: Kind,
}

/// A call that is being prepared or finished.
struct Call {
    shape: Shape,
    uses: *const Use,
    words: *mut u64,
    head: *mut *mut Loan,
    pc: u64, // of the call, for reports
}

impl Call {
    /// # Safety
    /// What rewritten code passes; read with its rights.
    unsafe fn new(shape: *const Shape, words: *mut u64, head: *mut *mut Loan, pc: u64) -> Call {
        Call {
            // SAFETY: the caller's promise.
            shape: unsafe { shape.read() },
            uses: shape.wrapping_add(1).cast(),
            words,
            head,
            pc,
        }
    }

    fn usage(&self, argument: u8) -> (Extent, Use) {
        // SAFETY: foreign memory of the wrapper, with foreign rights.
        let usage = unsafe { self.uses.add(argument.into()).read() };
        let extent = shape::EXTENTS.get(usize::from(usage.extent)).copied();
        (extent.unwrap_or(GALEED_OPAQUE), usage)
    }

    fn word(&self, argument: usize) -> u64 {
        // SAFETY: as above.
        unsafe { self.words.add(argument).read() }
    }

    fn set_word(&self, argument: usize, value: u64) {
        // SAFETY: as above.
        unsafe { self.words.add(argument).write(value) };
    }

    /// The number that an argument is; `otherwise` without one.
    fn number(&self, argument: u8, otherwise: u64) -> u64 {
        if argument == GALEED_NO_ARGUMENT {
            otherwise
        } else {
            self.word(argument.into())
        }
    }

    /// A new loan in front of the others, with room behind it for a copy.
    fn loan(&mut self, given: u64, bytes: u64, room: u64, argument: u32) -> *mut Loan {
        // SAFETY: plain malloc, with foreign rights.
        let loan = unsafe { malloc(size_of::<Loan>() + room as usize) }.cast::<Loan>();
        if loan.is_null() {
            fatal(format_args!("no memory for a copy of {bytes} lent bytes"));
        }
        // SAFETY: fresh memory of that size; the head is in the wrapper's frame.
        unsafe {
            loan.write(Loan {
                next: self.head.read(),
                given,
                raw: loan.wrapping_add(1).expose_provenance() as u64,
                bytes,
                argument,
                back: NO_COPY,
            });
            self.head.write(loan);
        }
        loan
    }

    /// Checks `bytes` behind a handle and gives an address that foreign rights reach.
    fn lend(
        &mut self,
        given: u64,
        bytes: u64,
        writes: bool,
        argument: u32,
        back: u32,
    ) -> Result<u64, Refusal> {
        let access = if writes { Access::Write } else { Access::Read };
        if bytes > 0 {
            with_rights(|| permits(given, bytes, access)).map_err(|kind| Refusal {
                pointer: given,
                bytes,
                access,
                kind,
            })?;
        }
        if let Some(address) = direct(given, bytes, writes) {
            let loan = self.loan(given, bytes, 0, argument);
            // SAFETY: the loan just made.
            unsafe { (*loan).raw = address };
            return Ok(address);
        }
        let loan = self.loan(given, bytes, bytes.max(1), argument);
        // SAFETY: the loan just made.
        let raw = unsafe {
            (*loan).back = if writes { back } else { NO_COPY };
            (*loan).raw
        };
        bytes::memmove(raw, given, bytes, 0);
        Ok(raw)
    }

    /// The handle for an address in an argument's memory, or its end.
    fn given(&self, argument: u32, address: u64) -> Option<u64> {
        // SAFETY: loans are foreign memory, read with foreign rights.
        let mut loan = unsafe { self.head.read() };
        while !loan.is_null() {
            // SAFETY: as above.
            let Loan {
                next,
                given,
                raw,
                bytes,
                argument: owner,
                ..
            } = unsafe { loan.read() };
            if owner == argument && address.wrapping_sub(raw) <= bytes {
                return Some(given.wrapping_add(address.wrapping_sub(raw)));
            }
            loan = next;
        }
        None
    }

    /// Frees the loans; `each` sees them first.
    fn release(&mut self, mut each: impl FnMut(&Loan)) {
        // SAFETY: loans are foreign memory; what `begin` made, malloc made.
        unsafe {
            let mut loan = self.head.read();
            self.head.write(core::ptr::null_mut());
            while !loan.is_null() {
                let held = loan.read();
                each(&held);
                free(loan.cast());
                loan = held.next;
            }
        }
    }

    fn prepare(&mut self) -> Result<(), Refusal> {
        let fixed = self.shape.fixed;
        // Lengths first: they are asked of the pointers that were given.
        for argument in 0..fixed {
            let (extent, usage) = self.usage(argument);
            let pointer = self.word(argument.into());
            if !is_handle(pointer) || matches!(extent, GALEED_OPAQUE | GALEED_PRINTED) {
                continue;
            }
            if extent == GALEED_REST && extent::is_code(pointer) {
                continue;
            }
            let bytes = self.extent(extent, &usage, pointer)?;
            let writes = match extent {
                GALEED_REST => extent::writable(pointer),
                GALEED_VECTOR => false,
                _ => usage.writes != 0 || extent == GALEED_CURSOR,
            };
            self.lend(pointer, bytes, writes, argument.into(), COPY_BACK)?;
        }
        self.settle();
        for argument in 0..fixed {
            let (extent, usage) = self.usage(argument);
            match extent {
                GALEED_FORMAT => self.print_slots(argument)?,
                GALEED_LIST => self.print_list(argument, usage.first)?,
                GALEED_SCAN => self.scan_slots(argument, usage.first)?,
                GALEED_SCAN_LIST => self.scan_list(argument, usage.first, usage.second)?,
                GALEED_CURSOR => self.lend_cursor(argument, &usage)?,
                GALEED_VECTOR => self.lend_vector(argument, &usage)?,
                _ => {}
            }
        }
        for argument in 0..fixed {
            let (extent, usage) = self.usage(argument);
            let pointer = self.word(argument.into());
            if extent == GALEED_PRINTED && is_handle(pointer) {
                let bytes = self.printed(&usage);
                let raw = self.lend(pointer, bytes, true, argument.into(), COPY_BACK)?;
                self.set_word(argument.into(), raw);
            }
        }
        Ok(())
    }

    /// Puts the addresses of the fixed arguments' loans in place.
    fn settle(&mut self) {
        // SAFETY: loans are foreign memory, read with foreign rights.
        let mut loan = unsafe { self.head.read() };
        while !loan.is_null() {
            // SAFETY: as above.
            let held = unsafe { loan.read() };
            if held.argument < u32::from(self.shape.fixed) {
                self.set_word(held.argument as usize, held.raw);
            }
            loan = held.next;
        }
    }
}

/// Puts addresses in place of the handles among the words. 1: the call may be made.
///
/// # Safety
/// What rewritten code passes; read and written with its rights.
pub(crate) unsafe extern "C" fn begin(
    shape: *const c_void,
    words: *mut u64,
    head: *mut *mut c_void,
    pc: u64,
) -> c_int {
    // SAFETY: the caller's promise.
    let mut call = unsafe { Call::new(shape.cast(), words, head.cast(), pc) };
    let Err(refusal) = call.prepare() else {
        return 1;
    };
    // A report may unwind: nothing may be left to free.
    call.return_cells();
    call.release(|_| {});
    report(call.shape.name, &refusal, pc);
    0
}

/// Reports a refused access in the name of the function that would have done it.
fn report(name: *const c_char, refusal: &Refusal, pc: u64) {
    let Refusal {
        pointer,
        bytes,
        access,
        kind,
    } = *refusal;
    // Read with foreign rights, before they open.
    let name = extent::short_name(name);
    with_rights(|| refuse_call(pointer, bytes, access, kind, pc, &name));
}

/// Brings copies home; returns the result, as a handle where it points into lent memory.
///
/// # Safety
/// As for `begin`.
pub(crate) unsafe extern "C" fn end(
    shape: *const c_void,
    words: *mut u64,
    head: *mut *mut c_void,
    result: u64,
    pc: u64,
) -> u64 {
    // SAFETY: errno is the thread's own; copying must not change what the call left.
    let errno = unsafe { __errno_location().read() };
    // SAFETY: the caller's promise.
    let mut call = unsafe { Call::new(shape.cast(), words, head.cast(), pc) };
    call.return_cells();
    let own = match call.shape.result {
        GALEED_NO_ARGUMENT => None,
        ANY_ARGUMENT => {
            (0..call.shape.fixed).find_map(|argument| call.given(argument.into(), result))
        }
        argument => call.given(argument.into(), result),
    }
    .or_else(|| call.given_by_cursor(result));
    call.release(|loan| {
        let copied = match loan.back & 0xff {
            COPY_BACK => loan.bytes,
            ASSIGNED if i64::from(loan.back >> 8) < i64::from(result as i32) => loan.bytes,
            ASSIGNED_STRING if i64::from(loan.back >> 8) < i64::from(result as i32) => {
                extent::raw_string(loan.raw, 1, loan.bytes)
            }
            _ => 0,
        };
        bytes::memmove(loan.given, loan.raw, copied, pc);
    });
    // SAFETY: as above.
    unsafe { __errno_location().write(errno) };
    own.unwrap_or(result)
}
