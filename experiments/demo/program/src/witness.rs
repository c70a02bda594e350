//! The last-gasp witness: what had changed by the time the process died.
//!
//! A copy that runs on through the heap ends in SIGSEGV. This handler, on a stack
//! of its own and with nothing but static memory and a shared page, then compares
//! the bytes of the victim with what they were and prints what it sees, so that
//! corruption is shown and not inferred from the crash. It then lets the process
//! die of that signal. In the defended build nothing gets that far: the copy is
//! refused before its first byte.
//!
//! A handler may start with every protection key closed, so the victim is read
//! through /proc/self/mem, which asks for no rights of the thread's.
//!
//! Invariant: the handler touches no heap memory, and calls only what is
//! async-signal-safe.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

const STACK_BYTES: usize = 64 * 1024;
const PAGE_BYTES: usize = 4096;
const LONGEST_VICTIM: usize = 256;

/// Address and length of the victim, and of the page with a copy of its bytes.
static VICTIM: AtomicUsize = AtomicUsize::new(0);
static VICTIM_BYTES: AtomicUsize = AtomicUsize::new(0);
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// /proc/self/mem.
static MEMORY: AtomicI32 = AtomicI32::new(-1);

/// Counts the bytes in which the victim differs from the witness's copy; None if it cannot be read.
pub fn changed_bytes() -> Option<usize> {
    let mut now = [0u8; LONGEST_VICTIM];
    let (victim, bytes) = (
        VICTIM.load(Ordering::SeqCst),
        VICTIM_BYTES.load(Ordering::SeqCst),
    );
    // SAFETY: `watch` saw to it that the victim is no longer than the array.
    let got = unsafe {
        libc::pread(
            MEMORY.load(Ordering::SeqCst),
            now.as_mut_ptr().cast(),
            bytes,
            victim as i64,
        )
    };
    if got != bytes as isize {
        return None;
    }
    // SAFETY: the page holds the copy that `watch` made, of that length.
    let before =
        unsafe { std::slice::from_raw_parts(PAGE.load(Ordering::SeqCst) as *const u8, bytes) };
    let differ = now[..bytes]
        .iter()
        .zip(before)
        .filter(|(new, old)| new != old);
    Some(differ.count())
}

/// Prints the count as a JSON line. Async-signal-safe.
fn print_count(count: usize) {
    // Room for four digits before the closing brace; JSON does not mind blanks.
    let mut line = *b"{\"case\":\"cve\",\"died\":true,\"neighbour_changed\":    }\n";
    let mut place = line.len() - 2;
    let mut rest = count;
    loop {
        place -= 1;
        line[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    // SAFETY: write is async-signal-safe; the line is on this stack.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
}

extern "C" fn last_gasp(signal: c_int) {
    // A witness that cannot see says nothing.
    if let Some(count) = changed_bytes() {
        print_count(count);
    }
    // SAFETY: signal and raise are async-signal-safe.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn map(bytes: usize, flags: c_int) -> Result<*mut c_void, String> {
    // SAFETY: a fresh anonymous mapping.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            flags | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        Err(format!("mmap: {}", io::Error::last_os_error()))
    } else {
        Ok(address)
    }
}

/// Watches these bytes: copies them to a shared page and installs the handler.
pub fn watch(victim: &[u8]) -> Result<(), String> {
    assert!(victim.len() <= LONGEST_VICTIM);
    let memory =
        File::open("/proc/self/mem").map_err(|error| format!("/proc/self/mem: {error}"))?;
    MEMORY.store(memory.into_raw_fd(), Ordering::SeqCst);
    let page = map(PAGE_BYTES, libc::MAP_SHARED)?;
    // SAFETY: the page is at least as long, fresh and writable.
    unsafe {
        page.cast::<u8>()
            .copy_from_nonoverlapping(victim.as_ptr(), victim.len())
    };
    VICTIM.store(victim.as_ptr() as usize, Ordering::SeqCst);
    VICTIM_BYTES.store(victim.len(), Ordering::SeqCst);
    PAGE.store(page as usize, Ordering::SeqCst);

    let stack = libc::stack_t {
        ss_sp: map(STACK_BYTES, libc::MAP_PRIVATE)?,
        ss_flags: 0,
        ss_size: STACK_BYTES,
    };
    let handler: extern "C" fn(c_int) = last_gasp;
    // SAFETY: the stack and the handler live for ever; an all-zero sigaction has an empty mask.
    let refused = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaltstack(&stack, std::ptr::null_mut()) != 0
            || libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()) != 0
    };
    if refused {
        Err(format!(
            "cannot install the witness: {}",
            io::Error::last_os_error()
        ))
    } else {
        Ok(())
    }
}
