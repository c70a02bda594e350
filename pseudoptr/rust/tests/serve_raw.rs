//! `GALEED_ON_TRAP=serve-raw`: foreign code uses raw addresses of what is lent, and gets what it
//! would get by the pseudo-pointer; what is not lent stays closed.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;
mod common_serve;

use common::{foreign, number, outward};
use galeed::layout::is_handle;
use galeed::{Access, Kind, Policy, Violation};
use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;

common_serve::on_trap!(c"serve-raw");

unsafe extern "C" {
    fn strlen(text: *const u8) -> usize;
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: i32, bytes: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, bytes: usize) -> i32;
}

fn at<T>(pointer: u64) -> *mut T {
    std::ptr::with_exposed_provenance_mut(pointer as usize)
}

fn violation(body: impl FnOnce()) -> Violation {
    galeed::set_policy(Policy::Unwind).unwrap();
    let outcome = galeed::catch(|| foreign(body));
    outcome.expect_err("not refused")
}

fn stores(place: u64, value: u8) {
    // SAFETY: the access is checked.
    unsafe { asm!("mov byte ptr [{}], {}", in(reg) place, in(reg_byte) value) };
}

#[test]
fn libc_works_on_raw_addresses_of_what_is_lent() {
    let strlen = black_box(strlen as unsafe extern "C" fn(*const u8) -> usize);
    let memcmp =
        black_box(memcmp as unsafe extern "C" fn(*const c_void, *const c_void, usize) -> i32);
    let memset = black_box(memset as unsafe extern "C" fn(*mut c_void, i32, usize) -> *mut c_void);
    let memcpy =
        black_box(memcpy as unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void);
    for length in (1..20).chain([31, 32, 33, 63, 64, 65, 200, 3000, 3800, 4096, 9000]) {
        let text: Vec<u8> = std::iter::repeat_n(b'x', length).chain([0]).collect();
        let mut copy = vec![1u8; length + 1].into_boxed_slice();
        let (from, to) = (number(text.as_ptr()), number(copy.as_mut_ptr()));
        let handle = outward(text.as_ptr());
        outward(copy.as_ptr());
        // SAFETY: the runtime checks each access.
        let (measured, differs) = foreign(|| unsafe {
            memcpy(at(to), at(from), length + 1);
            let measured = strlen(at(from));
            let differs = memcmp(at(to), at(handle), length + 1); // raw, and not
            memset(at(to), 7, length);
            (measured, differs)
        });
        assert_eq!((measured, differs), (length, 0));
        assert!(
            copy[..length].iter().all(|byte| *byte == 7) && copy[length] == 0,
            "{length}"
        );
    }
}

#[test]
fn string_instructions_keep_registers_raw() {
    let source = vec![3u8; 40];
    let mut target = vec![0u8; 40];
    let (from, to) = (number(source.as_ptr()), number(target.as_mut_ptr()));
    outward(source.as_ptr());
    outward(target.as_ptr());
    let mut ends = [0u64; 3];
    foreign(|| {
        // SAFETY: the runtime checks each access.
        unsafe {
            asm!("rep movsb", inout("rcx") 40u64 => _, inout("rsi") from => ends[0], inout("rdi") to => ends[1]);
            asm!("rep stosb", inout("rcx") 10u64 => _, inout("rdi") to => ends[2], in("al") 9u8);
        }
    });
    assert_eq!(ends, [from + 40, to + 40, to + 10]);
    assert_eq!(
        (&target[..10], &target[10..]),
        (&[9u8; 10][..], &[3u8; 30][..])
    );
}

#[test]
fn instructions_that_the_thread_performs_itself() {
    let mut word = Box::new(40u64);
    let place = number(&raw mut *word);
    outward(&raw const *word);
    let (old, kept): (u64, u64);
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame; the accesses are checked.
    unsafe {
        galeed::ffi::galeed_gate_enter(token, c"planted".as_ptr());
        asm!("mov {old}, 2", "lock xadd [{place}], {old}", "lock or qword ptr [{place}], 64",
             place = inout(reg) place => kept, old = out(reg) old);
        galeed::ffi::galeed_gate_exit(token);
    }
    assert_eq!((old, *word, kept), (40, 42 | 64, place));
}

#[test]
fn pointers_that_are_loaded_cross_the_membrane() {
    let buffer = vec![5u8; 100];
    let place = Box::new([buffer.as_ptr()]);
    let raw = number(place.as_ptr());
    outward(place.as_ptr());
    let loaded: u64;
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame; the access is checked.
    unsafe {
        galeed::ffi::galeed_gate_enter(token, c"planted".as_ptr());
        asm!("mov {loaded}, [{place}]", place = in(reg) raw, loaded = out(reg) loaded);
        galeed::ffi::galeed_gate_exit(token);
    }
    // Where foreign code may read, nothing traps, and it reads what is there.
    let may_read = std::env::var("GALEED_FOREIGN_RIGHTS").is_ok_and(|rights| rights == "read");
    let expected = if may_read {
        number(buffer.as_ptr())
    } else {
        outward(buffer.as_ptr())
    };
    assert_eq!((loaded, is_handle(loaded)), (expected, !may_read));
}

#[test]
fn bounds_rights_and_ends_hold() {
    let object = vec![1u8; 24];
    let place = number(object.as_ptr());
    // Not lent, or in part only: closed.
    assert_eq!(violation(|| stores(place, 2)).kind, Kind::Boundary);
    let part = galeed::lend(&object[..8]).unwrap();
    assert_eq!(violation(|| stores(place, 2)).kind, Kind::Boundary);
    drop(part);
    outward(object.as_ptr());
    foreign(|| stores(place, 2));
    assert_eq!(object[0], 2);
    let found = violation(|| {
        // SAFETY: the access is checked.
        unsafe { asm!("mov qword ptr [{}], 0", in(reg) place + 20) }
    });
    assert_eq!(
        (found.kind, found.access, found.offset),
        (Kind::Spatial, Some(Access::Write), 20)
    );
    drop(object);
    assert_eq!(violation(|| stores(place, 3)).kind, Kind::Boundary);
}
