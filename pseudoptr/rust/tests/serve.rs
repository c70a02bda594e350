//! `GALEED_ON_TRAP=serve`: code that nobody rewrote uses pseudo-pointers, and each of its
//! accesses is checked as one of rewritten code is.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;
mod common_serve;

use common::{FUNCTION, foreign, number, outward};
use galeed::layout::is_handle;
use galeed::{Access, Kind, Policy, Violation};
use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;

common_serve::on_trap!(c"serve");

unsafe extern "C" {
    fn strlen(text: *const u8) -> usize;
    fn strcpy(to: *mut u8, from: *const u8) -> *mut u8;
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: i32, bytes: usize) -> *mut c_void;
    fn memchr(from: *const c_void, byte: i32, bytes: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, bytes: usize) -> i32;
    fn strcmp(one: *const u8, other: *const u8) -> i32;
}

fn at<T>(pointer: u64) -> *mut T {
    std::ptr::with_exposed_provenance_mut(pointer as usize)
}

/// A value that the compiler must take as it is: else it would know `strlen` and its like.
fn called<T>(function: T) -> T {
    black_box(function)
}

fn letters(count: usize) -> impl Iterator<Item = u8> {
    (0..count).map(|at| b'a' + (at % 26) as u8)
}

/// A string of `length` letters in an allocation of exactly that and its NUL.
fn text(length: usize) -> Box<[u8]> {
    letters(length).chain([0]).collect()
}

fn violation(body: impl FnOnce()) -> Violation {
    galeed::set_policy(Policy::Unwind).unwrap();
    let outcome = galeed::catch(|| foreign(body));
    outcome.expect_err("not refused")
}

/// Lengths around those of vectors, and around a page: private and mapped leases.
fn lengths() -> impl Iterator<Item = usize> {
    let around = [16usize, 32, 64, 128, 256, 512, 4096, 8192];
    let around = around.into_iter().flat_map(|length| length - 2..length + 2);
    (0..20).chain(around)
}

#[test]
fn libc_measures_and_searches_strings() {
    let strlen = called(strlen as unsafe extern "C" fn(*const u8) -> usize);
    let memchr = called(memchr as unsafe extern "C" fn(*const c_void, i32, usize) -> *mut c_void);
    for length in lengths() {
        let text = text(length);
        let handle = outward(text.as_ptr());
        // SAFETY: the runtime checks each access.
        let (found, end) = foreign(|| unsafe {
            let end = memchr(at(handle), 0, length + 1);
            (strlen(at(handle)), number(end))
        });
        assert_eq!((found, end), (length, handle + length as u64));
    }
}

#[test]
fn libc_copies_between_leases_and_its_own_memory() {
    static mut OWN: [u8; 20_000] = [0; 20_000];
    let own = &raw mut OWN as u64;
    for length in lengths().chain([3000, 10_000]) {
        let from = text(length);
        let mut copy = vec![0xffu8; length + 1];
        let mut again = vec![0xffu8; length + 1];
        let (source, target) = (outward(from.as_ptr()), outward(copy.as_mut_ptr()));
        let last = outward(again.as_mut_ptr());
        let bytes = length + 1;
        foreign(|| {
            // SAFETY: the runtime checks each access; OWN is long enough.
            unsafe {
                called(strcpy as unsafe extern "C" fn(*mut u8, *const u8) -> *mut u8)(
                    at(target),
                    at(source),
                );
                let memcpy = called(
                    memcpy
                        as unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void,
                );
                memcpy(at(own), at(target), bytes);
                memcpy(at(last), at(own), bytes);
            }
        });
        assert_eq!(copy, from[..], "{length}");
        assert_eq!(again, from[..], "{length}");
    }
}

#[test]
fn libc_fills_and_compares_leases() {
    for length in lengths().skip(1).chain([6000]) {
        let mut object = vec![1u8; length];
        let same = vec![7u8; length];
        let (handle, other) = (outward(object.as_mut_ptr()), outward(same.as_ptr()));
        // SAFETY: the runtime checks each access.
        let (differs, equals) = foreign(|| unsafe {
            let memcmp =
                called(memcmp as unsafe extern "C" fn(*const c_void, *const c_void, usize) -> i32);
            let memset = called(memset as unsafe extern "C" fn(*mut c_void, i32, usize) -> _);
            let differs = memcmp(at(handle), at(other), length);
            let _: *mut c_void = memset(at(handle), 7, length);
            (differs, memcmp(at(handle), at(other), length))
        });
        assert!(differs < 0 && equals == 0, "{length}");
        assert!(object.iter().all(|byte| *byte == 7));
    }
    let (one, two) = (text(100), text(101));
    let (one, two) = (outward(one.as_ptr()), outward(two.as_ptr()));
    let strcmp = called(strcmp as unsafe extern "C" fn(*const u8, *const u8) -> i32);
    // SAFETY: the runtime checks each access.
    assert!(foreign(|| unsafe { strcmp(at(one), at(two)) }) < 0);
}

#[test]
fn one_byte_too_far_is_the_violation_of_rewritten_code_at_the_instruction() {
    for bytes in [24usize, 4096, 10_000] {
        let mut object = vec![1u8; bytes];
        let handle = outward(object.as_mut_ptr());
        let end = handle + bytes as u64;
        let pc: u64;
        // SAFETY: only an address is taken.
        unsafe {
            asm!("lea {pc}, [rip + 2f]", "jmp 3f", "2: mov dword ptr [rdi], esi", "ret", "3:", pc = out(reg) pc)
        };
        let store: extern "C" fn(u64, u32) =
            // SAFETY: the two instructions above are such a function.
            unsafe { std::mem::transmute(pc as *const c_void) };
        let found = violation(|| store(end - 3, 0));
        assert_eq!(
            (found.kind, found.access),
            (Kind::Spatial, Some(Access::Write))
        );
        assert_eq!(
            (found.offset, found.bound, found.bytes),
            (bytes as i64 - 3, bytes as u64, 4)
        );
        assert_eq!((found.handle, found.pc), (end - 3, pc));
        assert_eq!(found.mapped, bytes >= 4096);
        assert_eq!(found.function.as_deref(), FUNCTION.to_str().ok());
        foreign(|| store(end - 4, 0x0202_0202));
        assert_eq!(object[bytes - 5..], [1, 2, 2, 2, 2]);
    }
}

#[test]
fn a_string_without_an_end_runs_into_a_violation() {
    let strlen = called(strlen as unsafe extern "C" fn(*const u8) -> usize);
    for length in [1usize, 31, 100, 4096, 5000] {
        let letters: Box<[u8]> = letters(length).collect();
        let handle = outward(letters.as_ptr());
        // SAFETY: the runtime checks each access.
        let found = violation(|| unsafe { _ = black_box(strlen(at(handle))) });
        assert_eq!(
            (found.kind, found.access),
            (Kind::Spatial, Some(Access::Read))
        );
        assert!(found.offset >= length as i64 - 63 && found.offset <= length as i64 + 256 + 128);
    }
}

#[test]
fn stale_read_only_and_made_up_handles() {
    let strcpy = called(strcpy as unsafe extern "C" fn(*mut u8, *const u8) -> *mut u8);
    let from = text(5);
    let own = from.as_ptr();
    let object = vec![0u8; 32];
    let lent = galeed::lend(&object[..]).unwrap();
    let (handle, source) = (lent.handle(), outward(own));
    // SAFETY: the runtime checks each access, here and below.
    let found = violation(|| unsafe { _ = strcpy(at(handle), at(source)) });
    assert_eq!(
        (found.kind, found.access),
        (Kind::Rights, Some(Access::Write))
    );
    drop(lent);
    // SAFETY: as above.
    let found = violation(|| unsafe { _ = strcpy(at(handle), at(source)) });
    assert_eq!(found.kind, Kind::Temporal);
    // SAFETY: as above.
    let found = violation(|| unsafe { _ = strcpy(at(handle | 0x3ff << 20), at(source)) });
    assert_eq!(found.kind, Kind::Forged);
}

#[test]
fn raw_addresses_of_what_is_lent_are_not_served() {
    let object = vec![0u8; 32];
    outward(object.as_ptr());
    let raw = number(object.as_ptr());
    // SAFETY: the access is checked.
    let found = violation(|| unsafe { asm!("mov byte ptr [{}], 1", in(reg) raw) });
    assert_eq!(found.kind, Kind::Boundary);
}

#[test]
fn pointers_cross_the_membrane() {
    let buffer = vec![5u8; 100];
    let mut place = Box::new([buffer.as_ptr(), std::ptr::null()]);
    let raw = number(buffer.as_ptr());
    let handle = outward(place.as_mut_ptr());
    let (loaded, added): (u64, u64);
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame; the accesses are checked.
    unsafe {
        galeed::ffi::galeed_gate_enter(token, FUNCTION.as_ptr());
        asm!(
            "mov {loaded}, [{place}]",
            "mov [{place} + 8], {loaded}",
            "add qword ptr [{place} + 8], 7",
            "mov {added}, [{place} + 8]",
            place = in(reg) handle, loaded = out(reg) loaded, added = out(reg) added,
        );
        galeed::ffi::galeed_gate_exit(token);
    }
    assert!(is_handle(loaded) && added == loaded + 7);
    assert_eq!(loaded, outward(buffer.as_ptr()));
    assert_eq!(place.map(number), [raw, raw + 7]);
}

#[test]
fn policy_report_reads_zeros_and_writes_nothing() {
    let mut object = vec![0xffu8; 16];
    let handle = outward(object.as_mut_ptr());
    let (loaded, compared): (u64, u64);
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    galeed::set_policy(Policy::Report).unwrap();
    // SAFETY: the token is in this frame; the accesses are checked.
    unsafe {
        galeed::ffi::galeed_gate_enter(token, FUNCTION.as_ptr());
        asm!(
            "mov {loaded}, -1",
            "mov {loaded}, [{place} + 9]",
            "mov qword ptr [{place} + 9], 5",
            "lock add qword ptr [{place} + 16], 5",
            "xor {compared:e}, {compared:e}",
            "adc {compared}, [{place} + 12]",
            place = in(reg) handle, loaded = out(reg) loaded, compared = out(reg) compared,
        );
        galeed::ffi::galeed_gate_exit(token);
    }
    galeed::set_policy(Policy::Abort).unwrap();
    assert_eq!((loaded, compared), (0, 0));
    assert_eq!(object, [0xff; 16]);
}

#[test]
fn threads_count_together_on_one_private_word() {
    const THREADS: u64 = 3;
    const TIMES: u64 = 300;
    let word = Box::new(0u64);
    let handle = outward(&raw const *word);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..TIMES {
                    // SAFETY: the access is checked.
                    foreign(|| unsafe {
                        asm!("lock add qword ptr [{}], 1", in(reg) handle);
                        asm!("mov {old}, -1", "lock xadd [{place}], {old}", "lock inc qword ptr [{place}]",
                             place = in(reg) handle, old = out(reg) _);
                    });
                }
            });
        }
    });
    assert_eq!(*word, THREADS * TIMES);
}
