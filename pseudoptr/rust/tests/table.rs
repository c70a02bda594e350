//! The table when it is full, over a long life, and under many threads.
//!
//! The tests take turns: each counts what is live in the whole process.
mod common;

use common::outward;
use galeed::host::{galeed_lend_range, galeed_live_leases, galeed_revoke};
use galeed::layout::{Class, generation_of, index_of, is_handle};
use galeed::{Access, Error, Kind, check};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MILLION: usize = 1_000_000;
/// Every index but those of the class whose generations are the fewest.
const MOST: usize =
    (Class::Small.indices().1 + Class::Medium.indices().1 - Class::Medium.indices().0) as usize;

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A range lease, whatever allocation it lies in.
fn lend(object: &[u8]) -> Result<u64, i32> {
    let mut handle = 0;
    // SAFETY: `handle` is writable; whoever calls keeps the object until it is revoked.
    match unsafe { galeed_lend_range(object.as_ptr().addr(), object.len(), 0, &raw mut handle) } {
        0 => Ok(handle),
        error => Err(error),
    }
}

#[test]
fn a_million_small_objects_are_lent_at_once_and_then_it_is_an_error() {
    let _turn = turn();
    let before = galeed_live_leases();
    let objects: Vec<Box<u64>> = (0..MOST as u64 + 10).map(Box::new).collect();
    let mut handles = Vec::with_capacity(MOST);
    let refused = objects
        .iter()
        .find_map(|object| match galeed::lend(&**object) {
            Ok(lent) => {
                handles.push(lent.handle());
                std::mem::forget(lent); // stays lent while its box lives
                None
            }
            Err(error) => Some(error),
        });
    assert!(handles.len() >= MILLION, "only {} at once", handles.len());
    assert!(handles.len() + before <= MOST);
    assert_eq!(galeed_live_leases(), before + handles.len());
    let refused = refused.expect("more than there are indices");
    assert_eq!(refused, Error::FULL);
    assert!(refused.to_string().contains("no free index"), "{refused}");
    let different: HashSet<u64> = handles.iter().copied().collect();
    assert_eq!(different.len(), handles.len());
    for (at, handle) in handles.iter().enumerate().step_by(997) {
        assert_eq!(check(*handle, 8, Access::Read).unwrap(), Ok(()), "{at}");
        assert_eq!(
            check(handle + 1, 8, Access::Read).unwrap(),
            Err(Kind::Spatial)
        );
    }
    // A medium object has no index left either; a large one has.
    let medium = vec![0u8; Class::Small.longest() as usize + 1];
    assert_eq!(galeed::lend(&medium[..]).err(), Some(Error::FULL));
    // The end of one lease makes room for one.
    let mut objects = objects;
    objects.swap_remove(1);
    assert_eq!(
        check(handles[1], 8, Access::Read).unwrap(),
        Err(Kind::Temporal)
    );
    let again = galeed::lend(&*objects[0]).expect("room for one");
    assert_eq!(galeed::lend(&*objects[2]).err(), Some(Error::FULL));
    drop(again);
    drop(objects);
    assert_eq!(galeed_live_leases(), before);
    for handle in handles.iter().step_by(997) {
        assert_eq!(
            check(*handle, 8, Access::Read).unwrap(),
            Err(Kind::Temporal)
        );
    }
}

/// Lends and revokes one object `lends` times. Generations only rise, a used-up index is
/// never seen again, and there are no more indices than the generations make necessary.
fn churn(lends: u64) {
    let before = galeed_live_leases();
    let object = vec![1u8; 64];
    let per_index = u64::from(Class::Small.last_generation()) + 1;
    let (mut index, mut generation) = (u32::MAX, 0);
    let mut used = HashSet::new();
    let resident = resident_bytes();
    for _ in 0..lends {
        let handle = lend(&object).unwrap();
        if index_of(handle) == index {
            generation += 1;
        } else {
            index = index_of(handle);
            assert!(used.insert(index), "index {index} came back");
            generation = generation_of(handle);
        }
        assert_eq!(generation_of(handle), generation);
        assert_eq!(galeed_revoke(handle), 0);
    }
    let needed = lends / per_index + 2;
    assert!(
        used.len() as u64 <= needed,
        "{} indices, not {needed}",
        used.len()
    );
    assert_eq!(galeed_live_leases(), before);
    let grown = resident_bytes().saturating_sub(resident);
    assert!(grown < 1 << 20, "{grown} bytes for {lends} lends");
}

/// Of the whole process.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn an_index_whose_generations_are_used_up_is_retired() {
    let _turn = turn();
    churn(9_000_000); // of the first one at least, and of the second
}

/// A day of ten thousand lends a second and more. `make churn`.
#[test]
#[ignore = "minutes, in a release build"]
fn a_days_lends_use_up_a_few_hundred_indices() {
    let _turn = turn();
    churn(900_000_000);
}

#[test]
fn a_medium_objects_index_is_retired_too() {
    let _turn = turn();
    let object = vec![1u8; Class::Small.longest() as usize + 1];
    let mut used = HashSet::new();
    let lends = 3 * (u64::from(Class::Medium.last_generation()) + 1);
    for _ in 0..lends {
        let handle = lend(&object).unwrap();
        used.insert(handle);
        assert_eq!(galeed_revoke(handle), 0);
    }
    assert_eq!(used.len() as u64, lends, "a handle was given out twice");
}

#[test]
fn threads_churn_and_others_never_see_another_lease() {
    const OBJECTS: usize = 8;
    let _turn = turn();
    let before = galeed_live_leases();
    let latest: [AtomicU64; OBJECTS] = Default::default();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let latest = &latest;
        let writers: Vec<_> = (0..OBJECTS)
            .map(|at| {
                scope.spawn(move || {
                    // Of a length of its own: who finds it knows whose it is.
                    let bytes = 64 * (at + 1);
                    for round in 0..40_000usize {
                        let object = (round % 8 == 0).then(|| vec![at as u8; bytes]);
                        let own = vec![at as u8; bytes];
                        let object = object.unwrap_or(own);
                        let handle = if round % 2 == 0 {
                            outward(object.as_ptr())
                        } else {
                            lend(&object).unwrap()
                        };
                        assert!(is_handle(handle));
                        assert_eq!(check(handle, bytes, Access::Read).unwrap(), Ok(()));
                        latest[at].store(handle, Ordering::Release);
                        if round % 3 == 0 {
                            assert_eq!(galeed_revoke(handle), 0);
                        }
                        drop(object);
                        assert_eq!(check(handle, 1, Access::Read).unwrap(), Err(Kind::Temporal));
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for (at, handle) in latest.iter().enumerate() {
                        let (handle, bytes) = (handle.load(Ordering::Acquire), 64 * (at + 1));
                        if handle == 0 {
                            continue;
                        }
                        let verdict = check(handle, bytes, Access::Read).unwrap();
                        assert!(
                            matches!(verdict, Ok(()) | Err(Kind::Temporal)),
                            "{verdict:?}"
                        );
                        let verdict = check(handle, bytes + 1, Access::Read).unwrap();
                        assert!(
                            matches!(verdict, Err(Kind::Spatial | Kind::Temporal)),
                            "{verdict:?}"
                        );
                    }
                }
            });
        }
        let all = writers
            .into_iter()
            .map(|writer| writer.join())
            .all(|end| end.is_ok());
        stop.store(true, Ordering::Relaxed);
        assert!(all, "a writer panicked");
    });
    assert_eq!(galeed_live_leases(), before);
}
