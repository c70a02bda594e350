//! Objects that a gate lends as copies: foreign code works on the copy, Rust finds the object.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;

use common::accessors::*;
use common::{FUNCTION, below, call_back, foreign, number, outward};
use galeed::layout::is_handle;
use std::ffi::c_void;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// One test takes every copy that there is; the others have them to themselves meanwhile.
static COPIES_LEFT: RwLock<()> = RwLock::new(());

const COPIES: u64 = 0x2010_2000_0000;
const COPIES_BYTES: usize = 256 * 8192;

/// Calls `body` behind a gate with a handle for each object, in a call that has them to itself.
fn exclusively<T>(objects: &[u64], body: impl FnOnce(&[u64]) -> T) -> T {
    let mut handles = [0u64; 320];
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the name static; paired below.
    unsafe {
        for (handle, object) in handles.iter_mut().zip(objects) {
            *handle = galeed_gate_argument(*object);
        }
        galeed_gate_exclusive(token);
        galeed_gate_enter(token, FUNCTION.as_ptr());
    }
    let value = below(|| body(&handles[..objects.len()]));
    // SAFETY: pairs with the enter above.
    unsafe { galeed_gate_exit(token) };
    value
}

fn code_of(function: extern "C" fn(*mut u64)) -> u64 {
    galeed_gate_argument(function as *const c_void as u64)
}

/// With GALEED_FOREIGN_RIGHTS=read there are none.
fn has_copies() -> bool {
    // SAFETY: the runtime has started.
    unsafe { galeed_mpk::ffi::mpk_foreign_rights() & galeed_mpk::ffi::MPK_READ == 0 }
}

fn entry_of(handle: u64) -> &'static galeed::Entry {
    let entry = galeed::layout::GALEED_TABLE
        + (handle >> galeed::layout::GALEED_INDEX_SHIFT) * galeed::layout::GALEED_ENTRY_BYTES;
    // SAFETY: an entry of the table, which lives for ever and is readable.
    unsafe { &*std::ptr::with_exposed_provenance::<galeed::Entry>(entry as usize) }
}

/// Is the byte written without the runtime's help?
fn is_direct(handle: u64) -> bool {
    let entry = entry_of(handle);
    handle.wrapping_sub(entry.base) < entry.write_limit
}

/// Does foreign code have a copy, where it may?
fn is_copied(handle: u64) -> bool {
    is_direct(handle) == has_copies()
}

fn new(value: u64) -> (Box<[u64; 4]>, u64) {
    let object = black_box(Box::new([value; 4]));
    let address = number(&raw const *object);
    (object, address)
}

#[test]
fn foreign_code_reaches_the_copy_directly_and_rust_finds_the_changes() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    let (object, address) = new(1);
    let handle = exclusively(&[address], |handles| {
        let handle = handles[0];
        assert!(is_handle(handle) && !is_direct(handle));
        let first = galeed_load8(handle);
        assert!(!is_direct(handle)); // for writing, that is
        galeed_store8(handle + 8, first + 1);
        assert!(is_copied(handle));
        galeed_memset(handle + 16, 0, 8);
        galeed_store1(handle + 16, 7);
        handle
    });
    assert_eq!(**black_box(&object), [1, 2, 7, 1]);
    assert!(!is_direct(handle));
    assert_eq!(outward(&raw const *object), handle);
    assert_eq!(foreign(|| galeed_load8(handle + 8)), 2);
}

#[test]
fn nothing_of_an_object_stays_in_the_copies() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    let (_object, address) = new(0x5ec7_e75e_c7e7_5ec7);
    exclusively(&[address], |handles| {
        galeed_store1(handles[0], 0xc7);
        assert!(is_copied(handles[0]));
    });
    // SAFETY: the copies' memory, which the first gate mapped.
    let copies = unsafe {
        std::slice::from_raw_parts(
            std::ptr::with_exposed_provenance::<u8>(COPIES as usize),
            COPIES_BYTES,
        )
    };
    assert!(
        !copies
            .windows(8)
            .any(|bytes| bytes == 0x5ec7_e75e_c7e7_5ec7_u64.to_ne_bytes())
    );
}

#[test]
fn a_callback_sees_what_foreign_code_wrote_and_the_other_way_round() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    extern "C" fn doubles(object: *mut u64) {
        // SAFETY: the test passes its own object, turned back.
        unsafe { *object *= 2 };
    }
    let (object, address) = new(10);
    let code = code_of(doubles);
    let seen = exclusively(&[address], |handles| {
        galeed_store8(handles[0], 21);
        call_back(code, handles[0]);
        let seen = galeed_load8(handles[0]);
        galeed_store8(handles[0], seen + 1);
        assert!(is_copied(handles[0]));
        seen
    });
    assert_eq!((seen, object[0]), (42, 43));
}

#[test]
fn gates_nest_over_the_same_object() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    extern "C" fn adds_in_a_gate(object: *mut u64) {
        exclusively(&[number(object)], |handles| {
            galeed_store8(handles[0], galeed_load8(handles[0]) + 1);
            assert!(is_copied(handles[0]));
        });
        // SAFETY: as in the other tests.
        unsafe { *object *= 10 };
    }
    let (object, address) = new(1);
    let code = code_of(adds_in_a_gate);
    let seen = exclusively(&[address, address], |handles| {
        galeed_store8(handles[0], 4);
        call_back(code, handles[1]);
        galeed_store8(handles[1], galeed_load8(handles[0]) + 2);
        galeed_load8(handles[0])
    });
    assert_eq!((seen, object[0]), (52, 52));
}

#[test]
fn what_a_callback_frees_is_gone_and_what_comes_in_its_place_is_another() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    static REPLACEMENT: AtomicU64 = AtomicU64::new(0);
    extern "C" fn replaces(object: *mut u64) {
        // SAFETY: the test passes its own object, turned back, and forgets it.
        drop(unsafe { Box::from_raw(object.cast::<[u64; 4]>()) });
        let others: Vec<_> = (0..64).map(|_| new(77)).collect();
        let (other, address) = others
            .into_iter()
            .find(|it| it.1 == number(object))
            .unwrap();
        std::mem::forget(other);
        REPLACEMENT.store(galeed_gate_argument(address), Ordering::Relaxed);
    }
    let (object, address) = new(1);
    std::mem::forget(object);
    let code = code_of(replaces);
    let handle = exclusively(&[address], |handles| {
        galeed_store8(handles[0], 5);
        assert!(is_copied(handles[0]));
        call_back(code, handles[0]);
        let other = REPLACEMENT.load(Ordering::Relaxed);
        assert!(!is_direct(handles[0]) && is_handle(other) && !is_direct(other));
        galeed_store8(other, 78);
        handles[0]
    });
    let verdict = galeed::check(handle, 1, galeed::Access::Read).unwrap();
    assert_eq!(verdict, Err(galeed::Kind::Temporal));
    // SAFETY: forgotten above, and of that type.
    let other = unsafe {
        Box::from_raw(std::ptr::with_exposed_provenance_mut::<[u64; 4]>(
            address as usize,
        ))
    };
    assert_eq!(*other, [78, 77, 77, 77]);
}

#[test]
fn a_violation_leaves_the_object_as_it_was() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    galeed::set_policy(galeed::Policy::Unwind).unwrap();
    let (object, address) = new(1);
    let violation = galeed::catch(|| {
        exclusively(&[address], |handles| {
            galeed_store8(handles[0], 99);
            galeed_load8(handles[0] + 32)
        })
    })
    .unwrap_err();
    assert_eq!(violation.kind, galeed::Kind::Spatial);
    let first = if has_copies() { 1 } else { 99 };
    assert_eq!(**black_box(&object), [first, 1, 1, 1]);
    let handle = outward(&raw const *object);
    assert!(!is_direct(handle));
    assert_eq!(foreign(|| galeed_load8(handle)), first);
    exclusively(&[address], |handles| galeed_store8(handles[0], 3));
    assert_eq!(object[0], 3);
}

#[test]
fn pointers_in_a_copy_pass_the_membrane() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    let buffer = vec![5u8; 100];
    let (object, address) = new(number(buffer.as_ptr()));
    let loaded = exclusively(&[address], |handles| {
        let place = handles[0];
        let loaded = galeed_load_pointer(place);
        galeed_store_pointer(place + 8, loaded + 40);
        galeed_store_pointer(place + 16, place + 24);
        // The same, known by now: without a change of rights.
        assert_eq!(galeed_load_pointer(place + 16), place + 24);
        galeed_store_pointer(place + 24, galeed_load_pointer(place + 8) + 1);
        assert_eq!(galeed_load1(loaded), 5);
        loaded
    });
    assert_eq!(loaded, outward(buffer.as_ptr()));
    let raw = number(buffer.as_ptr());
    assert_eq!(
        **black_box(&object),
        [raw, raw + 40, address + 24, raw + 41]
    );
}

#[test]
fn atomic_writes_to_a_copy_that_was_only_read_are_kept() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    let (object, address) = new(1);
    exclusively(&[address], |handles| {
        assert_eq!(galeed_load8(handles[0]), 1);
        assert_eq!(galeed_atomic_rmw(handles[0], 8, 1, 4), 1); // GALEED_ADD
        galeed_atomic_store(handles[0] + 8, 8, 6);
        assert_eq!(galeed_atomic_cmpxchg(handles[0] + 16, 8, 1, 7), 1);
        assert_eq!(galeed_load8(handles[0]), 5);
    });
    assert_eq!(**black_box(&object), [5, 6, 7, 1]);
}

/// On mprotect one thread at a time is in foreign code.
#[test]
fn what_another_thread_writes_to_a_copy_is_kept() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    static HANDLE: AtomicU64 = AtomicU64::new(0);
    let (object, address) = new(1);
    // SAFETY: the runtime has started.
    if unsafe { galeed_mpk::ffi::mpk_backend() } != galeed_mpk::ffi::MPK_BACKEND_PKU {
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while HANDLE.load(Ordering::Acquire) == 0 {}
            foreign(|| galeed_store8(HANDLE.load(Ordering::Relaxed) + 8, 5));
            HANDLE.store(0, Ordering::Release);
        });
        exclusively(&[address], |handles| {
            assert_eq!(galeed_load8(handles[0]), 1);
            HANDLE.store(handles[0], Ordering::Release);
            while HANDLE.load(Ordering::Acquire) != 0 {}
        });
    });
    assert_eq!(**black_box(&object), [1, 5, 1, 1]);
}

#[test]
fn an_object_of_which_parts_are_lent_is_not_copied() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    extern "C" fn lends_a_part(object: *mut u64) {
        // SAFETY: the test passes its own object, turned back, and ends the lease.
        let lent = galeed::lend_mut(unsafe { &mut *object.add(2) }).unwrap();
        PART.store(lent.handle(), Ordering::Relaxed);
        std::mem::forget(lent);
    }
    static PART: AtomicU64 = AtomicU64::new(0);
    let (mut object, address) = new(1);
    let lent = galeed::lend_mut(&mut object[1]).unwrap();
    let part = lent.handle();
    exclusively(&[address], |handles| {
        galeed_store8(handles[0], galeed_load8(handles[0]) + 1);
        galeed_store8(part, 5);
        assert_eq!(galeed_load8(handles[0] + 8), 5);
    });
    drop(lent);
    assert_eq!(**black_box(&object), [2, 5, 1, 1]);
    let code = code_of(lends_a_part);
    exclusively(&[address], |handles| {
        galeed_store8(handles[0], 3);
        assert!(is_copied(handles[0]));
        call_back(code, handles[0]);
        let part = PART.load(Ordering::Relaxed);
        galeed_store8(handles[0] + 24, 4);
        galeed_store8(part, 6);
        assert_eq!(galeed_load8(handles[0] + 16), 6);
    });
    galeed::host::galeed_revoke(PART.load(Ordering::Relaxed));
    assert_eq!(**black_box(&object), [3, 5, 6, 4]);
}

/// That breaks the call's promise. Nothing but the object is touched all the same.
#[test]
fn an_object_that_grows_meanwhile_is_where_rust_has_it() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    let mut bytes = vec![1u8; 3990];
    let (address, last) = (number(bytes.as_ptr()), 4080);
    exclusively(&[address], |handles| {
        galeed_store1(handles[0], 2);
        assert!(is_copied(handles[0]));
        galeed::on_signal(|| bytes.reserve_exact(last + 1 - bytes.len()));
        assert_eq!(number(bytes.as_ptr()), address, "it grew in place");
        galeed_store1(handles[0] + last as u64, 3);
    });
    // SAFETY: inside the vector's memory, and written.
    assert_eq!(unsafe { black_box(bytes.as_ptr()).add(last).read() }, 3);
}

/// Loops look up their leases in front: by then it is decided where they read.
#[test]
fn what_is_written_is_read_where_the_lease_was_before() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    let (object, address) = new(1);
    exclusively(&[address], |handles| {
        let before = entry_of(handles[0]);
        let (limit, delta) = (before.read_limit, before.delta);
        galeed_store8(handles[0] + 8, 7);
        if limit != 0 {
            let place = (handles[0] + 8).wrapping_add_signed(delta) as usize;
            // SAFETY: what the entry allowed.
            let seen = unsafe { std::ptr::with_exposed_provenance::<u64>(place).read_volatile() };
            assert_eq!(seen, 7);
        }
        assert_eq!(limit == 0, has_copies());
    });
    assert_eq!(object[1], 7);
}

#[test]
fn what_does_not_suit_stays_private_or_mapped() {
    let _turn = COPIES_LEFT.write().unwrap_or_else(PoisonError::into_inner);
    let many: Vec<_> = (0..300).map(new).collect();
    let addresses: Vec<u64> = many.iter().map(|(_, address)| *address).collect();
    let large = vec![1u8; 9000];
    let direct = exclusively(&addresses, |handles| {
        for handle in handles {
            galeed_store8(*handle, galeed_load8(*handle) + 1);
        }
        handles.iter().filter(|handle| is_direct(**handle)).count()
    });
    let possible = if has_copies() { 1..=256 } else { 0..=0 };
    assert!(possible.contains(&direct), "{direct}");
    for (at, (object, _)) in many.iter().enumerate() {
        assert_eq!(object[0], at as u64 + 1);
    }
    let mapped = exclusively(&[number(large.as_ptr()), 0, 16], |handles| {
        assert_eq!(&handles[1..], [0, 16]);
        galeed_store1(handles[0], 2);
        handles[0]
    });
    assert!(is_direct(mapped));
    assert_eq!(large[0], 2);
}

#[test]
fn threads_have_their_own() {
    let _turn = COPIES_LEFT.read().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            scope.spawn(move || {
                let (object, address) = new(thread);
                for turn in 0..100 {
                    exclusively(&[address], |handles| {
                        assert_eq!(galeed_load8(handles[0]), thread + turn);
                        galeed_store8(handles[0], thread + turn + 1);
                    });
                }
                assert_eq!(object[0], thread + 100);
            });
        }
    });
}
