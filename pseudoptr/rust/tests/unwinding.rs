//! `unwind` comes back with nothing lost: leases, rights, gates, tries and locks are after
//! thousands of violations, in several threads at once, what they were before.
mod common;

use common::accessors::*;
use common::{foreign, number, outward};
use galeed::host::galeed_live_leases;
use galeed::{Access, Kind, Policy, Violation};
use galeed_mpk::ffi as sys;
use std::ffi::c_void;

const THREADS: usize = 4;
/// Each a fault or a system call to report; there are WAYS in a round.
const ROUNDS: usize = 150;

/// What is lent to foreign code, made once: a `catch` must drop nothing.
struct Lent {
    object: Box<[u8; 64]>,
    handle: u64,
    stale: u64,
    read_only: u64,
    code: u64,
}

/// Runs `body` as a callback of foreign code does, and in it foreign code again.
fn nested(body: impl FnOnce()) {
    foreign(|| {
        let mut frame = 0u8;
        let token = (&raw mut frame).cast::<c_void>();
        // SAFETY: the token is in this frame; paired below.
        unsafe { sys::mpk_callback_enter(token) };
        foreign(body);
        // SAFETY: pairs with the enter above.
        unsafe { sys::mpk_callback_exit(token) };
    });
}

fn touch(pointer: u64) {
    let pointer = std::ptr::with_exposed_provenance::<u8>(pointer as usize);
    // SAFETY: not dereferenceable, which is the test.
    unsafe { pointer.read_volatile() };
}

type Way = (&'static str, Kind, fn(&Lent));

/// Every kind, by the runtime's check and by the hardware, from the gate and from a gate
/// inside a callback.
const WAYS: [Way; 11] = [
    ("spatial", Kind::Spatial, |lent| {
        foreign(|| galeed_store1(lent.handle + 64, 0));
    }),
    ("spatial, nested", Kind::Spatial, |lent| {
        nested(|| galeed_memset(lent.handle, 0, 65));
    }),
    ("temporal", Kind::Temporal, |lent| {
        foreign(|| galeed_store1(lent.stale, 0));
    }),
    ("temporal, trapped", Kind::Temporal, |lent| {
        foreign(|| touch(lent.stale));
    }),
    ("forged", Kind::Forged, |lent| {
        foreign(|| galeed_store1(lent.handle + (1 << 60), 0));
    }),
    ("rights", Kind::Rights, |lent| {
        foreign(|| galeed_store1(lent.read_only, 0));
    }),
    ("type", Kind::Type, |lent| {
        nested(|| {
            galeed_load8(lent.code);
        });
    }),
    ("type, a call", Kind::Type, |lent| {
        foreign(|| {
            let mut frame = 0u8;
            // SAFETY: never returns: a violation.
            unsafe { galeed_callback_enter(lent.handle, (&raw mut frame).cast()) };
        });
    }),
    ("boundary", Kind::Boundary, |lent| {
        foreign(|| galeed_store1(number(&raw const *lent.object), 0));
    }),
    ("boundary, nested", Kind::Boundary, |lent| {
        nested(|| galeed_store1(number(&raw const *lent.object), 0));
    }),
    ("boundary, trapped", Kind::Boundary, |lent| {
        nested(|| touch(lent.handle));
    }),
];

fn is_as_before() {
    // SAFETY: these only answer.
    unsafe {
        assert_eq!(sys::mpk_gate_is_foreign(), 0);
        assert!(sys::mpk_gate_function().is_null());
        let mut error = 0;
        let host = sys::mpk_host(&raw mut error);
        assert_eq!(sys::mpk_domain_rights(host), sys::MPK_READ_WRITE);
    }
}

fn caught(lent: &Lent, (what, kind, commit): Way) -> Violation {
    let before = galeed::check(lent.handle, 64, Access::Write);
    let found = galeed::catch(|| commit(lent)).expect_err(what);
    assert_eq!(found.kind, kind, "{what}: {found}");
    is_as_before();
    assert_eq!(galeed::check(lent.handle, 64, Access::Write), before);
    found
}

fn worker(round: usize) {
    let object = Box::new([7u8; 64]);
    let handle = outward(&raw const *object);
    let gone = Box::new([1u8; 64]);
    let stale = outward(&raw const *gone);
    drop(gone);
    let shown = Box::new(1u64);
    let guard = galeed::lend(&*shown).unwrap();
    let lent = Lent {
        object,
        handle,
        stale,
        read_only: guard.handle(),
        code: galeed_gate_argument(is_as_before as *const () as u64),
    };
    for at in 0..WAYS.len() {
        let found = caught(&lent, WAYS[(at + round) % WAYS.len()]);
        // Heap and table work, and whatever locks they have are free.
        let fresh = vec![at as u8; 3000];
        let handle = outward(fresh.as_ptr());
        assert_eq!(foreign(|| galeed_load1(handle + 2999)), at as u64);
        drop(found);
    }
    assert_eq!(*lent.object, [7; 64]);
}

unsafe extern "C" {
    fn open(path: *const std::ffi::c_char, flags: i32) -> i32;
    fn dup(fd: i32) -> i32;
    fn dup2(from: i32, to: i32) -> i32;
}

/// The reports go nowhere meanwhile: they are some 20 MB.
fn quietly(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: descriptors of our own; 2 is put back.
    unsafe {
        let (kept, null) = (dup(2), open(c"/dev/null".as_ptr(), 1));
        assert!(kept >= 0 && null >= 0);
        dup2(null, 2);
        let good = body();
        dup2(kept, 2);
        good
    }
}

#[test]
fn thousands_of_violations_leave_nothing_behind() {
    galeed::set_policy(Policy::Unwind).unwrap();
    worker(0); // what is lent for ever: code
    let before = galeed_live_leases();
    let all = quietly(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| (0..ROUNDS).for_each(worker)))
                .collect();
            threads.into_iter().all(|thread| thread.join().is_ok())
        })
    });
    assert!(all, "a thread panicked");
    is_as_before();
    assert_eq!(galeed_live_leases(), before);
    // More than may be nested: none of the tries above is still open.
    for _ in 0..100 {
        assert_eq!(galeed::catch(|| 1).unwrap(), 1);
    }
    let mut error = 0;
    // SAFETY: the host domain, with host rights.
    let broken = unsafe { sys::mpk_heap_check(sys::mpk_host(&raw mut error)) };
    assert_eq!(broken, 0);
}
