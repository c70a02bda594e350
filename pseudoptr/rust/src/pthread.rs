//! Threads that foreign code creates.
//!
//! On pku a new thread inherits its creator's rights: closed, and they stay so.
//! On mprotect rights belong to the process, so a thread that C makes could not
//! be kept out while the host runs: refused, with the reason said once.

use crate::bytes;
use crate::fatal::say;
use crate::layout::is_handle;
use crate::{ffi, sys};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

const EPERM: c_int = 1;
const EAGAIN: c_int = 11;
/// pthread_attr_t of glibc on x86-64.
const ATTRIBUTES_BYTES: usize = 56;

type Start = extern "C" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        start: *const c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn thrd_create(thread: *mut c_void, start: *const c_void, argument: *mut c_void) -> c_int;
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// What a thread that begins in a Rust function is given: C's memory, since the
/// thread begins with foreign rights.
struct Begin {
    function: u64,
    argument: u64,
}

/// The first frame of such a thread: a callback out of C.
extern "C" fn begin(payload: *mut c_void) -> *mut c_void {
    let payload = payload.cast::<Begin>();
    // SAFETY: `create` filled it and handed it to this thread alone.
    let Begin { function, argument } = unsafe { payload.read() };
    // SAFETY: it came from malloc.
    unsafe { free(payload.cast()) };
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the same at the exit.
    let address = unsafe { ffi::galeed_callback_enter(function, token) };
    // SAFETY: the handle stood for a function that Rust passed as a thread's
    // start; its signature is the passer's promise.
    let function = unsafe { core::mem::transmute::<*mut c_void, Start>(address) };
    let result = function(crate::access::at(crate::gate::result(argument)));
    let result = crate::gate::argument(result.expose_provenance() as u64);
    // SAFETY: pairs with the enter above.
    unsafe { sys::mpk_callback_exit(token) };
    crate::access::at(result)
}

/// EPERM where foreign code may have no threads, and says so once; else 0.
pub(crate) fn refusal() -> c_int {
    static SAID: AtomicBool = AtomicBool::new(false);
    // SAFETY: the runtime has started; foreign code runs.
    if unsafe { sys::mpk_backend() } != sys::MPK_BACKEND_MPROTECT {
        return 0;
    }
    if !SAID.swap(true, Ordering::Relaxed) {
        say(format_args!(
            "foreign code asked for a thread: refused (EPERM), since the mprotect backend \
             cannot close the domain to one thread alone; use pku"
        ));
    }
    EPERM
}

/// # Safety
/// thrd_create's own: start may be no handle.
pub(crate) unsafe fn create_c11(
    thread: *mut c_void,
    start: *const c_void,
    argument: *mut c_void,
) -> c_int {
    const THRD_ERROR: c_int = 2;
    if refusal() != 0 {
        return THRD_ERROR;
    }
    // SAFETY: the call that foreign code wanted to make.
    unsafe { thrd_create(thread, start, argument) }
}

/// # Safety
/// As for pthread_create, but that each pointer may be a handle.
pub(crate) unsafe extern "C" fn create(
    thread: u64,
    attributes: u64,
    start: u64,
    argument: u64,
    pc: u64,
) -> c_int {
    let refused = refusal();
    if refused != 0 {
        return refused;
    }
    let mut copied = MaybeUninit::<[u64; ATTRIBUTES_BYTES / 8]>::uninit();
    let mut given = crate::access::at::<c_void>(attributes).cast_const();
    if is_handle(attributes) {
        let copy = copied.as_mut_ptr().expose_provenance() as u64;
        bytes::memmove(copy, attributes, ATTRIBUTES_BYTES as u64, pc);
        given = copied.as_ptr().cast();
    }
    let (mut first, mut payload) = (crate::access::at::<c_void>(start), argument);
    if is_handle(start) {
        // SAFETY: plain malloc, with foreign rights.
        let memory = unsafe { malloc(size_of::<Begin>()) }.cast::<Begin>();
        if memory.is_null() {
            return EAGAIN;
        }
        // SAFETY: fresh memory of that size, aligned for anything.
        unsafe {
            memory.write(Begin {
                function: start,
                argument,
            })
        };
        first = begin as *mut c_void;
        payload = memory.expose_provenance() as u64;
    }
    let mut id = 0usize;
    let argument = crate::access::at(payload);
    // SAFETY: what foreign code asked for, done with its rights.
    let error = unsafe { pthread_create(&raw mut id, given, first, argument) };
    if error == 0 {
        bytes::memmove(thread, (&raw const id).expose_provenance() as u64, 8, pc);
    } else if is_handle(start) {
        // SAFETY: no thread took it.
        unsafe { free(crate::access::at(payload)) };
    }
    error
}
