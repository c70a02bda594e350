//! What programs do with std's collections, timed, and the memory it took.
//!
//! Words are counted in hash maps and B-trees, strings grow, vectors of vectors come
//! and go, and a queue passes boxes on. The work is the same in every process: random
//! numbers begin with the same seed.
//!
//! Prints one JSON line: ns of processor time for each round, the most memory that was
//! resident (KiB, the kernel's count), and a checksum that must agree.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::hint::black_box;

const WORDS: usize = 60_000;
const ROWS: usize = 400;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn words(random: &mut Random) -> usize {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut order: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for place in 0..WORDS {
        let word = format!("word-{}", random.below(WORDS / 4));
        *counts.entry(word.clone()).or_default() += 1;
        order.entry(word).or_default().push(place);
    }
    counts.len() + order.values().map(Vec::len).sum::<usize>()
}

fn rows(random: &mut Random) -> usize {
    let mut table: Vec<Vec<u64>> = Vec::new();
    for _ in 0..ROWS * 4 {
        let row: Vec<u64> = (0..random.below(500)).map(|value| value as u64).collect();
        if table.len() < ROWS {
            table.push(row);
        } else {
            let place = random.below(ROWS);
            table[place] = row;
        }
    }
    table.iter().map(Vec::len).sum()
}

fn text(random: &mut Random) -> usize {
    let mut text = String::new();
    for _ in 0..WORDS {
        text.push_str(["lorem ", "ipsum ", "dolor "][random.below(3)]);
    }
    text.split(' ').map(str::to_owned).collect::<Vec<_>>().len()
}

fn queue(random: &mut Random) -> usize {
    let mut queue: VecDeque<Box<[u8; 48]>> = VecDeque::new();
    let mut total = 0;
    for _ in 0..WORDS * 2 {
        if random.below(5) < 3 {
            queue.push_back(Box::new([1; 48]));
        } else if let Some(block) = queue.pop_front() {
            total += usize::from(block[7]);
        }
    }
    total + queue.len()
}

fn processor_ns() -> u128 {
    // /proc gives it without a crate; "ns on CPU, ns waiting, slices".
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

fn peak_kib() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// Runs as many rounds as the first argument says.
pub fn main() {
    let rounds: usize = std::env::args()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(5);
    let mut samples = Vec::new();
    let mut checksum = 0;
    for _ in 0..rounds {
        let mut random = Random(42);
        let begin = processor_ns();
        checksum = black_box(
            words(&mut random) + rows(&mut random) + text(&mut random) + queue(&mut random),
        );
        samples.push((processor_ns() - begin).to_string());
    }
    println!(
        "{{\"ns\": [{}], \"peak_kib\": {}, \"checksum\": {checksum}}}",
        samples.join(", "),
        peak_kib()
    );
}
