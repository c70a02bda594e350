//! Exceptions at the gates: what leaves the host's frames, or foreign ones, by unwinding.
//!
//! A panic that leaves a callback lies in the host's heap, where the unwinder, which runs
//! with foreign rights from there on, could not even look at it; and with the host's rights
//! it would run foreign destructors with them. So the panic stays behind at the callback's
//! gate. A *stand-in* goes on in its place, an exception without content that foreign
//! destructors and handlers see; the entry gate that it reaches raises the panic again.
//!
//! An exception of C++ ends at the entry gate, and Rust gets a panic that says which one it
//! was. Its object lies in C's memory: whoever goes on unwinding with it, catches it or
//! destroys it calls functions that C's memory names, which with the host's rights would
//! be C's way in. A host in C++ that trusts its library with that says so by
//! `galeed_pass_exceptions`.
//!
//! Invariant: what is raised in the host is what this thread itself left behind, found by
//! the stand-in's address in the published range; of C's memory nothing is believed.
//!
//! Attacker: may keep, change and raise stand-ins. It chooses when the host's panic goes
//! on, or that it never does; nothing else.
//!
//! Source: [Itanium C++ ABI: Exception Handling], 1.2 and 2.2; libstdc++'s unwind-cxx.h for
//! what stands before an exception's header.

use crate::access::{at, with_rights};
use crate::fatal::fatal;
use crate::published::{in_host_domain, published};
use crate::runtime::catch_panic;
use crate::sys;
use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicU64, Ordering};

/// Panics on their way through foreign frames, in the whole process.
const MOST: usize = 64;

/// Words in the published range. A slot without a stand-in is free.
#[repr(C)]
pub(crate) struct Panics {
    /// 1: exceptions of C++ may pass to the host.
    passes: AtomicU64,
    /// How many were left behind so far.
    serial: AtomicU64,
    slots: [Slot; MOST],
}

#[repr(C)]
struct Slot {
    stand_in: AtomicU64,
    thread: AtomicU64,
    panic: AtomicU64,
    serial: AtomicU64,
}

/// struct _Unwind_Exception.
#[repr(C, align(16))]
struct Exception {
    class: u64,
    cleanup: Option<unsafe extern "C" fn(c_int, *mut Exception)>,
    private: [u64; 2],
}

/// "GALEED", and of whom.
const CLASS: u64 = u64::from_be_bytes(*b"GALEEDRS");
/// "C++" at the end but one of each C++ library's class; 1 at the end: a rethrown pointer to another.
const CXX: u64 = u64::from_be_bytes(*b"\0\0\0\0C++\0");
const CXX_MASK: u64 = 0xffff_ff00;
/// libstdc++'s own, with either end.
const GNU: u64 = u64::from_be_bytes(*b"GNUCC++\0");
/// From an exception's header back to its type, and from the object behind a header.
const TYPE_BEFORE: u64 = 80;
const TYPE_BEFORE_OBJECT: u64 = 112;
pub(crate) const NAME_BYTES: usize = 128;

unsafe extern "C-unwind" {
    fn _Unwind_RaiseException(exception: *mut Exception) -> c_int;
    fn _Unwind_DeleteException(exception: *mut Exception);
}
unsafe extern "C" {
    fn gettid() -> c_int;
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

fn me() -> u64 {
    // SAFETY: asks the kernel, not thread-local storage, which C can write.
    unsafe { gettid() as u64 }
}

impl Panics {
    /// The slot of this thread's stand-in. Needs no rights.
    fn find(&self, stand_in: u64) -> Option<&Slot> {
        let mut slots = self.slots.iter();
        slots
            .find(|slot| stand_in != 0 && slot.stand_in.load(Ordering::Acquire) == stand_in)
            .filter(|slot| slot.thread.load(Ordering::Relaxed) == me())
    }

    /// pre: rights open.
    fn put(&self, stand_in: u64, panic: u64) {
        let slot = self.slots.iter().find(|slot| {
            let mine = slot
                .stand_in
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            mine.is_ok()
        });
        let Some(slot) = slot else {
            fatal(format_args!(
                "more than {MOST} panics are on their way through foreign code"
            ));
        };
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        slot.serial.store(serial, Ordering::Relaxed);
        slot.thread.store(me(), Ordering::Relaxed);
        slot.panic.store(panic, Ordering::Relaxed);
        slot.stand_in.store(stand_in, Ordering::Release);
    }
}

impl Slot {
    /// The panic; the slot is free. pre: rights open, the slot is this thread's.
    fn take(&self) -> *mut Exception {
        let panic = self.panic.load(Ordering::Relaxed);
        self.thread.store(0, Ordering::Relaxed);
        self.stand_in.store(0, Ordering::Release);
        at(panic)
    }
}

/// pre: rights open.
pub(crate) fn pass_exceptions(pass: bool) {
    published()
        .panics
        .passes
        .store(pass.into(), Ordering::Relaxed);
}

/// For [`forget_since`].
pub(crate) fn mark() -> u64 {
    published().panics.serial.load(Ordering::Relaxed)
}

/// The foreign frames are gone that this thread's panics since the mark were passing:
/// the panics end here. pre: rights open.
pub(crate) fn forget_since(mark: u64) {
    let me = me();
    for slot in &published().panics.slots {
        let mine =
            slot.stand_in.load(Ordering::Acquire) > 1 && slot.thread.load(Ordering::Relaxed) == me;
        if mine && slot.serial.load(Ordering::Relaxed) >= mark {
            let panic = slot.take();
            // The one way to end a panic, with its payload and its thread's count, is to catch
            // it. SAFETY: it was raised once, and nobody else has it.
            let _ = catch_panic(|| unsafe { raise(panic) });
        }
    }
}

/// # Safety
/// A panic that `leave_callback` left behind.
unsafe fn raise(panic: *mut Exception) {
    // SAFETY: the caller's promise; its frames are those that it never reached.
    unsafe { _Unwind_RaiseException(panic) };
    fatal(format_args!(
        "a panic found nobody to catch it behind a foreign call"
    ));
}

/// A foreign handler ended the stand-in: nothing can go on with the panic, as with
/// handlers that were not rewritten (Rust: "Rust panics must be rethrown").
unsafe extern "C" fn swallowed(_: c_int, _: *mut Exception) {
    fatal(format_args!(
        "foreign code caught a Rust panic and did not rethrow it"
    ));
}

/// A callback of the host is left by an exception: closes its gate. Returns where the
/// exception itself may go on through foreign frames; else a stand-in does.
///
/// # Safety
/// token: that of the innermost galeed_callback_enter. exception: being unwound with.
pub(crate) unsafe fn leave_callback(token: *mut c_void, exception: *mut c_void) {
    if !in_host_domain(exception.addr() as u64) {
        // SAFETY: the caller's promise; the runtime checks the token.
        return unsafe { sys::mpk_callback_exit(token) };
    }
    let panic = exception.expose_provenance() as u64;
    // SAFETY: as above. C's allocator is asked with foreign rights: it may answer anything.
    let stand_in = unsafe {
        sys::mpk_callback_exit(token);
        malloc(size_of::<Exception>()).cast::<Exception>()
    };
    if stand_in.is_null() {
        fatal(format_args!(
            "no memory to pass a panic through foreign code"
        ));
    }
    // SAFETY: fresh memory of that size, or what foreign rights make of it.
    unsafe {
        stand_in.write(Exception {
            class: CLASS,
            cleanup: Some(swallowed),
            private: [0; 2],
        });
    }
    let address = stand_in.expose_provenance() as u64;
    with_rights(|| published().panics.put(address, panic));
    // SAFETY: what foreign code would do to throw, with its rights.
    unsafe { _Unwind_RaiseException(stand_in) };
    fatal(format_args!(
        "a panic cannot pass foreign frames: they have no unwind tables, or nobody catches it"
    ));
}

/// A foreign function is left by an exception: its gate's rights come back. Returns only
/// where the exception itself may go on in the host.
///
/// # Safety
/// token: that of the innermost galeed_gate_enter. exception: being unwound with.
pub(crate) unsafe fn leave_gate(token: *mut c_void, exception: *mut c_void) {
    let stand_in = exception.expose_provenance() as u64;
    if let Some(slot) = published().panics.find(stand_in) {
        // SAFETY: the caller's promise; the runtime checks the token. The stand-in came from
        // C's allocator, which gets it back while rights are closed.
        unsafe {
            free(exception);
            crate::gate::exit(token);
            return raise(slot.take());
        }
    }
    if published().panics.passes.load(Ordering::Relaxed) != 0 {
        // SAFETY: as above.
        return unsafe { crate::gate::exit(token) };
    }
    // SAFETY: a string that lives for ever, as long as the gate is the innermost one.
    let function = unsafe { sys::mpk_gate_function() };
    let function = if function.is_null() {
        c"foreign code"
    } else {
        // SAFETY: as above.
        unsafe { CStr::from_ptr(function) }
    };
    // SAFETY: read with foreign rights, as the unwinder does.
    let class = unsafe { exception.cast::<Exception>().read() }.class;
    if class == 0 {
        fatal(format_args!(
            "the thread was ended inside {}: pthread_exit and pthread_cancel cannot pass a gate",
            function.to_string_lossy()
        ));
    }
    let mut name = [0; NAME_BYTES];
    let kind = kind_of(stand_in, &mut name);
    // SAFETY: C's own exception and its own destructor of it, with foreign rights.
    unsafe {
        if class & !1 != GNU || !crate::cxx::handle(exception) {
            _Unwind_DeleteException(exception.cast());
        }
        crate::gate::exit(token);
    }
    let function = function.to_string_lossy();
    match kind {
        Some(kind) => panic!("foreign function {function} threw a C++ exception of type {kind}"),
        None => panic!("foreign function {function} threw an exception"),
    }
}

/// The type of a C++ exception, as its mangled name. pre: foreign rights; what C wrote
/// there may make it crash as C itself would.
pub(crate) fn kind_of(exception: u64, name: &mut [u8; NAME_BYTES]) -> Option<&str> {
    // SAFETY: with foreign rights, which is all that C has itself.
    let word = |address: u64| unsafe { at::<u64>(address).read_unaligned() };
    let class = word(exception);
    if class & CXX_MASK != CXX {
        return None;
    }
    let before = word(exception.wrapping_sub(TYPE_BEFORE));
    let kind = if class & 1 == 0 {
        before
    } else {
        word(before.wrapping_sub(TYPE_BEFORE_OBJECT))
    };
    let text = word(kind.wrapping_add(8));
    let mut used = 0;
    while used < NAME_BYTES {
        // SAFETY: as above.
        let byte = unsafe { at::<u8>(text.wrapping_add(used as u64)).read() };
        if !byte.is_ascii_graphic() {
            break;
        }
        name[used] = byte;
        used += 1;
    }
    str::from_utf8(&name[..used]).ok()
}
