//! The host's code, and handles for it.
//!
//! A function of the program whose address crosses to foreign code becomes a
//! *code handle*: C can keep it, compare it and call it (through a callback
//! gate), but cannot jump to it with foreign rights, nor make one up for an
//! address that Rust never passed. A function has one handle, for ever, if it was not lent for a while.
//!
//! Host code is the program's executable segment less section `galeed_text`,
//! where the pass puts what it rewrote. C that was linked into the program but
//! not rewritten counts as host code; shared libraries are foreign.

use crate::error::Error;
use crate::layout::USER_ADDRESS_BITS;
use crate::published::{published, touches_ours};
use crate::start::registry;
use crate::table::{CODE, CODE_FOR_A_WHILE, Registry, side};
use core::arch::{global_asm, naked_asm};
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

const SLOTS: usize = 1 << 15;
const MOST_CODES: u32 = SLOTS as u32 / 4 * 3;

/// Open addressing from an address to the index of its lease, plus 1.
#[repr(C)]
pub(crate) struct Codes {
    used: AtomicU32,
    slots: [AtomicU32; SLOTS],
}

/// Fibonacci hashing: neighbouring functions spread.
fn slot_of(address: u64) -> usize {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2())) as usize
}

impl Codes {
    /// The slot that holds the address, or the empty one where it would go.
    fn find(&self, address: u64) -> (&AtomicU32, u32) {
        let mut at = slot_of(address);
        loop {
            let slot = &self.slots[at];
            let held = slot.load(Ordering::Acquire);
            if held == 0 || side(held - 1).read().address == address {
                return (slot, held);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// The handle of a function of the host. pre: started, rights open,
/// published().is_host_code(address).
pub(crate) fn lend(address: u64) -> Result<u64, Error> {
    let registry: &Registry = registry();
    let (_, held) = registry.codes.find(address);
    if held != 0 {
        return Ok(side(held - 1).base());
    }
    let guard = registry.lock();
    let (slot, held) = registry.codes.find(address);
    if held != 0 {
        return Ok(side(held - 1).base());
    }
    if registry.codes.used.load(Ordering::Relaxed) == MOST_CODES {
        return Err(Error::FULL);
    }
    let (index, handle) = registry.begin(&guard, (address, 0), CODE, (0, 0))?;
    registry.codes.used.fetch_add(1, Ordering::Relaxed);
    slot.store(index + 1, Ordering::Release);
    Ok(handle)
}

/// A handle of its own for a function, wherever it lies, until revoke. For functions that are made
/// and thrown away (libffi's closures): their addresses are used again. pre: started, rights open.
pub(crate) fn lend_for_a_while(address: u64) -> Result<u64, Error> {
    let within = address.checked_add(1).ok_or(Error::INVALID)?;
    if address == 0 || within > 1 << USER_ADDRESS_BITS || touches_ours(address, within) {
        return Err(Error::INVALID);
    }
    let registry = registry();
    let guard = registry.lock();
    let lent = registry.begin(&guard, (address, 0), CODE_FOR_A_WHILE, (0, 0));
    lent.map(|(_, handle)| handle)
}

/// Publishes where the host's code lies.
pub(crate) fn publish() {
    let (base, end) = executable_segment();
    let (from, to) = (rewritten_begin(), rewritten_end());
    published().set_host_code((base, end - base), (from, to.saturating_sub(from)));
}

// The linker defines these when the program holds rewritten code; weak, so that
// a program without any links too.
global_asm!(".weak __start_galeed_text", ".weak __stop_galeed_text");

#[unsafe(naked)]
extern "C" fn rewritten_begin() -> u64 {
    naked_asm!(
        "mov rax, qword ptr [rip + __start_galeed_text@GOTPCREL]",
        "ret"
    )
}

#[unsafe(naked)]
extern "C" fn rewritten_end() -> u64 {
    naked_asm!(
        "mov rax, qword ptr [rip + __stop_galeed_text@GOTPCREL]",
        "ret"
    )
}

#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical: u64,
    file_bytes: u64,
    memory_bytes: u64,
    align: u64,
}

#[repr(C)]
struct LoadedObject {
    bias: u64,
    name: *const c_char,
    headers: *const ProgramHeader,
    count: u16,
}

unsafe extern "C" {
    fn dl_iterate_phdr(
        visit: unsafe extern "C" fn(*const LoadedObject, usize, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

/// [first, end) of the program's executable segments: the loader names the
/// program first, and 1 ends the walk.
fn executable_segment() -> (u64, u64) {
    unsafe extern "C" fn visit(object: *const LoadedObject, _: usize, data: *mut c_void) -> c_int {
        const LOAD: u32 = 1;
        const EXECUTABLE: u32 = 1;
        // SAFETY: the loader passes a valid object whose headers live as long.
        let (object, headers) = unsafe {
            let object = &*object;
            (
                object,
                core::slice::from_raw_parts(object.headers, object.count.into()),
            )
        };
        // SAFETY: `data` is the pair that the caller below passed.
        let range = unsafe { &mut *data.cast::<(u64, u64)>() };
        for header in headers
            .iter()
            .filter(|h| h.kind == LOAD && h.flags & EXECUTABLE != 0)
        {
            let first = object.bias.wrapping_add(header.address);
            range.0 = range.0.min(first);
            range.1 = range.1.max(first + header.memory_bytes);
        }
        1
    }
    let mut range = (u64::MAX, 0u64);
    // SAFETY: `visit` keeps the callback's contract, `range` outlives the call.
    unsafe { dl_iterate_phdr(visit, (&raw mut range).cast()) };
    if range.0 < range.1 { range } else { (0, 0) }
}
