//! Calls during which memory is kept open: those that end by themselves, and `recvmsg`, which
//! is made to.

use super::{EFAULT, Message, bare, errno, is_closable, kept_open};
use core::ffi::c_int;

const RECVMSG: i64 = 47;
const POLL: i64 = 7;
const FCNTL: i64 = 72;
const F_GETFL: usize = 3;
const O_NONBLOCK: isize = 0o4000;
const MSG_DONTWAIT: c_int = 0x40;
const EAGAIN: c_int = 11;

/// A call that ends by itself, and leaves all as it was when it fails with EFAULT: preadv, pwritev,
/// getrandom.
///
/// # Safety
/// As for the call.
pub unsafe fn brief(number: i64, words: [usize; 6]) -> isize {
    // SAFETY: the caller's promise.
    let got = unsafe { bare(number, words) };
    if got != -1 || errno() != EFAULT || !is_closable() {
        return got;
    }
    // SAFETY: as above.
    kept_open(|| unsafe { bare(number, words) })
}

/// recvmsg(2). Where memory may be closed SO_RCVTIMEO and MSG_WAITALL are not kept.
///
/// # Safety
/// As for recvmsg.
pub unsafe fn recvmsg(fd: c_int, message: *mut Message, flags: c_int) -> isize {
    let call = |flags: c_int| {
        let words = [
            fd as usize,
            message.expose_provenance(),
            flags as usize,
            0,
            0,
            0,
        ];
        // SAFETY: the caller's promise.
        unsafe { bare(RECVMSG, words) }
    };
    if !is_closable() {
        return call(flags);
    }
    loop {
        // What fails to be delivered is gone: so it is not tried while memory may be closed.
        let got = kept_open(|| call(flags | MSG_DONTWAIT));
        if got != -1 || errno() != EAGAIN || flags & MSG_DONTWAIT != 0 {
            return got;
        }
        let asked = [1u64 << 32 | u64::from(fd as u32)]; // struct pollfd: POLLIN
        let poll = [asked.as_ptr().expose_provenance(), 1, usize::MAX, 0, 0, 0];
        // SAFETY: a word of this stack.
        let ready = unsafe {
            let nonblocking = bare(FCNTL, [fd as usize, F_GETFL, 0, 0, 0, 0]) & O_NONBLOCK != 0;
            if nonblocking {
                return super::fail(EAGAIN);
            }
            bare(POLL, poll)
        };
        if ready < 0 {
            return ready;
        }
    }
}
