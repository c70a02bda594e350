//! The C of foreign.c, and what happens while it runs.

use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::Scope;
use std::time::Duration;

// Outside the heap: foreign code, and threads that must not wait for it, reach them.
static IN: AtomicI32 = AtomicI32::new(0);
static READY: AtomicI32 = AtomicI32::new(0);
static GO: AtomicI32 = AtomicI32::new(0);
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

/// In foreign code and out of it.
pub fn pass() {
    OUT.store(1, Ordering::SeqCst);
    stay();
}

fn wait_for(word: &AtomicI32) {
    while word.load(Ordering::SeqCst) == 0 {
        std::hint::spin_loop();
    }
}

pub fn wait_until_in() {
    wait_for(&IN);
}

/// A thread that acts while some thread is in foreign code, and calls that one back. When this returns it
/// is done with the heap; the action must not touch it either: on mprotect it would wait for ever.
pub fn amid<'a>(scope: &'a Scope<'a, '_>, action: impl FnOnce() + Send + 'a) {
    scope.spawn(move || {
        let action = std::hint::black_box(action); // out of the thread's box, onto its stack
        READY.store(1, Ordering::SeqCst);
        wait_until_in();
        std::thread::sleep(A_WHILE);
        action();
        std::thread::sleep(A_WHILE);
        OUT.store(1, Ordering::SeqCst);
    });
    wait_for(&READY);
}

/// Another thread is in foreign code when this returns; the caller is done with its making, in the heap.
pub fn another<'a>(scope: &'a Scope<'a, '_>) {
    drop(scope.spawn(|| {
        wait_for(&GO);
        stay();
    }));
    GO.store(1, Ordering::SeqCst);
    wait_until_in();
}

/// This thread begins something and is in foreign code while another acts.
pub fn meanwhile(begin: impl FnOnce(), action: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        amid(scope, action);
        begin();
        stay();
    });
}
