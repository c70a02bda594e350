//! The host of a C program whose objects were all lent (pass `lend-everything`).
//!
//! Gives C blocks of the host heap, which are lent as they cross the gate, and calls
//! its `main`, which is named `lent_main` there. Every access of C to its own objects
//! then goes through a pseudo-pointer.
//!
//! Invariant: of the small blocks one in `PRIVATE_IN` keeps its exact size and is lent
//! privately, so that the runtime serves its accesses (slowly, hence not the large ones);
//! the others have a page or more and are lent mapped, so that the inline checks do.
//! Which is which depends on the order of the requests only.
//!
//! Assumes of the attacker: nothing; this is a test's host, and gives C what it asks for.

use galeed_mpk::ffi::{mpk_host_alloc, mpk_host_free, mpk_host_realloc};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every allocation of this program lives in the host domain.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const PAGE_BYTES: usize = 4096;
const SMALL_BYTES: usize = 128;
/// Of so many requests one is served by a private lease. LENT_PRIVATE_IN changes it; 0: none is.
static PRIVATE_IN: AtomicUsize = AtomicUsize::new(16);
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

type New = extern "C" fn(usize, usize) -> *mut c_void;
type Resize = extern "C" fn(*mut c_void, usize, usize) -> *mut c_void;
type End = extern "C" fn(*mut c_void);

unsafe extern "C" {
    fn galeed_lent_start(new: New, resize: Resize, end: End);
    fn lent_main(count: c_int, words: *mut *mut c_char) -> c_int;
}

/// What to ask of the heap for an object of C.
fn served(bytes: usize) -> usize {
    let every = PRIVATE_IN.load(Ordering::Relaxed);
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    if bytes <= SMALL_BYTES && every != 0 && number % every == every - 1 {
        bytes
    } else {
        bytes.max(PAGE_BYTES)
    }
}

extern "C" fn new(bytes: usize, align: usize) -> *mut c_void {
    // SAFETY: the alignment is a power of two, as LLVM and the C library demand.
    unsafe { mpk_host_alloc(served(bytes), align) }
}

extern "C" fn resize(block: *mut c_void, bytes: usize, align: usize) -> *mut c_void {
    // SAFETY: the block came from `new` with this alignment, or the heap says that it did not.
    unsafe { mpk_host_realloc(block, bytes, align) }
}

extern "C" fn end(block: *mut c_void) {
    // SAFETY: the block came from `new`, or the heap says that it did not.
    unsafe { mpk_host_free(block) };
}

/// The program: lends C's globals, then runs its `main` with the command's words.
///
/// # Safety
/// The C library calls it, once, with the words of the command.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: c_int, words: *mut *mut c_char) -> c_int {
    if let Some(every) = std::env::var("LENT_PRIVATE_IN")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        PRIVATE_IN.store(every, Ordering::Relaxed);
    }
    // SAFETY: both go through the gates of rewritten code; the words live as long as the program.
    unsafe {
        galeed_lent_start(new, resize, end);
        lent_main(count, words)
    }
}
