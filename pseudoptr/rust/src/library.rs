//! A Rust library under a `main` that is foreign: C that nobody rewrote.
//!
//! [`library!`](crate::library!) puts a constructor into the program, which starts the runtime
//! before `main` and closes Rust's heap to the main thread, for good. From there on C is
//! foreign, and each function that the library exports opens the heap for itself alone, by
//! [`enter`]. C gets pseudo-pointers that it can only hand back ([`hand_out`], [`object`]),
//! or what Rust writes into C's own memory ([`buffer`]).
//!
//! ```ignore
//! galeed::library!();
//!
//! #[unsafe(no_mangle)]
//! pub extern "C" fn counter_new() -> *mut Counter {
//!     galeed::library::enter(|| galeed::library::hand_out(Box::into_raw(Box::default())))
//!         .unwrap_or(core::ptr::null_mut())
//! }
//!
//! #[unsafe(no_mangle)]
//! pub extern "C" fn counter_add(counter: *mut Counter, n: u64) -> i32 {
//!     galeed::library::enter(|| match galeed::library::object(counter) {
//!         // SAFETY: a live Counter, and C calls from one thread at a time.
//!         Ok(counter) => unsafe { (*counter.as_ptr()).add(n) },
//!         Err(kind) => -(kind as i32),
//!     })
//! }
//! ```
//!
//! Works with and without feature `std`.
//!
//! ASSUMES: nothing of C's runs with a thread of its own before the constructor, which the
//! constructor checks. On mprotect, C's later threads share the process's rights, as always
//! there: they are refused here, but reach the heap by raw addresses while main is in the host.
//!
//! Attacker: C may call every exported function with any pointer, and `enter`'s parts out of
//! order: the runtime's record of gates decides, as for callbacks.

use crate::error::Error;
use crate::fatal::fatal;
use crate::layout::is_handle;
use crate::published::touches_ours;
use crate::resolve::{Access, Kind, resolve};
use crate::start::{registry, start_or_die};
use crate::wall::walled;
use crate::{gate, lease, shadow, sys};
use core::ffi::{CStr, c_void};
use core::panic::PanicInfo;
use core::ptr::NonNull;

/// Makes the program's main thread foreign before `main` begins: once in a library, at its top
/// level. Other constructors of the program come later, unless their priority is below 101;
/// those must start no thread. A start that fails ends the process with one line.
#[macro_export]
macro_rules! library {
    () => {
        const _: () = {
            // `enter` refers to the name, so that the linker takes this from the archive.
            #[used]
            #[unsafe(no_mangle)]
            #[unsafe(link_section = ".init_array.00101")]
            static galeed_library: extern "C" fn() = $crate::library::close_main;
        };
    };
}

unsafe extern "C" {
    // What `library!` defines.
    safe static galeed_library: extern "C" fn();
}

/// What the constructor does.
#[doc(hidden)]
pub extern "C" fn close_main() {
    gate::prepare();
    // SAFETY: the process's constructor; the runtime checks that it is alone.
    let error = unsafe { sys::mpk_gate_outermost(c"main".as_ptr()) };
    if error != 0 {
        fatal(format_args!(
            "cannot close the heap to main: {}",
            Error(error)
        ));
    }
}

/// Runs `body` with Rust's rights, and gives them back. The body of each exported function.
/// A panic of `body` that gets so far ends the process, and so does an exception.
///
/// Ends the process with one line where the thread is not foreign: without
/// [`library!`](crate::library!), and on mprotect in threads that C started.
#[inline(never)] // the token lies below those of the frames outside, and above those inside
pub fn enter<R>(body: impl FnOnce() -> R) -> R {
    core::hint::black_box(&raw const galeed_library);
    let mut frame = 0u8;
    let token = (&raw mut frame).cast();
    begin(token);
    let result = walled(body);
    // SAFETY: the token of the innermost callback, which `begin` entered.
    unsafe { gate::callback_exit(token) };
    result
}

fn begin(token: *mut c_void) {
    start_or_die();
    // SAFETY: both may be asked in either state.
    let nested = unsafe { sys::mpk_gate_is_foreign() != 0 || !sys::mpk_gate_function().is_null() };
    if !nested {
        fatal(format_args!(
            "a library of the host was called by a thread that is not foreign, so that the heap \
             is open to it: on mprotect only the main thread can be closed out"
        ));
    }
    // SAFETY: the token lies in the frame of `enter`, which leaves by the same.
    unsafe { sys::mpk_callback_enter(token) };
    shadow::suspend(token);
}

/// Calls C from inside [`enter`], by a function pointer that C passed: `body` runs with foreign
/// rights, so it may touch its frame and C's memory, no more. Keep it to the call. An exception of
/// C++'s that gets so far ends the process. `name`: for reports.
///
/// # Safety
/// `body` touches nothing else: that is a violation, and one that unwinds drops the frames from
/// there to a [`catch`](crate::catch) without their destructors.
#[inline(never)] // as for enter: a token above its caller's would make that one's gate a dead one
pub unsafe fn call_out<R>(name: &'static CStr, body: impl FnOnce() -> R) -> R {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast();
    // SAFETY: the token lies in this frame, which is left by `exit` below or not at all.
    unsafe { gate::enter(token, name.as_ptr()) };
    let result = walled(body);
    // SAFETY: pairs with the enter above.
    unsafe { gate::exit(token) };
    result
}

/// A pseudo-pointer to an object on Rust's heap, for C to keep and hand back. It dies with the
/// object. Always private: C reaches the object by no address, however large it is. Each call
/// begins another lease, so make one an object.
///
/// # Errors
/// [`Error::NOT_HEAP`] where no live allocation of Rust's holds the whole object,
/// [`Error::FULL`] when no index is free.
pub fn hand_out<T>(object: *mut T) -> Result<*mut T, Error> {
    const { assert!(size_of::<T>() != 0, "nothing to lend") };
    start_or_die();
    let address = object.expose_provenance() as u64;
    if !crate::published::in_host_domain(address) {
        return Err(Error::NOT_HEAP);
    }
    let handle = lease::lend_range(address, size_of::<T>() as u64, true)?;
    Ok(core::ptr::without_provenance_mut(handle as usize))
}

/// The object whose pseudo-pointer C handed back: the first byte of a live lease, of as many
/// bytes as a `T` has. That it was a `T` is for the library to know, if it hands out several
/// types of one size.
///
/// # Errors
/// The rule that an access to it would break: [`Kind::Temporal`] when the object is gone,
/// [`Kind::Forged`] when C made it up, [`Kind::Boundary`] for a raw address, also null,
/// [`Kind::Spatial`] for another place in it, [`Kind::Type`] for an object of another size.
pub fn object<T>(pointer: *mut T) -> Result<NonNull<T>, Kind> {
    start_or_die();
    let handle = pointer.addr() as u64;
    if !is_handle(handle) {
        return Err(Kind::Boundary);
    }
    let address = resolve(handle, size_of::<T>() as u64, Access::Write)?;
    let (_, record) = registry().live_of(handle).ok_or(Kind::Temporal)?;
    if record.base != handle {
        return Err(Kind::Spatial);
    }
    if record.bytes != size_of::<T>() as u64 {
        return Err(Kind::Type);
    }
    aligned(address)
}

/// `count` values of memory that C passed, for Rust to read or write as `access` says: C's own, or lent memory.
/// An address of Rust's own, on its heap or in its frames, is refused: whoever uses it on C's
/// behalf would do what C cannot. That C's own memory is there is C's promise, as ever.
///
/// # Errors
/// [`Kind::Boundary`] for memory of the host, and for null; [`Kind::Type`] where it is not
/// aligned for a `T`; the rule that is broken where it is a pseudo-pointer.
pub fn buffer<T>(pointer: *const T, count: usize, access: Access) -> Result<NonNull<T>, Kind> {
    start_or_die();
    let first = pointer.expose_provenance() as u64;
    let bytes = (count as u64).checked_mul(size_of::<T>() as u64);
    let bytes = bytes.ok_or(Kind::Spatial)?;
    if is_handle(first) {
        return aligned(resolve(first, bytes, access)?);
    }
    let end = first.checked_add(bytes).ok_or(Kind::Boundary)?;
    // SAFETY: the question may be asked of any address.
    let hosts = |address: u64| unsafe { sys::mpk_gate_host_frame(address as usize) != 0 };
    let touched = end.max(first.saturating_add(1));
    if touches_ours(first, touched) || hosts(first) || hosts(touched - 1) {
        return Err(Kind::Boundary);
    }
    aligned(first)
}

fn aligned<T>(address: u64) -> Result<NonNull<T>, Kind> {
    if !address.is_multiple_of(align_of::<T>() as u64) {
        return Err(Kind::Type);
    }
    NonNull::new(crate::access::at(address)).ok_or(Kind::Boundary)
}

/// Says what a panic had to say, and ends the process: all that a `#[panic_handler]` need do.
/// Neither allocates nor takes a lock.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    fatal(format_args!("{info}"))
}
