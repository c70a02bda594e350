//! The C interface for hosts: Python by cffi, and tests. Host rights.
#![allow(rustdoc::broken_intra_doc_links)] // the docs become comments of a C header

use crate::error::Error;
use crate::foreign::lease::permits;
use crate::layout::{generation_of, index_of};
use crate::resolve::{Access, Kind};
use crate::start::{host, registry, start};
use crate::table::{CODE, MAPPED, Record, WRITABLE};
use crate::{lease, sys};
use core::ffi::{c_char, c_int, c_void};

/// enum mpk_access, as it crosses: any number may come.
#[allow(non_camel_case_types)]
type mpk_access = c_int;
/// An address, as C spells it.
#[allow(non_camel_case_types)]
type uintptr_t = usize;
/// A length, as C spells it.
#[allow(non_camel_case_types)]
type size_t = usize;

/// The functions below are for hosts (Python by cffi, tests), with host rights.
/// They return 0, an enum galeed_error or an enum mpk_error.
///
/// Starts the table, and mpk below it. Idempotent; the others call it.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_start() -> c_int {
    Error::code_of(start())
}

/// As galeed_start, where no other copy of the runtime is in the process: one in another library
/// (package mpk of Python's, say) would be joined, and its domains shared. errors: MPK_EADDRESS.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_start_alone() -> c_int {
    Error::code_of(start().and_then(|()| {
        // SAFETY: started.
        let joined = unsafe { sys::mpk_is_joined() } != 0;
        Error::check(if joined { sys::MPK_EADDRESS } else { 0 })
    }))
}

/// One line for people: what is wrong and what to do. Also for mpk's errors.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_strerror(error: c_int) -> *const c_char {
    Error(error).message().as_ptr()
}

/// Exceptions of C++ that leave foreign code: pass 0, they end at the gate, and the host gets
/// a panic of Rust in their place (the default); 1, they go on into the host, for a host in C++
/// that trusts the library with that: their objects lie in foreign memory and name the
/// functions that the host will call to catch and destroy them.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_pass_exceptions(pass: c_int) -> c_int {
    Error::code_of(start().map(|()| crate::panics::pass_exceptions(pass != 0)))
}

/// Handle of an address inside a live allocation: the same one as long as the
/// allocation lives. errors: ENOTHEAP, EFULL, MPK_*.
///
/// # Safety
/// handle: writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_lend(address: uintptr_t, handle: *mut u64) -> c_int {
    let lent = start().and_then(|()| lease::lend(address as u64));
    // SAFETY: the caller's promise.
    unsafe { deliver(lent, handle) }
}

/// A lease of its own on [address, address+bytes), read-only unless writable;
/// ends with galeed_revoke, or with the heap allocation that it lies in (when
/// that shrinks, if it no longer fits). Memory in the host domain must lie within
/// one live allocation; other memory may be anywhere. Always private.
/// errors: ENOTHEAP, EFULL, MPK_EINVALID (null, no user address, the published
/// range).
///
/// # Safety
/// handle: writable. The memory stays readable (and writable) until the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_lend_range(
    address: uintptr_t,
    bytes: size_t,
    writable: c_int,
    handle: *mut u64,
) -> c_int {
    let lent =
        start().and_then(|()| lease::lend_range(address as u64, bytes as u64, writable != 0));
    // SAFETY: the caller's promise.
    unsafe { deliver(lent, handle) }
}

/// # Safety
/// `out` is writable.
unsafe fn deliver<T>(value: Result<T, Error>, out: *mut T) -> c_int {
    if out.is_null() {
        return Error::INVALID.code();
    }
    Error::code_of(value.map(|value| {
        // SAFETY: the caller's promise.
        unsafe { out.write(value) };
    }))
}

/// As galeed_lend_range, and foreign code accesses it directly where it can: memory outside the
/// host domain, which must be open to foreign code anyway, and parts of allocations of a page or
/// more, whose pages it opens until they are freed. Smaller ones stay private. errors: the same.
///
/// # Safety
/// As for galeed_lend_range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_lend_mapped(
    address: uintptr_t,
    bytes: size_t,
    writable: c_int,
    handle: *mut u64,
) -> c_int {
    let lent =
        start().and_then(|()| lease::lend_mapped(address as u64, bytes as u64, writable != 0));
    // SAFETY: the caller's promise.
    unsafe { deliver(lent, handle) }
}

/// A handle of its own for a function of the host's, wherever it lies, that foreign code may call
/// through a callback gate until galeed_revoke. errors: EFULL, MPK_EINVALID (no address of a
/// function of the host's).
///
/// # Safety
/// handle: writable. The function stays where it is until the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_lend_code(function: uintptr_t, handle: *mut u64) -> c_int {
    let lent = start().and_then(|()| crate::code::lend_for_a_while(function as u64));
    // SAFETY: the caller's promise.
    unsafe { deliver(lent, handle) }
}

/// For hosts that load rewritten libraries: all that the first gate does before it opens (checks
/// the allocator of the Rust code, installs the fault handler). Idempotent.
/// errors: GALEED_EALLOCATOR.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_prepare() -> c_int {
    Error::code_of(crate::gate::try_prepare())
}

/// Ends a lease. Functions that a gate lent stay so for ever. The pages of a mapped lease that
/// is revoked are taken back when Rust frees them. errors: EHANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_revoke(handle: u64) -> c_int {
    Error::code_of(start().and_then(|()| lease::revoke(handle)))
}

/// What the handle stands for. 0, or the violation kind (MPK_SPATIAL ...) that
/// an access of `bytes` with `access` would be; nothing is reported.
/// errors: MPK_EINVALID for an access that is none.
///
/// # Safety
/// address: writable, or null. It is written when 0 is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_check(
    handle: u64,
    bytes: size_t,
    access: mpk_access,
    address: *mut uintptr_t,
) -> c_int {
    if let Err(error) = start() {
        return error.code();
    }
    let Some(access) = Access::from_number(access as u32) else {
        return Error::INVALID.code();
    };
    let verdict = if crate::layout::is_handle(handle) {
        permits(handle, bytes as u64, access)
    } else {
        Err(Kind::Forged)
    };
    match verdict {
        Ok(at) if !address.is_null() => {
            // SAFETY: the caller's promise.
            unsafe { address.write(at as usize) };
            0
        }
        Ok(_) => 0,
        Err(kind) => kind as c_int,
    }
}

/// What a handle stands for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Lease {
    /// Handle of its first byte.
    pub handle: u64,
    /// Address of its first byte.
    pub address: uintptr_t,
    /// Its exact length.
    pub bytes: size_t,
    /// Index in the table.
    pub index: u32,
    /// Generation of the index.
    pub generation: u32,
    /// Foreign code reaches it directly.
    pub mapped: u32,
    /// Foreign code may write it.
    pub writable: u32,
    /// It is a function.
    pub code: u32,
    /// 0: it has ended, and the rest is what it was.
    pub live: u32,
}

/// errors: EHANDLE when the handle was never given out, or its index has been
/// used again since.
///
/// # Safety
/// out: writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_describe(handle: u64, out: *mut Lease) -> c_int {
    let described = start()
        .and_then(|()| lease::describe(handle))
        .map(|(index, record)| {
            let Record {
                base,
                address,
                bytes,
                generation,
                flags,
            } = record;
            debug_assert_eq!(
                (index, generation),
                (index_of(handle), generation_of(handle))
            );
            let flag = |bit: u32| u32::from(flags & bit != 0);
            Lease {
                handle: crate::layout::encode(index, generation, address),
                address: address as usize,
                bytes: bytes as usize,
                index,
                generation,
                mapped: flag(MAPPED),
                writable: flag(WRITABLE),
                code: flag(CODE),
                live: u32::from(base != 0),
            }
        });
    // SAFETY: the caller's promise.
    unsafe { deliver(described, out) }
}

/// Leases that are live now, functions included.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_live_leases() -> size_t {
    if start().is_ok() {
        registry().live()
    } else {
        0
    }
}

/// Host-heap memory for hosts whose own allocator is not ours (Python); galeed's
/// runtime is one per process, so it brings its heap along. As mpk_heap_alloc.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_heap_alloc(bytes: size_t, align: size_t) -> *mut c_void {
    if start().is_err() || !(align == 0 || align.is_power_of_two()) {
        return core::ptr::null_mut();
    }
    // SAFETY: host rights, a valid alignment.
    unsafe { sys::mpk_heap_alloc(host(), bytes, align) }
}

/// The same, zeroed. As mpk_heap_calloc.
#[unsafe(no_mangle)]
pub extern "C" fn galeed_heap_calloc(bytes: size_t, align: size_t) -> *mut c_void {
    if start().is_err() || !(align == 0 || align.is_power_of_two()) {
        return core::ptr::null_mut();
    }
    // SAFETY: host rights, a valid alignment.
    unsafe { sys::mpk_heap_calloc(host(), bytes, align) }
}

/// As mpk_heap_realloc.
///
/// # Safety
/// base: null, or of a live allocation. Anything else is fatal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_heap_realloc(
    base: *mut c_void,
    bytes: size_t,
    align: size_t,
) -> *mut c_void {
    if start().is_err() || !(align == 0 || align.is_power_of_two()) {
        return core::ptr::null_mut();
    }
    // SAFETY: host rights, a valid alignment; the heap checks the base.
    unsafe { sys::mpk_heap_realloc(host(), base, bytes, align) }
}

/// As mpk_heap_free.
///
/// # Safety
/// base: null, or of a live allocation. Anything else is fatal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn galeed_heap_free(base: *mut c_void) {
    if start().is_ok() {
        // SAFETY: host rights; the heap checks the base.
        unsafe { sys::mpk_heap_free(host(), base) }
    }
}
