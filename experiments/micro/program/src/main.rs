//! Times C's accesses to three kinds of memory, one call each and many a call.
//!
//! The same source is built with the C as it is and with the C rewritten; only the
//! builds are compared. Prints one JSON line: ns per access, for each kind of
//! memory, shape of loop and operation, all samples.
//!
//! Invariant: each sample's batch takes `BATCH_NS` or a little more: long enough that the
//! clock's own cost (some 25 ns) does not count, short enough that on a busy
//! machine few batches are interrupted, which medians then pass over. Where one
//! call takes long, because its gate is system calls, it takes `BATCH_CALLS` calls' time:
//! the one gate around a loop does not count then.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// Every allocation of this program lives in the host domain.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const BATCH_NS: u128 = 50_000;
const BATCH_CALLS: u128 = 50;
const LEAST_ACCESSES: usize = 16;

type One = unsafe extern "C" fn(*mut u64, u64) -> u64;
type Many = unsafe extern "C" fn(*mut u64, usize) -> u64;

unsafe extern "C" {
    fn micro_own_memory() -> *mut u64;
    fn micro_read_one(words: *mut u64, value: u64) -> u64;
    fn micro_write_one(words: *mut u64, value: u64) -> u64;
    fn micro_read_write_one(words: *mut u64, value: u64) -> u64;
    fn micro_read_many(words: *mut u64, accesses: usize) -> u64;
    fn micro_write_many(words: *mut u64, accesses: usize) -> u64;
    fn micro_read_write_many(words: *mut u64, accesses: usize) -> u64;
}

const OPERATIONS: [(&str, One, Many); 3] = [
    ("read", micro_read_one, micro_read_many),
    ("write", micro_write_one, micro_write_many),
    ("read-write", micro_read_write_one, micro_read_write_many),
];

/// Times `work(accesses)` until a batch is long enough, then `samples` batches; ns per access.
fn measure(samples: usize, work: impl Fn(usize)) -> Vec<f64> {
    let time = |accesses: usize| {
        let start = Instant::now();
        work(accesses);
        start.elapsed().as_nanos()
    };
    let enough = BATCH_NS.max(BATCH_CALLS * time(1));
    let mut accesses = LEAST_ACCESSES;
    while time(accesses) < enough {
        accesses *= 2;
    }
    (0..samples)
        .map(|_| time(accesses) as f64 / accesses as f64)
        .collect()
}

fn line(memory: &str, shape: &str, operation: &str, times: &[f64]) -> String {
    let times: Vec<String> = times.iter().map(|time| format!("{time:.4}")).collect();
    format!(
        "{{\"memory\":\"{memory}\",\"shape\":\"{shape}\",\"operation\":\"{operation}\",\"ns\":[{}]}}",
        times.join(",")
    )
}

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let Some(samples) = argument.parse::<usize>().ok().filter(|&count| count >= 1) else {
        eprintln!("micro: usage: micro SAMPLES");
        return ExitCode::from(2);
    };
    // A page or more has its pages to itself and is mapped when lent; less stays private.
    let mut large = Box::new([0u64; 512]);
    let mut small = Box::new([0u64; 32]);
    // SAFETY: takes and returns no memory of ours.
    let own = unsafe { micro_own_memory() };
    let memories = [
        ("own", own),
        ("large", large.as_mut_ptr()),
        ("small", small.as_mut_ptr()),
    ];
    let mut lines = Vec::new();
    for (memory, words) in memories {
        for (operation, one, many) in OPERATIONS {
            // SAFETY: each memory has at least the words that C uses, and lives on.
            let calls = measure(samples, |accesses| unsafe {
                for value in 0..accesses {
                    black_box(one(words, value as u64));
                }
            });
            // SAFETY: as above.
            let loops = measure(samples, |accesses| unsafe {
                black_box(many(words, accesses));
            });
            lines.push(line(memory, "call", operation, &calls));
            lines.push(line(memory, "loop", operation, &loops));
        }
    }
    println!("{{\"series\":[{}]}}", lines.join(","));
    ExitCode::SUCCESS
}
