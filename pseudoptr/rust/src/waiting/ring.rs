//! io_uring with buffers in the host's heap.
//!
//! The kernel works on a request's buffer when it comes to it: at io_uring_enter, in an interrupt of
//! the thread that asked, wherever that is, or on a thread of its own. Its rights are those of
//! the code that it interrupts; of its threads, those of the code that had them started.
//!
//! Invariant: of rings made here, requests go on in `io_uring_enter` alone, called by the host
//! (IORING_SETUP_DEFER_TASKRUN), and on mprotect memory stays open as long. So neither the
//! driver nor the program need know. Workers that the kernel starts for files: see `files.rs`; how threads wait on mprotect: `turns.rs`.
//!
//! Attacker: foreign code that writes where it can, not one that asks the kernel itself (part
//! `deputy` of hardening). On pku it cannot reach rings: it would forge requests and answers.
//!
//! Source: io_uring(7), io_uring_setup(2).

use super::files::{self, Params};
use super::{bare, errno, fail, kept_open, turns};
use crate::published::{in_host_domain, published};
use crate::sys;
use core::ffi::c_int;
use core::ptr::with_exposed_provenance;
use core::sync::atomic::Ordering;

const SETUP: i64 = 425;
pub(super) const ENTER: i64 = 426;
const REGISTER: i64 = 427;
const PKEY_MPROTECT: i64 = 329;

const SETUP_SQPOLL: u32 = 1 << 1;
const SETUP_SINGLE_ISSUER: u32 = 1 << 12;
const SETUP_DEFER_TASKRUN: u32 = 1 << 13;
pub(super) const ENTER_GETEVENTS: usize = 1;
pub(super) const ENTER_EXT_ARG: usize = 1 << 3;
const ENTER_REGISTERED_RING: usize = 1 << 4;

const EPERM: c_int = 1;
const EINVAL: c_int = 22;
const EEXIST: c_int = 17;

/// Is it one of io_uring's three calls?
#[inline]
pub const fn is_ours(number: i64) -> bool {
    number >= SETUP && number <= REGISTER
}

/// A line, without the heap, and an error.
fn refuse(why: &str, error: c_int) -> isize {
    let parts = ["galeed: io_uring: ", why, "\n"].map(|part| super::Part {
        base: part.as_ptr().cast_mut().cast(),
        bytes: part.len(),
    });
    // SAFETY: three constant strings, as writev takes them.
    unsafe {
        bare(
            super::number::WRITEV,
            [2, parts.as_ptr().expose_provenance(), 3, 0, 0, 0],
        )
    };
    fail(error)
}

/// The call `number`, one of [`is_ours`].
///
/// # Safety
/// As for the call.
pub unsafe fn call(number: i64, words: [usize; 6]) -> isize {
    // SAFETY: callable at any time.
    if unsafe { sys::mpk_start() != 0 || sys::mpk_gate_is_foreign() != 0 } {
        return refuse(
            "foreign code may not ask for it: the kernel would work on the heap for it",
            EPERM,
        );
    }
    // SAFETY: the caller's promise.
    unsafe {
        match number {
            SETUP => setup(words),
            ENTER => enter(words),
            _ => register(words),
        }
    }
}

unsafe fn setup(words: [usize; 6]) -> isize {
    let params = core::ptr::with_exposed_provenance_mut::<Params>(words[1]);
    if params.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { bare(SETUP, words) };
    }
    // SAFETY: the caller's promise.
    let flags = unsafe { &mut (*params).flags };
    if *flags & SETUP_SQPOLL != 0 {
        return refuse(
            "a kernel thread that takes requests by itself (SQPOLL) is refused: it would keep \
             the rights of its start, whoever writes the requests",
            EPERM,
        );
    }
    *flags |= SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN;
    // SAFETY: the caller's promise.
    let ring = kept_open(|| unsafe { bare(SETUP, words) });
    if ring >= 0 {
        published().rings[0].fetch_add(1, Ordering::Relaxed);
        // SAFETY: callable at any time; the kernel has filled it in.
        unsafe {
            if sys::mpk_backend() == sys::MPK_BACKEND_MPROTECT {
                files::made(ring as usize, params.read());
            }
        }
    } else if errno() == EINVAL {
        refuse(
            "this kernel refuses IORING_SETUP_DEFER_TASKRUN (Linux 6.1 or newer has it), without \
             which buffers in the heap are not safe, or other flags of io_uring_setup",
            EINVAL,
        );
    }
    ring
}

unsafe fn enter(words: [usize; 6]) -> isize {
    // SAFETY: callable at any time.
    let pku = unsafe { sys::mpk_backend() } == sys::MPK_BACKEND_PKU;
    let [ring, submit, mut most, mut flags, mut argument, mut bytes] = words;
    // Deferred work is done by calls with this flag only, and drivers that have not asked for
    // deferring leave it out, and then wait for nothing.
    if flags & ENTER_GETEVENTS == 0 {
        flags = (flags & !ENTER_EXT_ARG) | ENTER_GETEVENTS;
        (most, argument, bytes) = (0, 0, 0);
    }
    let got = if pku {
        close_rings();
        // SAFETY: the caller's promise.
        unsafe { bare(ENTER, [ring, submit, most, flags, argument, bytes]) }
    } else if flags & ENTER_REGISTERED_RING != 0 {
        return refuse("registered rings cannot be waited for on mprotect", EINVAL);
    } else {
        // SAFETY: the caller's promise.
        unsafe { turns::enter([ring, submit, most, flags, argument, bytes]) }
    };
    if got < 0 && errno() == EEXIST {
        return refuse(
            "a ring belongs to the thread that made it (SINGLE_ISSUER)",
            EEXIST,
        );
    }
    got
}

/// pku: puts new rings' memory under the heap's key. A driver maps it between the two calls.
fn close_rings() {
    let [made, closed] = &published().rings;
    let now = made.load(Ordering::Relaxed);
    if closed.load(Ordering::Relaxed) == now {
        return;
    }
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        refuse(
            "/proc/self/maps cannot be read: rings stay open to foreign code",
            EPERM,
        );
        return;
    };
    // SAFETY: started.
    let key = unsafe { sys::mpk_domain_key(super::host()) };
    for line in maps
        .lines()
        .filter(|line| line.ends_with("anon_inode:[io_uring]"))
    {
        let range = line.split(' ').next().unwrap_or_default();
        let mut ends = range
            .split('-')
            .filter_map(|end| usize::from_str_radix(end, 16).ok());
        if let (Some(start), Some(end)) = (ends.next(), ends.next()) {
            let words = [
                start,
                end - start,
                super::PROT_READ_WRITE as usize,
                key as usize,
                0,
                0,
            ];
            // SAFETY: a ring's memory, which the host alone uses.
            if unsafe { bare(PKEY_MPROTECT, words) } < 0 {
                refuse("the kernel keeps a ring open to foreign code", errno());
                return;
            }
        }
    }
    closed.store(now, Ordering::Relaxed);
}

/// `struct io_uring_rsrc_register`, and `struct io_uring_rsrc_update2`.
#[repr(C)]
struct Resources {
    count: u32,
    flags: u32,
    reserved: u64,
    buffers: u64,
    tags: u64,
}
#[repr(C)]
struct Update {
    offset: u32,
    reserved: u32,
    buffers: u64,
    tags: u64,
    count: u32,
}

const REGISTER_BUFFERS: usize = 0;
const REGISTER_BUFFERS2: usize = 15;
const REGISTER_BUFFERS_UPDATE: usize = 16;
const BY_INDEX: usize = 1 << 31;

unsafe fn register(words: [usize; 6]) -> isize {
    let [_, what, argument, count, ..] = words;
    // SAFETY: the caller's promise.
    let (buffers, count) = unsafe {
        match what & !BY_INDEX {
            REGISTER_BUFFERS => (argument, count),
            REGISTER_BUFFERS2 if count >= size_of::<Resources>() && argument != 0 => {
                let given = with_exposed_provenance::<Resources>(argument).read_unaligned();
                (given.buffers as usize, given.count as usize)
            }
            REGISTER_BUFFERS_UPDATE if count >= size_of::<Update>() && argument != 0 => {
                let given = with_exposed_provenance::<Update>(argument).read_unaligned();
                (given.buffers as usize, given.count as usize)
            }
            _ => (0, 0),
        }
    };
    let parts = with_exposed_provenance::<super::Part>(buffers);
    for at in 0..if parts.is_null() { 0 } else { count } {
        // SAFETY: the caller's promise.
        let part = unsafe { parts.add(at).read() };
        if in_host_domain(part.base.addr() as u64) {
            return refuse(
                "a buffer in the heap cannot be registered: the kernel would work on its pages \
                 whatever their rights; take one outside (mmap)",
                EPERM,
            );
        }
    }
    // SAFETY: the caller's promise.
    kept_open(|| unsafe { bare(REGISTER, words) })
}
