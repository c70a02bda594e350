//! The global allocator is the host domain's. Argument: what to do after a gate.

use galeed_mpk::ffi;
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_int;
use std::hint::black_box;

struct Host;

// SAFETY: the runtime's heap keeps GlobalAlloc's promises.
unsafe impl GlobalAlloc for Host {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no preconditions on a host thread.
        unsafe { ffi::mpk_host_alloc(layout.size(), layout.align()).cast() }
    }
    unsafe fn dealloc(&self, base: *mut u8, _: Layout) {
        // SAFETY: base came from alloc.
        unsafe { ffi::mpk_host_free(base.cast()) }
    }
}

#[global_allocator]
static HEAP: Host = Host;

unsafe extern "C" {
    fn library_work(number: c_int) -> c_int;
}

fn overflow(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    if depth == u64::MAX {
        0
    } else {
        overflow(depth + 1) + room[3]
    }
}

fn main() {
    // SAFETY: the function has no preconditions.
    let result = unsafe { library_work(41) };
    let words: Vec<String> = std::env::args().collect();
    println!(
        "{result} at {:#x}",
        words.as_ptr() as usize >> ffi::MPK_HOST_SHIFT
    );
    match words.get(1).map(String::as_str) {
        Some("overflow") => println!("{}", overflow(0)),
        Some("overflow-thread") => {
            let thread = std::thread::Builder::new().name("deep".into());
            let _ = thread.spawn(|| overflow(0)).map(|thread| thread.join());
        }
        Some("panic") => {
            let caught = std::panic::catch_unwind(|| {
                // SAFETY: a body that owns nothing.
                let _ = unsafe { galeed_mpk::attempt(|| panic!("through the runtime")) };
            });
            println!("caught {}", caught.is_err());
        }
        _ => {}
    }
}
