//! Closures and ownership, from the host's side: what ends when, and how often.
mod common;

use common::accessors::galeed_store1;
use common::foreign;
use galeed::host::galeed_live_leases;
use galeed::{Access, Error, Kind, check};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

/// Tests here count leases: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

type Run = unsafe extern "C" fn(*mut c_void, u32) -> u32;

#[test]
fn user_data_is_a_word_and_no_memory() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = galeed_live_leases();
    {
        let run = galeed::callback!(|user, n: u32| -> u32 { n + 1 });
        let user = run.user().unwrap();
        assert_eq!(user, run.user().unwrap(), "the same word each time");
        for access in [Access::Read, Access::Write, Access::Execute, Access::Free] {
            assert_eq!(check(user.addr() as u64, 1, access), Ok(Err(Kind::Type)));
        }
        // SAFETY: as C would call it.
        assert_eq!(unsafe { run.function()(user, 1) }, 2);
    }
    assert_eq!(galeed_live_leases(), before);
}

#[test]
fn a_closure_may_be_dropped_in_its_own_run() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    static DROPS: AtomicU32 = AtomicU32::new(0);
    static WORD: AtomicU64 = AtomicU64::new(0);
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    let slot: Arc<Mutex<Option<Box<dyn std::any::Any + Send>>>> = Arc::default();
    let (own, counted) = (slot.clone(), Counted);
    let callback = galeed::owned_callback!(move |user, n: u32| -> u32 {
        let _held = &counted;
        drop(own.lock().unwrap().take());
        // Nobody else gets in from here on, although this run goes on.
        let word = WORD.load(Ordering::Relaxed);
        assert_eq!(check(word, 1, Access::Read), Ok(Err(Kind::Temporal)));
        n + DROPS.load(Ordering::Relaxed)
    });
    let (function, user): (Run, _) = (callback.function(), callback.user().unwrap());
    WORD.store(user.addr() as u64, Ordering::Relaxed);
    *slot.lock().unwrap() = Some(Box::new(callback));
    // SAFETY: as C would call it.
    let result = unsafe { function(user, 5) };
    assert_eq!(result, 5, "what it holds is there to its end");
    assert_eq!(DROPS.load(Ordering::Relaxed), 1);
    assert_eq!(
        check(user.addr() as u64, 1, Access::Read),
        Ok(Err(Kind::Temporal))
    );
}

#[test]
fn threads_run_an_owned_closure_at_once() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let meeting = Barrier::new(3);
    let callback = galeed::owned_callback!(move |user, n: u32| -> u32 {
        meeting.wait(); // all three are inside
        n
    });
    let (function, user): (Run, _) = (callback.function(), callback.user().unwrap().addr());
    std::thread::scope(|scope| {
        for n in 0..3 {
            // SAFETY: as C would call it.
            scope.spawn(move || unsafe {
                assert_eq!(function(std::ptr::without_provenance_mut(user), n), n);
            });
        }
    });
}

#[test]
fn what_was_handed_over_comes_back_to_one_who_asks() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = galeed_live_leases();
    for n in 0..100u64 {
        let out = galeed::into_foreign(Box::new(n)).unwrap().addr();
        let taken = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    match galeed::from_foreign(std::ptr::without_provenance_mut::<u64>(out)) {
                        Ok(value) => {
                            assert_eq!(*value, n);
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert_eq!(error, Error::NOT_OUT),
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 1);
    }
    assert_eq!(galeed_live_leases(), before);
}

#[test]
fn what_cannot_be_handed_over_or_taken_is_said() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(
        galeed::into_foreign(Box::new(())),
        Err(Error::NOT_HEAP),
        "no size, no memory"
    );
    let out = galeed::into_foreign(Box::new([1u32; 4])).unwrap();
    let part = out.cast::<u32>().wrapping_add(1);
    assert_eq!(galeed::from_foreign(part).unwrap_err(), Error::NOT_OUT);
    assert_eq!(
        galeed::from_foreign(out.cast::<u32>()).unwrap_err(),
        Error::OTHER_TYPE
    );
    assert_eq!(
        galeed::from_foreign_slice(out.cast::<u32>()).unwrap_err(),
        Error::OTHER_TYPE
    );
    assert_eq!(*galeed::from_foreign(out).unwrap(), [1; 4]);
    let mut own = Box::new(5u32);
    assert_eq!(
        galeed::from_foreign(&raw mut *own).unwrap_err(),
        Error::NOT_OUT
    );
    assert_eq!(
        galeed::from_foreign(std::ptr::null_mut::<u32>()).unwrap_err(),
        Error::NOT_OUT
    );
}

#[test]
fn a_string_ends_within_what_it_was() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let out = galeed::into_foreign_string(c"four".to_owned()).unwrap();
    let word = out.addr() as u64;
    foreign(|| galeed_store1(word + 4, u64::from(b'!'))); // its NUL
    assert_eq!(
        galeed::from_foreign_string(out).unwrap().as_c_str(),
        c"four!"
    );
}
