//! mprotect: requests on files, which a worker thread of the kernel may do.
//!
//! A worker does not wait for memory that is closed. So what is asked of a file is done before
//! `io_uring_enter` returns, while memory stays open; sockets, pipes and their kin have no workers.
//! Not so what waits for other requests first (linked behind them, or in a ring that has drained):
//! those may be answered by a thread that waits for memory to be let go.
//!
//! Invariant: a ring's place and size are known from its making, by a mapping of our own; what
//! foreign code writes into a ring decides how long this waits, and no more.

use super::bare;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

const READV: u8 = 1;
const WRITEV: u8 = 2;
const STATX: u8 = 21;
const READ: u8 = 22;
const WRITE: u8 = 23;
const FGETXATTR: u8 = 43;
const GETXATTR: u8 = 44;
/// IOSQE_FIXED_FILE and IOSQE_CQE_SKIP_SUCCESS: a file by index, an answer that may not come.
const NOT_FOLLOWED: u8 = 1 << 0 | 1 << 6;
/// IOSQE_IO_DRAIN: waits for all that was asked before, and all that is asked later waits for it.
const DRAINS: u8 = 1 << 1;
/// IOSQE_IO_LINK and IOSQE_IO_HARDLINK: the next request waits for this one.
const LINKS: u8 = 1 << 2 | 1 << 3;

const SETUP_SQE128: u32 = 1 << 10;
const SETUP_CQE32: u32 = 1 << 11;
const SETUP_NO_MMAP: u32 = 1 << 14;
const SETUP_NO_SQARRAY: u32 = 1 << 16;

const EINTR: i32 = 4;
const FSTAT: i64 = 5;
const MAP_SHARED_POPULATED: i32 = 0x8001;
const OFFSET_REQUESTS: i64 = 0x1000_0000;

/// `struct io_uring_params`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Params {
    requests: u32,
    answers: u32,
    pub(super) flags: u32,
    thread: [u32; 2],
    features: u32,
    queue: u32,
    reserved: [u32; 3],
    request_at: [u32; 10], // head, tail, ring_mask, ring_entries, flags, dropped, array
    answer_at: [u32; 10],  // head, tail, ring_mask, ring_entries, overflow, cqes
}

/// A ring's memory, mapped a second time. Not for long: a mapping keeps the ring alive, and what was
/// asked of it.
struct Ring {
    fd: usize,
    told: Params,
    queues: *mut u8,
    requests: *mut u8,
}

static RINGS: Mutex<Vec<Known>> = Mutex::new(Vec::new());

struct Known {
    fd: usize,
    told: Params,
    /// A request of it was IOSQE_IO_DRAIN: what waits for what is not known any more.
    drains: bool,
}

impl Params {
    const fn request_bytes(&self) -> usize {
        if self.flags & SETUP_SQE128 == 0 {
            64
        } else {
            128
        }
    }
    const fn answer_bytes(&self) -> usize {
        if self.flags & SETUP_CQE32 == 0 {
            16
        } else {
            32
        }
    }
    const fn sizes(&self) -> [usize; 2] {
        let order = self.request_at[6] as usize + self.requests as usize * 4;
        let answers = self.answer_at[5] as usize + self.answers as usize * self.answer_bytes();
        let queues = if order > answers { order } else { answers };
        [queues, self.requests as usize * self.request_bytes()]
    }
}

/// Takes note of a ring that was just made.
pub(super) fn made(fd: usize, told: Params) {
    let mut rings = RINGS.lock().unwrap_or_else(PoisonError::into_inner);
    rings.retain(|known| known.fd != fd);
    if told.flags & SETUP_NO_MMAP == 0 {
        rings.push(Known {
            fd,
            told,
            drains: false,
        });
    }
}

fn drains(fd: usize) {
    let mut rings = RINGS.lock().unwrap_or_else(PoisonError::into_inner);
    for known in rings.iter_mut().filter(|known| known.fd == fd) {
        known.drains = true;
    }
}

/// Is it a ring? A number that was a ring's may be a file's, whose bytes say nothing about rings.
fn is_ring(fd: usize) -> bool {
    // SAFETY: nothing is handed in, nothing waited for, no memory named.
    unsafe { bare(super::ring::ENTER, [fd, 0, 0, 0, 0, 0]) == 0 }
}

/// What was asked of files, and where answers begin that are not looked at yet.
pub(super) struct Asked {
    ring: Ring,
    /// Its place among what is handed in, and its user data.
    open: Vec<(u32, u64)>,
    seen: u32,
}

/// The requests on files among the next `count` of the ring.
pub(super) fn asked(fd: usize, count: usize) -> Option<Asked> {
    if count == 0 {
        return None;
    }
    let told = {
        let rings = RINGS.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rings.iter().find(|known| known.fd == fd)?;
        (!known.drains).then_some(known.told)?
    };
    let ring = is_ring(fd).then(|| Ring::map(fd, told))??;
    let head = ring.word(told.request_at[0]);
    let tail = ring.word(told.request_at[1]);
    let ready = tail.wrapping_sub(head).min(told.requests);
    let count = ready.min(u32::try_from(count).unwrap_or(u32::MAX));
    let mut open = Vec::new();
    let (mut linked, mut waits) = (false, false);
    for at in 0..count {
        let request = ring.request(head.wrapping_add(at));
        if request.flags & DRAINS != 0 {
            drains(fd);
            break;
        }
        let followed = request.is_on_a_file() && !(linked && waits);
        if followed {
            open.push((at, request.data));
        }
        (linked, waits) = (request.flags & LINKS != 0, !followed);
    }
    let seen = ring.word(told.answer_at[1]);
    (!open.is_empty()).then_some(Asked { ring, open, seen })
}

impl Ring {
    fn map(fd: usize, told: Params) -> Option<Self> {
        let [queues, requests] = told.sizes();
        let map = |bytes, offset| {
            let (prot, flags) = (super::PROT_READ_WRITE, MAP_SHARED_POPULATED);
            // SAFETY: at an address of the kernel's choice.
            let at = unsafe {
                super::mmap(core::ptr::null_mut(), bytes, prot, flags, fd as i32, offset)
            };
            at.cast::<u8>()
        };
        let (queues, requests) = (map(queues, 0), map(requests, OFFSET_REQUESTS));
        // Dropped, one that failed is left out by the kernel.
        let ring = Self {
            fd,
            told,
            queues,
            requests,
        };
        (queues.addr() != usize::MAX && requests.addr() != usize::MAX).then_some(ring)
    }

    fn word(&self, at: u32) -> u32 {
        // SAFETY: inside the mapping, by what the kernel said; it and the driver write there.
        unsafe { (*self.queues.add(at as usize).cast::<AtomicU32>()).load(Ordering::Acquire) }
    }

    fn request(&self, at: u32) -> Request {
        let mask = self.told.requests - 1;
        let slot = if self.told.flags & SETUP_NO_SQARRAY == 0 {
            self.word(self.told.request_at[6] + (at & mask) * 4) & mask
        } else {
            at & mask
        };
        // SAFETY: inside the mapping. The driver may not change what it has handed in.
        unsafe {
            let request = self.requests.add(slot as usize * self.told.request_bytes());
            Request {
                operation: request.read(),
                flags: request.add(1).read(),
                fd: request.add(4).cast::<i32>().read(),
                data: request.add(32).cast::<u64>().read(),
            }
        }
    }
}

/// Of `struct io_uring_sqe`.
struct Request {
    operation: u8,
    flags: u8,
    fd: i32,
    data: u64,
}

impl Request {
    /// May a worker do it, with a buffer?
    fn is_on_a_file(&self) -> bool {
        let follows = match self.operation {
            STATX | FGETXATTR | GETXATTR => true,
            READ | WRITE | READV | WRITEV => is_file(self.fd),
            _ => false,
        };
        follows && self.flags & NOT_FOLLOWED == 0
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let [queues, requests] = self.told.sizes();
        for (at, bytes) in [(self.queues, queues), (self.requests, requests)] {
            // SAFETY: mapped by `map`, or no address at all, which the kernel refuses.
            unsafe { super::munmap(at.cast::<c_void>(), bytes) };
        }
    }
}

/// A file, folder or block device: what answers without anybody else's doing.
fn is_file(fd: i32) -> bool {
    const MODE: usize = 6; // st_mode, in words of 4 bytes
    let mut told = [0u32; 36]; // struct stat
    let words = [
        fd as usize,
        told.as_mut_ptr().expose_provenance(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: room for all that the kernel tells.
    let done = unsafe { bare(FSTAT, words) } == 0;
    done && matches!(told[MODE] >> 12, 0o10 | 0o4 | 0o6)
}

impl Asked {
    /// Waits for the answers to those among the first `taken` requests. pre: memory is kept open.
    pub(super) fn finish(mut self, taken: usize) {
        self.open.retain(|(at, _)| (*at as usize) < taken); // the kernel stops at one that it refuses
        let (ring, told) = (&self.ring, &self.ring.told);
        loop {
            let tail = ring.word(told.answer_at[1]);
            while self.seen != tail && !self.open.is_empty() {
                let slot = (self.seen & (told.answers - 1)) as usize;
                // SAFETY: inside the mapping.
                let data = unsafe {
                    ring.queues
                        .add(told.answer_at[5] as usize + slot * told.answer_bytes())
                        .cast::<u64>()
                        .read()
                };
                if let Some(at) = self.open.iter().position(|(_, open)| *open == data) {
                    self.open.swap_remove(at);
                }
                self.seen = self.seen.wrapping_add(1);
            }
            let unread = tail.wrapping_sub(ring.word(told.answer_at[0]));
            if self.open.is_empty() || unread >= told.answers {
                return; // full: the driver has to read first
            }
            let words = [
                ring.fd,
                0,
                unread as usize + 1,
                super::ring::ENTER_GETEVENTS,
                0,
                0,
            ];
            // SAFETY: no memory is named.
            if unsafe { bare(super::ring::ENTER, words) } < 0 && super::errno() != EINTR {
                return;
            }
        }
    }
}
