//! Every interleaving, and every reordering that Rust's memory model allows, of a reader of a
//! record or an entry with leases that begin, change and end at the same index. loom runs
//! the table's own code (src/record.rs), compiled with loom's atomics.
//!
//! `make loom`; without `--cfg loom` there is nothing here.
#![cfg(loom)]

mod atomics {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}
#[allow(dead_code)] // the parts that no reader races with
#[path = "../src/record.rs"]
mod record;

use loom::sync::Arc;
use loom::thread;
use record::{LiveEntry, Record, Side};

const HANDLE_STEP: u64 = 1 << 20;
const BYTES: u64 = 64;

/// The lease of that generation: everything about it differs from the others.
fn lease(generation: u32) -> Record {
    let number = u64::from(generation) + 1;
    Record {
        base: (2 << 62) + number * HANDLE_STEP,
        address: number * 0x1000,
        bytes: number * BYTES,
        generation,
        flags: generation & 3,
    }
}

#[derive(Default)]
struct Index {
    side: Side,
    entry: LiveEntry,
}

impl Index {
    /// As Registry::begin does, under its lock.
    fn begin(&self, record: Record) {
        self.side.begin(record);
        self.entry
            .begin(record.base, record.address, (record.bytes, record.bytes));
    }

    /// As Registry::end does.
    fn end(&self) {
        self.entry.end();
        self.side.end();
    }
}

/// Runs `write` beside `read`, after `before`, in every order.
fn race(
    before: fn(&Index),
    write: fn(&Index),
    read: impl Fn(&Index) + Send + Sync + Copy + 'static,
) {
    loom::model(move || {
        let index = Arc::new(Index::default());
        before(&index);
        let writer = {
            let index = index.clone();
            thread::spawn(move || write(&index))
        };
        read(&index);
        writer.join().unwrap();
    });
}

/// Generation 0 is live.
fn live(index: &Index) {
    index.begin(lease(0));
}

/// In the record, generation 0 ends and the next begins.
fn turn_record_over(index: &Index) {
    index.side.end();
    index.side.begin(lease(1));
}

/// In the entry.
fn turn_entry_over(index: &Index) {
    let Record {
        base,
        address,
        bytes,
        ..
    } = lease(1);
    index.entry.end();
    index.entry.begin(base, address, (bytes, bytes));
}

#[test]
fn a_record_that_is_read_is_one_leases() {
    race(live, turn_record_over, |index| {
        let found = index.side.read();
        if found.base != 0 {
            assert_eq!(found, lease(found.generation));
        } else {
            assert!(found.generation <= 1);
        }
    });
}

#[test]
fn a_record_that_is_read_twice_gets_no_older() {
    race(live, Index::end, |index| {
        let (first, second) = (index.side.read(), index.side.read());
        assert!(first.base != 0 || second.base == 0);
        assert_eq!(
            Record { base: 0, ..second },
            Record {
                base: 0,
                ..lease(0)
            }
        );
    });
}

#[test]
fn a_handle_leads_to_its_own_lease_or_nowhere() {
    for generation in [0, 1] {
        race(live, turn_entry_over, move |index| {
            let Record { base, address, .. } = lease(generation);
            let inside = index.entry.direct(base + 8, 8, true);
            assert!(inside.is_none() || inside == Some(address + 8));
        });
        race(live, turn_entry_over, move |index| {
            let Record { base, bytes, .. } = lease(generation);
            assert_eq!(index.entry.direct(base + bytes - 7, 8, false), None);
        });
    }
}

#[test]
fn an_entry_that_is_read_is_one_leases() {
    race(live, turn_entry_over, |index| {
        if let Some((found, limit, delta)) = index.entry.read() {
            let of = [lease(0), lease(1)].into_iter().find(|of| of.base == found);
            let of = of.expect("a base that nobody wrote");
            // At its end a lease's limits may be seen to be 0 before its base is.
            assert!(limit == of.bytes || limit == 0);
            assert_eq!(found.wrapping_add(delta), of.address);
        }
    });
}

#[test]
fn an_entry_is_live_only_while_its_record_is() {
    race(
        |_| (),
        live,
        |index| {
            if index.entry.read().is_some() {
                assert_eq!(index.side.read(), lease(0), "the entry came first");
            }
        },
    );
    race(live, Index::end, |index| {
        if index.side.base() == 0 {
            assert!(index.entry.read().is_none(), "the record went first");
        }
    });
}

#[test]
fn a_length_that_changes_is_the_old_or_the_new_one() {
    race(
        live,
        |index| {
            index.side.resize(2 * BYTES);
            index.entry.resize((2 * BYTES, 2 * BYTES));
        },
        |index| {
            let Record { base, address, .. } = lease(0);
            let found = index.side.read();
            assert!([BYTES, 2 * BYTES].contains(&found.bytes));
            assert_eq!((found.base, found.address), (base, address));
            let beyond = index.entry.direct(base + BYTES, 8, true);
            assert!(beyond.is_none() || beyond == Some(address + BYTES));
        },
    );
}

const COPY: u64 = 0x9000;

#[test]
fn a_copy_that_is_opened_comes_with_the_way_there() {
    race(
        |index| index.entry.begin(lease(0).base, lease(0).address, (0, 0)),
        |index| {
            index.entry.aim(lease(0).base, COPY);
            index.entry.resize((BYTES, BYTES));
        },
        |index| {
            let found = index.entry.direct(lease(0).base + 8, 8, true);
            assert!(found.is_none() || found == Some(COPY + 8));
        },
    );
}
