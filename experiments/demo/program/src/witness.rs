//! The last-gasp witness: what had changed by the time the process died.
//!
//! A copy that runs on through the heap ends in SIGSEGV. This handler, on a stack
//! of its own and with nothing but static memory and a shared page, then compares
//! the bytes of the victim with what they were and prints what it sees, so that
//! corruption is shown and not inferred from the crash. It then lets the process
//! die of that signal. In the defended build the handler is never reached:
//! galeed's own answers first.
//!
//! Invariant: the handler touches the heap only to read the victim's bytes.

use std::ffi::{c_int, c_void};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

const STACK_BYTES: usize = 64 * 1024;
const PAGE_BYTES: usize = 4096;

/// Address and length of the victim, and of the page with a copy of its bytes.
static VICTIM: AtomicUsize = AtomicUsize::new(0);
static VICTIM_BYTES: AtomicUsize = AtomicUsize::new(0);
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// Counts the bytes in which the victim differs from the witness's copy.
pub fn changed_bytes() -> usize {
    let (victim, page) = (
        VICTIM.load(Ordering::SeqCst) as *const u8,
        PAGE.load(Ordering::SeqCst) as *const u8,
    );
    let mut changed = 0;
    for offset in 0..VICTIM_BYTES.load(Ordering::SeqCst) {
        // SAFETY: `watch` was given live memory of that length and copied it to
        // the page. Volatile: foreign code may have written it behind Rust's back.
        let same =
            unsafe { victim.add(offset).read_volatile() == page.add(offset).read_volatile() };
        changed += usize::from(!same);
    }
    changed
}

extern "C" fn last_gasp(signal: c_int) {
    let mut line = *b"{\"case\":\"cve\",\"died\":true,\"neighbour_changed\":0000}\n";
    let digits = line.len() - 6;
    let mut rest = changed_bytes();
    for place in (digits..digits + 4).rev() {
        line[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    // JSON allows no leading zeros: blanks are as good.
    for place in digits..digits + 3 {
        if line[place] != b'0' {
            break;
        }
        line[place] = b' ';
    }
    // SAFETY: write, signal and raise are async-signal-safe; the line is on this stack.
    unsafe {
        libc::write(1, line.as_ptr().cast(), line.len());
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
    assert!(victim.len() <= PAGE_BYTES);
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
