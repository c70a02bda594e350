//! Which code accessed lent memory the slow way, and how often: `GALEED_PROFILE=FILE`.
//!
//! One JSON object a line, appended when the process exits or when `galeed::write_profile` is
//! called, each line by one write:
//!
//! | key | value |
//! |---|---|
//! | `profile` | 1, the version of these lines |
//! | `module`, `offset` | the file that the code is in, or null; `"0x.."` from its load address, as addr2line counts (or the bare address) |
//! | `function` | the symbol that covers it, where the dynamic linker knows one, or null |
//! | `access` | `load`, `store` or `update` |
//! | `bytes` | of one access (of one element for string instructions) |
//! | `trapped` | true: by a fault of code that was not rewritten |
//! | `widened` | true: a vector that reached beyond what was lent |
//! | `raw` | true: by a raw address of what was lent (`GALEED_ON_TRAP=serve-raw`) |
//! | `count` | how often since the last line of that site |
//! | `pid` | whose: a fork's child counts from zero |
//!
//! A process that is aborted writes nothing. Sites that find no room in the table are
//! counted together, in a line whose `module`, `offset` and `access` are null.
//!
//! Invariant: the table lies in the published range: foreign code reads it and writes nothing.
//! Counting takes no lock.

use crate::access::with_rights;
use crate::lock::Lock;
use crate::sys;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering};

/// In the published range, behind the crate's words.
const TABLE: usize = crate::layout::GALEED_TEXT_BASE as usize + 0x0100_0000;
const SITES: usize = 1 << 16;
const PROBES: usize = 64;
const PC_BITS: u32 = 47;
const READS: u64 = 1 << 47;
const WRITES: u64 = 1 << 48;
const WIDENED: u64 = 1 << 49;
const TRAPPED: u64 = 1 << 50;
const RAW: u64 = 1 << 51;
const BYTES_SHIFT: u32 = 52;
const BYTES_MOST: u32 = 0xfff;
const LINE_BYTES: usize = 4096;
/// A site's number with its comma, and what ends a line.
const MOST_DIGITS: usize = 32;
const _: () = assert!(
    TABLE + SITES * size_of::<Site>() <= sys::MPK_PUBLISHED_BASE + sys::MPK_PUBLISHED_BYTES
);

/// All zero: free. The key is pc, kind and size in one word, so that it is taken in one step.
#[repr(C)]
struct Site {
    key: AtomicU64,
    count: AtomicU64,
}

/// What was done.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub reads: bool,
    pub writes: bool,
    pub widened: bool,
    /// By the fault handler, not by a call of rewritten code.
    pub trapped: bool,
    /// By a raw address.
    pub raw: bool,
}

static WRITING: Lock = Lock::new();

fn sites() -> &'static [Site; SITES] {
    // SAFETY: part of the published range, zeroed and mapped for ever; zero is valid.
    unsafe { &*core::ptr::with_exposed_provenance::<[Site; SITES]>(TABLE) }
}

fn file() -> c_int {
    // SAFETY: the runtime has started.
    unsafe { sys::mpk_profile_fd() }
}

/// Counts one access. Lock-free, for signal handlers too. pre: started; the published range
/// is writable. Does nothing when no profile is asked for.
pub(crate) fn record(pc: u64, seen: Seen, bytes: u32) {
    if file() < 0 {
        return;
    }
    let bit = |is: bool, bit: u64| if is { bit } else { 0 };
    let key = pc & ((1 << PC_BITS) - 1)
        | bit(seen.reads, READS)
        | bit(seen.writes, WRITES)
        | bit(seen.widened, WIDENED)
        | bit(seen.trapped, TRAPPED)
        | bit(seen.raw, RAW)
        | u64::from(bytes.min(BYTES_MOST)) << BYTES_SHIFT;
    site_of(key).count.fetch_add(1, Ordering::Relaxed);
}

/// The last site stands for those that find no room.
fn site_of(key: u64) -> &'static Site {
    let sites = sites();
    let first = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize;
    for probe in 0..PROBES {
        let site = &sites[(first + probe) % (SITES - 1)];
        let found = site.key.load(Ordering::Relaxed);
        if found == key {
            return site;
        }
        if found == 0 {
            let taken = site
                .key
                .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
            if taken.is_ok() || taken == Err(key) {
                return site;
            }
        }
    }
    &sites[SITES - 1]
}

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
    fn write(file: c_int, bytes: *const c_void, count: usize) -> isize;
    fn dladdr(address: *const c_void, out: *mut DlInfo) -> c_int;
    fn getpid() -> c_int;
}

/// struct Dl_info.
#[repr(C)]
struct DlInfo {
    module: *const c_char,
    base: *mut c_void,
    function: *const c_char,
    function_address: *mut c_void,
}

/// Has the profile written at the end. pre: started.
pub(super) fn install() {
    if file() >= 0 {
        // SAFETY: the function may run at any exit. No room: then there is no last line.
        unsafe { atexit(at_exit) };
    }
}

extern "C" fn at_exit() {
    write_all();
}

/// Appends what was counted since the last time. Host or foreign rights.
pub(crate) fn write_all() {
    let counted = |site: &Site| site.count.load(Ordering::Relaxed) != 0;
    if file() < 0 || !sites().iter().any(counted) {
        return; // part stacks of mpk_harden would end a process that opened rights here
    }
    with_rights(|| {
        let _held = WRITING.hold();
        let mut found: Vec<(u64, u64)> = sites()
            .iter()
            .map(|site| {
                (
                    site.key.load(Ordering::Relaxed),
                    site.count.swap(0, Ordering::Relaxed),
                )
            })
            .filter(|(_, count)| *count != 0)
            .collect();
        found.sort_unstable_by_key(|(key, _)| (key & ((1 << PC_BITS) - 1), *key));
        for (key, count) in found {
            write_line(key, count);
        }
    });
}

/// In a fork's child: what the parent counted is the parent's.
pub(crate) fn forked() {
    if file() >= 0 {
        for site in sites().iter() {
            if site.count.load(Ordering::Relaxed) != 0 {
                site.count.store(0, Ordering::Relaxed);
            }
        }
    }
}

fn write_line(key: u64, count: u64) {
    let mut line = Line {
        text: [0; LINE_BYTES],
        used: 0,
    };
    // A line that is too long (a path of thousands of bytes) is left out, not cut.
    if compose(&mut line, key, count).is_ok() {
        // SAFETY: the bytes are initialised and outlive the call. A write that fails leaves nowhere to say so.
        let _ = unsafe { write(file(), line.text.as_ptr().cast(), line.used) };
    }
}

/// See galeed_profile_unit. With the caller's rights: C may call it with any pointer.
///
/// # Safety
/// `unit` is a string and `count` bytes at `hits` are readable.
pub(crate) unsafe fn write_unit(unit: *const c_char, hits: *const u8, count: u64) {
    if crate::start::start().is_err() || file() < 0 {
        return;
    }
    let (mut site, mut more) = (0, true);
    while more {
        let mut line = Line {
            text: [0; LINE_BYTES],
            used: 0,
        };
        let mut between = "";
        let begun = line
            .write_str("{\"profile\":1,\"unit\":")
            .and_then(|()| line.string(unit))
            .and_then(|()| write!(line, ",\"sites\":{count},\"hit\":["));
        if begun.is_err() {
            return;
        }
        while site < count && line.used + MOST_DIGITS < LINE_BYTES {
            // SAFETY: below `count`, as the caller promised.
            if unsafe { hits.add(site as usize).read_volatile() } != 0 {
                let _ = write!(line, "{between}{site}");
                between = ",";
            }
            site += 1;
        }
        let _ = line.write_str("]}\n");
        // SAFETY: the bytes are initialised and outlive the call.
        let _ = unsafe { write(file(), line.text.as_ptr().cast(), line.used) };
        more = site < count;
    }
}

fn compose(line: &mut Line, key: u64, count: u64) -> fmt::Result {
    let pc = key & ((1 << PC_BITS) - 1);
    let mut place = DlInfo {
        module: core::ptr::null(),
        base: core::ptr::null_mut(),
        function: core::ptr::null(),
        function_address: core::ptr::null_mut(),
    };
    // SAFETY: any address may be asked about; `place` is writable.
    let known = unsafe { dladdr(core::ptr::without_provenance(pc as usize), &raw mut place) } != 0;
    let base = if known { place.base.addr() as u64 } else { 0 };
    let access = match (key & READS != 0, key & WRITES != 0) {
        (true, false) => c"load",
        (false, true) => c"store",
        _ => c"update",
    };
    line.write_str("{\"profile\":1,\"module\":")?;
    line.string(if known {
        place.module
    } else {
        core::ptr::null()
    })?;
    if key == 0 {
        line.write_str(",\"offset\":null,\"function\":null,\"access\":null")?;
    } else {
        write!(
            line,
            ",\"offset\":\"{:#x}\",\"function\":",
            pc.wrapping_sub(base)
        )?;
        line.string(if known {
            place.function
        } else {
            core::ptr::null()
        })?;
        line.write_str(",\"access\":")?;
        line.string(access.as_ptr())?;
    }
    // SAFETY: takes nothing, changes nothing.
    let process = unsafe { getpid() };
    let is = |bit: u64| key & bit != 0;
    let (bytes, trapped, widened, raw) = (key >> BYTES_SHIFT, is(TRAPPED), is(WIDENED), is(RAW));
    write!(
        line,
        ",\"bytes\":{bytes},\"trapped\":{trapped},\"widened\":{widened}"
    )?;
    writeln!(line, ",\"raw\":{raw},\"count\":{count},\"pid\":{process}}}")
}

struct Line {
    text: [u8; LINE_BYTES],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let end = self.used + piece.len();
        let room = self.text.get_mut(self.used..end).ok_or(fmt::Error)?;
        room.copy_from_slice(piece.as_bytes());
        self.used = end;
        Ok(())
    }
}

impl Line {
    /// As a JSON string; null for null. What is no UTF-8 becomes `U+FFFD`.
    fn string(&mut self, text: *const c_char) -> fmt::Result {
        if text.is_null() {
            return self.write_str("null");
        }
        // SAFETY: the dynamic linker's strings, and ours, end in NUL and stay.
        let text = unsafe { CStr::from_ptr(text) }.to_bytes();
        self.write_char('"')?;
        for chunk in text.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '"' | '\\' => write!(self, "\\{letter}")?,
                    letter if letter < ' ' => write!(self, "\\u{:04x}", u32::from(letter))?,
                    letter => self.write_char(letter)?,
                }
            }
            if !chunk.invalid().is_empty() {
                self.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        self.write_char('"')
    }
}
