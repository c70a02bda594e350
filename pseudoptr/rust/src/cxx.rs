//! The runtime's side of libstdc++: what rewritten C++ calls in place of two of its
//! functions, and its account of a thread's exceptions.
//!
//! `__dynamic_cast` reads the virtual table pointers inside an object: of one in lent
//! memory it gets the object's own address (a mapped lease) or a copy of all that was lent.
//! `std::thread` would start a thread behind our back (see pthread.rs).
//!
//! Foreign rights throughout, but where the lease is looked up.

use crate::access::with_rights;
use crate::layout::is_handle;
use crate::resolve::{Access, resolve};
use crate::start::registry;
use crate::table::direct;
use crate::violation::refuse;
use crate::{bytes, pthread};
use core::arch::{global_asm, naked_asm};
use core::ffi::{c_int, c_void};

// Weak: a program without C++ has none of them.
macro_rules! of_libstdcxx {
    ($name:ident, $symbol:literal) => {
        global_asm!(concat!(".weak ", $symbol));
        #[unsafe(naked)]
        extern "C" fn $name() -> *const c_void {
            naked_asm!(
                concat!("mov rax, qword ptr [rip + ", $symbol, "@GOTPCREL]"),
                "ret"
            )
        }
    };
}
of_libstdcxx!(dynamic_cast_of, "__dynamic_cast");
of_libstdcxx!(
    start_thread_of,
    "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE"
);
of_libstdcxx!(system_error_of, "_ZSt20__throw_system_errori");
of_libstdcxx!(globals_of, "__cxa_get_globals");
of_libstdcxx!(begin_catch_of, "__cxa_begin_catch");
of_libstdcxx!(end_catch_of, "__cxa_end_catch");

type Cast = unsafe extern "C" fn(u64, *const c_void, *const c_void, isize) -> u64;
type StartThread = unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, *const c_void);
type SystemError = unsafe extern "C-unwind" fn(c_int) -> !;

/// __cxa_eh_globals: the innermost exception that is being handled, and how many are on their way.
#[repr(C)]
#[derive(Clone, Copy)]
struct Exceptions {
    caught: *mut c_void,
    uncaught: u32,
}
type Globals = extern "C" fn() -> *mut Exceptions;
type BeginCatch = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type EndCatch = unsafe extern "C" fn();

/// A thread's account of C++ exceptions, to be put back when foreign frames that were
/// handling or passing some are dropped. It is libstdc++'s memory, and only C++ reads it.
pub(crate) struct Account(Option<Exceptions>);

fn account() -> Option<*mut Exceptions> {
    let function = globals_of();
    // SAFETY: libstdc++'s function of this type, where there is a libstdc++.
    (!function.is_null())
        .then(|| unsafe { core::mem::transmute::<*const c_void, Globals>(function) }())
}

impl Account {
    pub(crate) fn read() -> Account {
        // SAFETY: this thread's own words.
        Account(account().map(|at| unsafe { at.read() }))
    }

    pub(crate) fn put_back(self) {
        if let (Some(at), Some(old)) = (account(), self.0) {
            // SAFETY: as above.
            unsafe { at.write(old) };
        }
    }
}

/// Ends an exception of libstdc++'s as `catch (...) {}` does: the thread has one less on its way.
/// False: nothing was done, as the program has no libstdc++ of its own.
///
/// # Safety
/// exception: a native one of libstdc++'s, being unwound with, or what foreign rights make of it.
pub(crate) unsafe fn handle(exception: *mut c_void) -> bool {
    let (begin, end) = (begin_catch_of(), end_catch_of());
    if begin.is_null() || end.is_null() {
        return false;
    }
    // SAFETY: libstdc++'s functions of these types; the caller's promise.
    unsafe {
        core::mem::transmute::<*const c_void, BeginCatch>(begin)(exception);
        core::mem::transmute::<*const c_void, EndCatch>(end)();
    }
    true
}

unsafe extern "C" {
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// Room in front of a copy, so that it is aligned as the lent memory is.
const ALIGN: u64 = 64;

fn lent(object: u64, pc: u64) -> Option<(u64, u64)> {
    with_rights(|| {
        let found = resolve(object, 8, Access::Read).map(|_| registry().live_of(object));
        match found {
            Ok(record) => record.map(|(_, record)| (record.base, record.bytes)),
            Err(kind) => {
                refuse(object, 8, Access::Read, kind, pc);
                None
            }
        }
    })
}

/// # Safety
/// As for __dynamic_cast; the object may be a handle.
pub(crate) unsafe extern "C" fn dynamic_cast(
    object: u64,
    from: *const c_void,
    to: *const c_void,
    hint: isize,
    pc: u64,
) -> u64 {
    // SAFETY: rewritten code calls this in its place, so that libstdc++ is there.
    let cast = unsafe { core::mem::transmute::<*const c_void, Cast>(dynamic_cast_of()) };
    if !is_handle(object) {
        // SAFETY: the call that foreign code wanted to make.
        return unsafe { cast(object, from, to, hint) };
    }
    let Some((base, bytes)) = lent(object, pc) else {
        return 0;
    };
    let mapped = direct(base, bytes, false);
    let (mut memory, mut raw) = (core::ptr::null_mut(), mapped.unwrap_or(0));
    if mapped.is_none() {
        // SAFETY: plain malloc, with foreign rights.
        memory = unsafe { malloc((bytes + 2 * ALIGN) as usize) };
        if memory.is_null() {
            crate::fatal::fatal(format_args!("no memory for a copy of {bytes} lent bytes"));
        }
        let first = memory.expose_provenance() as u64;
        raw = first.next_multiple_of(ALIGN) + base % ALIGN;
        bytes::memmove(raw, base, bytes, pc);
    }
    // SAFETY: what foreign code wanted, on memory that it may read.
    let found = unsafe { cast(raw + (object - base), from, to, hint) };
    // SAFETY: null, or from malloc above.
    unsafe { free(memory) };
    if found == 0 {
        0
    } else {
        base.wrapping_add(found.wrapping_sub(raw))
    }
}

/// # Safety
/// As for std::thread::_M_start_thread.
pub(crate) unsafe extern "C-unwind" fn start_thread(
    thread: *mut c_void,
    state: *mut c_void,
    depend: *const c_void,
) {
    let error = pthread::refusal();
    // SAFETY: both are libstdc++'s, which is there when rewritten code calls this.
    unsafe {
        if error != 0 {
            core::mem::transmute::<*const c_void, SystemError>(system_error_of())(error);
        }
        core::mem::transmute::<*const c_void, StartThread>(start_thread_of())(
            thread, state, depend,
        );
    }
}
