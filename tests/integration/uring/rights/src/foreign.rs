//! The C of foreign.c, and what happens while it runs.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::Scope;
use std::time::Duration;

// Outside the heap: foreign code, and threads that must not wait for it, reach them.
static IN: AtomicI32 = AtomicI32::new(0);
static OUT: AtomicI32 = AtomicI32::new(0);
/// Long enough for a timer's interrupt, and for the kernel's workers.
const A_WHILE: Duration = Duration::from_millis(60);

unsafe extern "C" {
    fn foreign_stay(inside: *const AtomicI32, out: *const AtomicI32);
    pub fn foreign_poke(at: *mut u8);
    pub fn foreign_arm(socket: i32, address: usize, bytes: u32) -> i32;
}

pub fn stay() {
    // SAFETY: statics.
    unsafe { foreign_stay(&raw const IN, &raw const OUT) };
}

pub fn wait_until_in() {
    while IN.load(Ordering::SeqCst) == 0 {
        std::hint::spin_loop();
    }
}

/// A thread that acts while some thread is in foreign code, and calls that one back. It has started
/// when this returns. The action must not touch the heap: on mprotect it would wait for ever.
pub fn amid<'a>(scope: &'a Scope<'a, '_>, action: impl FnOnce() + Send + 'a) {
    let ready = Arc::new(Barrier::new(2));
    let here = ready.clone();
    scope.spawn(move || {
        here.wait();
        wait_until_in();
        std::thread::sleep(A_WHILE);
        action();
        std::thread::sleep(A_WHILE);
        OUT.store(1, Ordering::SeqCst);
    });
    ready.wait();
}

/// This thread begins something and is in foreign code while another acts.
pub fn meanwhile(begin: impl FnOnce(), action: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        amid(scope, action);
        begin();
        stay();
    });
}
