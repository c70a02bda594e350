//! tally.cpp from tasks: an object of C++ that a task owns, and exceptions that end their task alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// C++'s object, in its own memory; Rust has the pointer.
struct Tally(*mut std::ffi::c_void);

// SAFETY: the object knows no thread, and has one owner.
unsafe impl Send for Tally {}

unsafe extern "C-unwind" {
    fn tally_new() -> *mut std::ffi::c_void;
    fn tally_delete(tally: *mut std::ffi::c_void);
    fn tally_add(tally: *mut std::ffi::c_void, bytes: *const u8, count: usize) -> std::ffi::c_long;
    fn tallies_alive() -> std::ffi::c_long;
}

impl Tally {
    fn new() -> Self {
        // SAFETY: takes nothing.
        Self(unsafe { tally_new() })
    }

    fn add(&mut self, bytes: &[u8]) -> i64 {
        // SAFETY: the length is the slice's, the object is ours.
        unsafe { tally_add(self.0, bytes.as_ptr(), bytes.len()) }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        // SAFETY: from `tally_new`, once.
        unsafe { tally_delete(self.0) }
    }
}

const STEPS: u8 = 12;

/// Adds step by step, on whatever worker it is; the last step of every third task throws, on the blocking pool for
/// every sixth.
async fn task(number: usize, moved: Arc<AtomicUsize>) -> i64 {
    let mut tally = Tally::new();
    let mut sum = 0;
    for step in 1..=STEPS {
        let bytes = vec![step; 4];
        let before = std::thread::current().id();
        tokio::task::yield_now().await;
        if step % 4 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        moved.fetch_add(
            usize::from(std::thread::current().id() != before),
            Ordering::Relaxed,
        );
        sum = tally.add(&bytes);
    }
    match number % 6 {
        0 => {
            let done = tokio::task::spawn_blocking(move || tally.add(&[])).await;
            done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        }
        3 => tally.add(&[]),
        _ => sum,
    }
}

/// How many tasks came to their sum and how many were ended by C++'s exception; what is left behind.
pub async fn run(tasks: usize) {
    std::panic::set_hook(Box::new(|_| {}));
    let (moved, mut all) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    let (mut right, mut thrown, mut leases) = (0, 0, 0);
    for round in 0..2 {
        for number in 0..tasks {
            all.spawn(task(number, moved.clone()));
        }
        let expected: i64 = (1..=i64::from(STEPS)).map(|step| step * 4).sum();
        while let Some(done) = all.join_next().await {
            match done {
                Ok(sum) => right += usize::from(sum == expected),
                Err(error) => {
                    let said = error.into_panic().downcast::<String>();
                    let wanted =
                        "foreign function tally_add threw a C++ exception of type St12length_error";
                    thrown += usize::from(said.is_ok_and(|said| *said == *wanted));
                }
            }
        }
        if round == 0 {
            leases = galeed::host::galeed_live_leases();
        }
    }
    // SAFETY: asks only.
    let (alive, foreign) = unsafe { (tallies_alive(), galeed_mpk::ffi::mpk_gate_is_foreign()) };
    println!(
        "right={right} thrown={thrown} alive={alive} foreign={foreign} leases={} moved={}",
        galeed::host::galeed_live_leases() as i64 - leases as i64,
        moved.load(Ordering::Relaxed) > 0
    );
}
