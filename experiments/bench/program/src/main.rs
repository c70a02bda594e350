//! Times what a lease costs: to begin and end it, and to find out what a handle stands for.
//!
//! Prints one JSON line: ns for each case, all rounds. In a round every case is timed once, so
//! that noise of the machine hits them alike; two of them are what the hardware itself takes:
//! an exchange of a word that nobody else wants, and a load from the L1 cache whose address the
//! load before gave. `resolve_chain` is such a chain, too: each handle needs what the one before
//! led to (two instructions more see to that); in `resolve` the next handle is known, as in a
//! loop over an array.
//!
//! `resolve` is the check that galeed-cc puts in front of an access, on the table's own
//! entries, by the rule that galeed.h states.

use galeed::Entry;
use galeed::layout::{GALEED_ENTRY_BYTES, GALEED_INDEX_SHIFT, GALEED_TABLE};
use std::hint::black_box;
use std::ptr::with_exposed_provenance;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const ROUNDS: usize = 101;
const STEPS: usize = 2000;
const ACCESS_BYTES: u64 = 8;

/// Where the access goes directly. Where it may not, rewritten code calls the runtime.
#[inline(always)]
fn resolve(handle: u64) -> u64 {
    let entry = GALEED_TABLE + (handle >> GALEED_INDEX_SHIFT) * GALEED_ENTRY_BYTES;
    // SAFETY: every pointer's entry lies in the table, which is mapped once a lease was made.
    let entry = unsafe { with_exposed_provenance::<Entry>(entry as usize).read_volatile() };
    let limit = entry.read_limit.saturating_sub(ACCESS_BYTES - 1);
    if handle.wrapping_sub(entry.base) < limit {
        handle.wrapping_add_signed(entry.delta)
    } else {
        std::process::abort()
    }
}

fn timed(case: impl FnOnce()) -> f64 {
    let start = Instant::now();
    case();
    start.elapsed().as_nanos() as f64 / STEPS as f64
}

fn main() {
    let word = AtomicU64::new(1);
    let mut object = Box::new([1u64; 8]);
    let buffer = vec![0u64; 4096];
    let lent = galeed::ffi::galeed_gate_argument(buffer.as_ptr().expose_provenance() as u64);
    let chain = [0usize; 8];
    let names = [
        "exchange",
        "load",
        "lend_revoke",
        "resolve",
        "resolve_chain",
    ];
    let mut cases = names.map(|name| (name, Vec::<f64>::new()));
    for _ in 0..ROUNDS {
        let exchange = timed(|| {
            let mut value = 1;
            for _ in 0..STEPS {
                value = word.swap(value, Ordering::AcqRel);
            }
            black_box(value);
        });
        let load = timed(|| {
            let mut at = 0;
            for _ in 0..STEPS {
                at = black_box(&chain)[at];
            }
            black_box(at);
        });
        let lend_revoke = timed(|| {
            for _ in 0..STEPS {
                let lent = galeed::lend_mut(black_box(&mut *object)).expect("a lease");
                black_box(lent.handle());
            }
        });
        let resolved = timed(|| {
            let mut sum = 0u64;
            for step in 0..STEPS as u64 {
                sum = sum.wrapping_add(resolve(lent + (step & 63) * ACCESS_BYTES));
            }
            black_box(sum);
        });
        let chained = timed(|| {
            let mut handle = lent;
            for _ in 0..STEPS {
                // No address has its top bit set, which the compiler does not know: the next
                // step waits for this one.
                handle = lent | resolve(handle) >> 63;
            }
            black_box(handle);
        });
        for ((_, ns), taken) in
            cases
                .iter_mut()
                .zip([exchange, load, lend_revoke, resolved, chained])
        {
            ns.push(taken);
        }
    }
    let series = cases.map(|(name, ns)| {
        let ns: Vec<String> = ns.iter().map(|ns| format!("{ns:.3}")).collect();
        format!("\"{name}\":[{}]", ns.join(","))
    });
    println!("{{{}}}", series.join(","));
}
