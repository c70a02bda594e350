//! System calls on the host's heap that wait, where the kernel would say EFAULT.
//!
//! On the mprotect backend the heap is closed to the kernel too while another thread is in
//! foreign code: a load would wait in the fault handler, a system call fails. Rust's I/O takes
//! that for an error of its own (Tokio's driver panics). [`waiting_system_calls!`](crate::waiting_system_calls)
//! puts these functions in the place of libc's.
//!
//! Invariant: nothing is lost. What the kernel might have consumed before it fails to deliver
//! (datagrams, an eventfd's count) is received in memory that is never closed, then copied; calls
//! that leave all as it was when they fail are made again.
//!
//! Foreign code may call these too, by name: for it they are the bare call. They take nothing from
//! memory that it can write, but for errno.

mod defined;
mod files;
mod kept;
pub mod ring;
mod turns;

pub use kept::{brief, recvmsg};

use crate::published::{in_host_domain, published};
use crate::sys;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

const EFAULT: c_int = 14;
/// Calls made again for one of the host's; each time memory was open before. Then it is
/// another buffer of the same call that is bad.
const RETRIES: u32 = 10_000;
/// Received on the stack, which may be a signal stack, so few; up to `MAX_BYTES` in pages of its own.
const STACK_BYTES: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

const PROT_READ_WRITE: c_int = 3;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
    fn mmap(at: *mut c_void, n: usize, prot: c_int, flags: c_int, fd: c_int, o: i64)
    -> *mut c_void;
    fn munmap(at: *mut c_void, bytes: usize) -> c_int;
}

/// Numbers of system calls, x86-64.
#[allow(missing_docs)]
pub mod number {
    pub const READ: i64 = 0;
    pub const WRITE: i64 = 1;
    pub const POLL: i64 = 7;
    pub const PREAD: i64 = 17;
    pub const PWRITE: i64 = 18;
    pub const WRITEV: i64 = 20;
    pub const SENDTO: i64 = 44;
    pub const RECVFROM: i64 = 45;
    pub const SENDMSG: i64 = 46;
    pub const EPOLL_WAIT: i64 = 232;
    pub const PREADV: i64 = 295;
    pub const PWRITEV: i64 = 296;
    pub const GETRANDOM: i64 = 318;
}

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Part {
    base: *mut c_void,
    bytes: usize,
}

/// `struct msghdr`, as far as it is looked at.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Message {
    name: *mut c_void,
    name_bytes: u32,
    parts: *const Part,
    count: usize,
}

/// The call as it is, by the instruction: libc's `syscall` is among what is defined here.
///
/// # Safety
/// As for the call.
pub unsafe fn bare(number: i64, words: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = words;
    let got: isize;
    // SAFETY: the caller's: the kernel checks the rest, and changes no registers besides.
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") number as isize => got, in("rdi") a, in("rsi") b,
            in("rdx") c, in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _,
            options(nostack));
    }
    if (-4095..0).contains(&got) {
        // SAFETY: this thread's own word.
        unsafe { *__errno_location() = -got as c_int };
        return -1;
    }
    got
}

fn errno() -> c_int {
    // SAFETY: this thread's own word.
    unsafe { *__errno_location() }
}

/// The host's domain, or null. pre: the runtime has started, and this is host code.
fn host() -> *mut sys::mpk_domain {
    let host = published().host.load(Ordering::Acquire);
    if host.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { sys::mpk_host(&mut 0) };
    }
    host
}

/// Is it the host that calls, where memory may be closed to the kernel: on mprotect?
fn is_closable() -> bool {
    // SAFETY: callable at any time; starting does nothing when it has been done.
    unsafe {
        sys::mpk_start() == 0
            && sys::mpk_backend() == sys::MPK_BACKEND_MPROTECT
            && sys::mpk_gate_is_foreign() == 0
    }
}

/// A buffer of the host's heap that may be closed to the kernel: the backend is mprotect, the caller
/// the host, and the bytes lie in one live allocation.
fn may_be_closed(buffer: *const c_void, bytes: usize) -> bool {
    let address = buffer.addr() as u64;
    if !in_host_domain(address) || bytes == 0 {
        return false;
    }
    if !is_closable() {
        return false;
    }
    let mut found = sys::mpk_allocation {
        base: 0,
        bytes: 0,
        mark: core::ptr::null_mut(),
        own_pages: 0,
        shared: 0,
    };
    let host = host();
    // SAFETY: host rights, which this waits for; any address may be asked about.
    let live =
        !host.is_null() && unsafe { sys::mpk_heap_find(host, buffer.addr(), &raw mut found) } != 0;
    live && bytes <= found.bytes && buffer.addr() - found.base <= found.bytes - bytes
}

fn fail(error: c_int) -> isize {
    // SAFETY: this thread's own word.
    unsafe { *__errno_location() = error };
    -1
}

/// Runs what makes the kernel work on the heap, and keeps errno. pre: the runtime has started, and
/// this is host code; the call ends by itself.
fn kept_open(call: impl FnOnce() -> isize) -> isize {
    // SAFETY: the caller's promise.
    let kept = unsafe { sys::mpk_keep_open() };
    let got = call();
    let why = errno();
    // SAFETY: the beginning is above; errno is this thread's own.
    unsafe {
        sys::mpk_keep_open_end(kept);
        *__errno_location() = why;
    }
    got
}

/// A call that leaves all as it was when it fails with EFAULT, made until it does not.
///
/// # Safety
/// As for the call.
pub unsafe fn again(number: i64, words: [usize; 6], buffers: &[(*const c_void, usize)]) -> isize {
    // SAFETY: the caller's promise.
    unsafe { again_while(number, words, || wait_for(buffers)) }
}

unsafe fn again_while(number: i64, words: [usize; 6], wait: impl Fn() -> bool) -> isize {
    for _ in 0..RETRIES {
        // SAFETY: the caller's promise.
        let got = unsafe { bare(number, words) };
        if got != -1 || errno() != EFAULT || !wait() {
            return got;
        }
    }
    fail(EFAULT)
}

/// Waits until the host's among the buffers are open. False: none is the host's.
fn wait_for(buffers: &[(*const c_void, usize)]) -> bool {
    let mut any = false;
    for &(buffer, bytes) in buffers {
        if may_be_closed(buffer, bytes) {
            any = true;
            // SAFETY: live memory of the host; while it is closed the load waits.
            unsafe { buffer.cast::<u8>().read_volatile() };
        }
    }
    if !any {
        // SAFETY: this thread's own word, which the search may have changed.
        unsafe { *__errno_location() = EFAULT };
    }
    any
}

/// Receives by `call` into memory that is never closed, and hands that on. Apart, so that bare calls
/// need no stack: the runtime makes some in its fault handler, on a signal stack.
#[inline(never)]
unsafe fn received(
    bytes: usize,
    call: impl Fn(*mut c_void, usize) -> isize,
    deliver: impl Fn(*const u8, usize),
) -> isize {
    if bytes <= STACK_BYTES {
        let mut room = MaybeUninit::<[u8; STACK_BYTES]>::uninit();
        let got = call(room.as_mut_ptr().cast(), bytes);
        deliver(room.as_ptr().cast(), got.clamp(0, bytes as isize) as usize);
        return got;
    }
    let bytes = bytes.min(MAX_BYTES);
    let (prot, flags) = (PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS);
    // SAFETY: new pages, at an address of the kernel's choice.
    let room = unsafe { mmap(core::ptr::null_mut(), bytes, prot, flags, -1, 0) };
    if room.addr() == usize::MAX {
        return -1; // ENOMEM, before anything was consumed
    }
    let got = call(room, bytes);
    let why = errno();
    deliver(room.cast(), got.clamp(0, bytes as isize) as usize);
    // SAFETY: mapped above, and used by nobody else; errno is this thread's.
    unsafe {
        munmap(room, bytes);
        *__errno_location() = why;
    }
    got
}

/// A call whose second and third words are a buffer to fill. It may come back with less than asked
/// for above a megabyte.
///
/// # Safety
/// As for the call.
pub unsafe fn fill(number: i64, words: [usize; 6]) -> isize {
    let [first, address, bytes, d, e, f] = words;
    let into = core::ptr::with_exposed_provenance_mut::<u8>(address);
    if !may_be_closed(into.cast(), bytes) {
        // SAFETY: the caller's promise.
        return unsafe { bare(number, words) };
    }
    // SAFETY: the caller's promise: the buffer has room for what was asked for.
    unsafe {
        received(
            bytes,
            |room, bytes| bare(number, [first, room.expose_provenance(), bytes, d, e, f]),
            |from, got| core::ptr::copy_nonoverlapping(from, into, got),
        )
    }
}

/// readv(2).
///
/// # Safety
/// As for readv.
pub unsafe fn readv(fd: c_int, parts: *const Part, count: c_int) -> isize {
    const READV: i64 = 19;
    let count = usize::try_from(count).unwrap_or(0);
    let closable = |part: &Part| may_be_closed(part.base, part.bytes);
    // SAFETY: the caller's promise; the array itself may have to be waited for.
    let all = || unsafe { core::slice::from_raw_parts(parts, count) };
    if parts.is_null() || count == 0 || !all().iter().any(closable) {
        let words = [fd as usize, parts.expose_provenance(), count, 0, 0, 0];
        let array = (parts.cast(), count.wrapping_mul(size_of::<Part>()));
        // SAFETY: the caller's promise; none of what it fills is the host's heap.
        return unsafe { again(READV, words, &[array]) };
    }
    let bytes = all()
        .iter()
        .map(|part| part.bytes)
        .fold(0, usize::saturating_add);
    // SAFETY: the caller's promise: each part has room for its bytes.
    unsafe {
        received(
            bytes,
            |room, bytes| {
                bare(
                    number::READ,
                    [fd as usize, room.expose_provenance(), bytes, 0, 0, 0],
                )
            },
            |from, got| {
                let mut done = 0;
                for part in all() {
                    let here = part.bytes.min(got - done);
                    core::ptr::copy_nonoverlapping(from.add(done), part.base.cast(), here);
                    done += here;
                }
            },
        )
    }
}

/// writev(2) and sendmsg(2): `parts` are the buffers of the call `number`.
///
/// # Safety
/// As for the call.
pub unsafe fn gather(number: i64, words: [usize; 6], parts: *const Part, count: usize) -> isize {
    let array = (parts.cast(), count.saturating_mul(size_of::<Part>()));
    let wait = || {
        let mut any = wait_for(&[array]);
        for at in 0..if parts.is_null() { 0 } else { count } {
            // SAFETY: the caller's promise.
            let part = unsafe { parts.add(at).read() };
            any |= wait_for(&[(part.base.cast_const(), part.bytes)]);
        }
        any
    };
    // SAFETY: the caller's promise.
    unsafe { again_while(number, words, wait) }
}

/// sendmsg(2).
///
/// # Safety
/// As for sendmsg.
pub unsafe fn sendmsg(fd: c_int, message: *const Message, flags: c_int) -> isize {
    let words = [
        fd as usize,
        message.expose_provenance(),
        flags as usize,
        0,
        0,
        0,
    ];
    if message.is_null() {
        // SAFETY: the kernel says what is wrong with it.
        return unsafe { bare(number::SENDMSG, words) };
    }
    // SAFETY: the caller's promise.
    let Message { parts, count, .. } = unsafe { message.read() };
    // SAFETY: the caller's promise.
    unsafe { gather(number::SENDMSG, words, parts, count) }
}
