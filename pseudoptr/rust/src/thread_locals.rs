//! Destructors of Rust's thread-locals on threads that foreign code started.
//!
//! std hands each destructor to the C library, which runs them as the thread ends: on a thread
//! of C's with foreign rights, under which the first touch of the heap would be a violation. So
//! the C library's function is defined here a second time, and what host code registers on such
//! a thread stays in a list in the domain; the C library gets one destructor, a callback out of C
//! that runs the list. On the host's own threads, and for foreign code, nothing changes.
//!
//! Attacker: may call that destructor at any time and with any argument. It runs what the host
//! registered on this very thread, once, and believes nothing else.
//!
//! ASSUMES: a thread ends through the C library. One that leaves by the bare system call leaves
//! its list to the next thread of C's in its place, as it leaves its thread-locals' memory.
//!
//! Source: [Itanium C++ ABI], 3.3.6; glibc's stdlib/cxa_thread_atexit_impl.c.

use crate::fatal::fatal;
use crate::lock::Lock;
use crate::published::published;
use crate::start::start_or_die;
use crate::sys;
use alloc::boxed::Box;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

type Destructor = unsafe extern "C" fn(*mut c_void);
type Register = unsafe extern "C" fn(Destructor, *mut c_void, *mut c_void) -> c_int;

const NAME: &CStr = c"__cxa_thread_atexit_impl";
const RTLD_NEXT: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// In the domain. All zero: free and empty.
#[repr(C)]
pub(crate) struct Ends {
    lock: Lock,
    /// The last that was registered.
    last: UnsafeCell<*mut End>,
}

// SAFETY: `last` and what hangs on it are touched under the lock.
unsafe impl Sync for Ends {}

struct End {
    thread: u64,
    destructor: Destructor,
    object: *mut c_void,
    before: *mut End,
}

/// The thread, by the register that the runtime knows threads by: not by memory, which C can
/// write, nor by the kernel's number, which fork changes.
fn me() -> u64 {
    let base: u64;
    // SAFETY: reads a register; the runtime does not start where that may not be read.
    unsafe { asm!("rdfsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
    base
}

impl Ends {
    /// Taken around fork.
    pub(crate) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Takes the thread's last one out, or only says whether there is one. pre: rights open.
    fn find(&self, thread: u64, take: bool) -> Option<(Destructor, *mut c_void)> {
        let _held = self.lock.hold();
        let mut place = self.last.get();
        // SAFETY: under the lock; every node is a leaked Box that `put` made.
        unsafe {
            while let Some(end) = (*place).as_mut() {
                if end.thread == thread {
                    let found = (end.destructor, end.object);
                    if take {
                        let node = *place;
                        *place = end.before;
                        drop(Box::from_raw(node));
                    }
                    return Some(found);
                }
                place = &raw mut end.before;
            }
        }
        None
    }

    /// In fork's child: the other threads are gone, and new ones may lie where they lay.
    pub(crate) fn forget_others(&self) {
        let me = me();
        let mut place = self.last.get();
        // SAFETY: the child has one thread; every node is a leaked Box that `put` made.
        unsafe {
            while let Some(end) = (*place).as_mut() {
                if end.thread == me {
                    place = &raw mut end.before;
                } else {
                    let node = *place;
                    *place = end.before;
                    drop(Box::from_raw(node));
                }
            }
        }
    }

    /// pre: rights open.
    fn put(&self, destructor: Destructor, object: *mut c_void) {
        let node = Box::into_raw(Box::new(End {
            thread: me(),
            destructor,
            object,
            before: null_mut(),
        }));
        let _held = self.lock.hold();
        // SAFETY: under the lock; the node is fresh.
        unsafe {
            (*node).before = *self.last.get();
            *self.last.get() = node;
        }
    }
}

/// pre: started.
pub(crate) fn ends() -> &'static Ends {
    // SAFETY: written once, before the registry, with memory that lives for ever.
    unsafe { &*published().ends.load(core::sync::atomic::Ordering::Acquire) }
}

/// The C library's one destructor of a thread of C's.
unsafe extern "C" fn run(_: *mut c_void) {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the same at the exit.
    unsafe { sys::mpk_callback_enter(token) };
    while let Some((destructor, object)) = ends().find(me(), true) {
        // SAFETY: what the host registered for this thread's end, called once.
        unsafe { destructor(object) };
    }
    // SAFETY: pairs with the enter above.
    unsafe { sys::mpk_callback_exit(token) };
}

/// The C library's function, for the program that this is linked into: destructor(object) is
/// called as the thread ends. 0, or -1 without memory.
///
/// # Safety
/// As for what it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cxa_thread_atexit_impl(
    destructor: Destructor,
    object: *mut c_void,
    library: *mut c_void,
) -> c_int {
    // SAFETY: asks for a symbol. Not kept: a `static` is what C can write.
    let found = unsafe { dlsym(RTLD_NEXT, NAME.as_ptr()) };
    if found.is_null() {
        fatal(format_args!(
            "the C library has no __cxa_thread_atexit_impl"
        ));
    }
    // SAFETY: the C library's function has this type.
    let register = unsafe { transmute::<*mut c_void, Register>(found) };
    // SAFETY: both ask only.
    let listed =
        unsafe { sys::mpk_gate_is_foreign() == 0 && sys::mpk_thread_is_born_foreign() != 0 };
    if !listed {
        // SAFETY: the caller's promise.
        return unsafe { register(destructor, object, library) };
    }
    start_or_die();
    let first = ends().find(me(), false).is_none();
    ends().put(destructor, object);
    if first {
        // SAFETY: `run` takes any argument, and the program is not unloaded.
        return unsafe { register(run, null_mut(), library) };
    }
    0
}
