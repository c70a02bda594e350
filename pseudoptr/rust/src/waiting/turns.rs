//! mprotect: `io_uring_enter` that waits outside of the kernel's work.
//!
//! Memory cannot be kept open while a thread sleeps: others would wait for it with their gates. So it
//! hands in and has the work done without waiting, sleeps on the ring's descriptor, and looks again.

use super::ring::{ENTER, ENTER_EXT_ARG, ENTER_GETEVENTS};
use super::{bare, fail, files, kept_open};
use core::ffi::c_int;
use core::ptr::with_exposed_provenance;

const PPOLL: i64 = 271;
const ENTER_ABS_TIMER: usize = 1 << 5;
const ENTER_EXT_ARG_REG: usize = 1 << 6;
const EINVAL: c_int = 22;
const ETIME: c_int = 62;

/// How long to sleep, at first and at most: a kernel does not wake who polls a ring for work that it
/// has deferred. The most is what prim_mprotect.c has.
const FIRST_TURN_NS: i64 = 50_000;
const LAST_TURN_NS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

unsafe extern "C" {
    fn clock_gettime(clock: c_int, into: *mut Time) -> c_int;
}

/// `struct io_uring_getevents_arg`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Argument {
    mask: u64,
    mask_bytes: u32,
    min_wait_us: u32,
    time: u64,
}
/// `struct timespec`.
type Time = [i64; 2];

/// mprotect: hands in, then waits outside of io_uring_enter, so that gates need not. It may come back
/// with one answer where more were asked for.
pub(super) unsafe fn enter(words: [usize; 6]) -> isize {
    let [ring, submit, most, flags, argument, bytes] = words;
    let by_index = flags & ENTER_EXT_ARG_REG != 0;
    if by_index || flags & ENTER_EXT_ARG != 0 && bytes != size_of::<Argument>() {
        return fail(EINVAL); // a time limit that is not known: without one this might wait for ever
    }
    let now = [ring, submit, 0, flags & !ENTER_EXT_ARG, 0, 0];
    let files = files::asked(ring, submit);
    let signals = files.is_some().then(hold_signals);
    let got = kept_open(|| {
        // SAFETY: the caller's promise.
        let got = unsafe { bare(ENTER, now) };
        if let (Some(files), 1..) = (files, got) {
            files.finish(got as usize);
        }
        got
    });
    if let Some(before) = signals {
        let_signals(before);
    }
    if got < 0 || most == 0 {
        return got;
    }
    let mut asked = Argument {
        mask: 0,
        mask_bytes: 0,
        min_wait_us: 0,
        time: 0,
    };
    let address = with_exposed_provenance::<Argument>(argument);
    if flags & ENTER_EXT_ARG != 0 && !address.is_null() {
        // SAFETY: the caller's promise.
        asked = unsafe { address.read() };
    } else if flags & ENTER_EXT_ARG == 0 {
        asked.mask = argument as u64;
        asked.mask_bytes = bytes as u32;
    }
    let start = if flags & ENTER_ABS_TIMER == 0 {
        now_ns()
    } else {
        0
    };
    let time = with_exposed_provenance::<Time>(asked.time as usize);
    // SAFETY: the caller's promise.
    let deadline = (!time.is_null()).then(|| after(start, unsafe { time.read() }));
    let mut turn = FIRST_TURN_NS;
    loop {
        let wait = deadline.map_or(turn, |end| (end - now_ns()).clamp(0, turn));
        turn = (turn * 2).min(LAST_TURN_NS);
        // SAFETY: words on this stack, and the caller's mask.
        let woken = unsafe { poll(ring, wait, asked) };
        if woken < 0 {
            return if got > 0 { got } else { woken };
        }
        let again = [ring, 0, 0, ENTER_GETEVENTS, 0, 0];
        // SAFETY: the caller's promise.
        if kept_open(|| unsafe { bare(ENTER, again) }) < 0 {
            return if got > 0 { got } else { -1 };
        }
        // SAFETY: as above.
        if unsafe { poll(ring, 0, Argument { mask: 0, ..asked }) } > 0 {
            return got;
        }
        if deadline.is_some_and(|end| now_ns() >= end) {
            return if got > 0 { got } else { fail(ETIME) };
        }
    }
}

/// A handler's foreign call would close memory under a worker. Faults stay what they are.
fn hold_signals() -> u64 {
    const FAULTS: [u32; 6] = [4, 5, 6, 7, 8, 11]; // ILL, TRAP, ABRT, BUS, FPE, SEGV
    let held = FAULTS
        .iter()
        .fold(u64::MAX, |held, signal| held & !(1 << (signal - 1)));
    let mut before = 0u64;
    set_signals(&held, &raw mut before);
    before
}

fn let_signals(before: u64) {
    let why = super::errno();
    set_signals(&before, core::ptr::null_mut());
    // A handler may have run at once.
    // SAFETY: this thread's own word.
    unsafe { *super::__errno_location() = why };
}

fn set_signals(mask: &u64, before: *mut u64) {
    const SIGPROCMASK: i64 = 14;
    const SETMASK: usize = 2;
    let (mask, before) = (
        (&raw const *mask).expose_provenance(),
        before.expose_provenance(),
    );
    // SAFETY: words of the caller's stack, as large as is said.
    unsafe { bare(SIGPROCMASK, [SETMASK, mask, before, 8, 0, 0]) };
}

fn now_ns() -> i64 {
    let mut now = [0, 0];
    // SAFETY: room for the time; CLOCK_MONOTONIC.
    unsafe { clock_gettime(1, &raw mut now) };
    after(0, now)
}

const fn after(ns: i64, [seconds, rest]: Time) -> i64 {
    ns.saturating_add(seconds.saturating_mul(NS_PER_S))
        .saturating_add(rest)
}

/// Does the ring have answers, or work that was deferred? 1, 0, or -1.
unsafe fn poll(ring: usize, ns: i64, asked: Argument) -> isize {
    let fds = [ring as u32, 1]; // struct pollfd: POLLIN
    let time: Time = [ns / NS_PER_S, ns % NS_PER_S];
    let [fds, time] = [
        fds.as_ptr().expose_provenance(),
        time.as_ptr().expose_provenance(),
    ];
    let words = [
        fds,
        1,
        time,
        asked.mask as usize,
        asked.mask_bytes as usize,
        0,
    ];
    // SAFETY: the caller's promise for the mask.
    unsafe { bare(PPOLL, words) }
}
