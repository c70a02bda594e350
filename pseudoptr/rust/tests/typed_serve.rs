//! Typed leases met by code that nobody rewrote: each instruction's outcome is judged too.
mod common;
mod common_serve;

use common::{foreign, number, outward};
use galeed::layout::is_handle;
use galeed::{Foreign, Kind, Policy, Violation, lend_typed_mut};
use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;

common_serve::on_trap!(c"serve");

unsafe extern "C" {
    fn strlen(text: *const u8) -> usize;
    fn memset(to: *mut c_void, byte: i32, bytes: usize) -> *mut c_void;
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
}

#[derive(Foreign, Clone, Debug, PartialEq)]
#[repr(C)]
struct Small {
    #[foreign(range = 1..=9)]
    digit: u32,
    flag: bool,
    text: [u8; 11],
    #[foreign(read_only)]
    version: u64,
    raw: *const u8,
    #[foreign(hidden)]
    secret: u64,
}

fn small(raw: *const u8) -> Small {
    Small {
        digit: 5,
        flag: true,
        text: *b"0123456789\0",
        version: 3,
        raw,
        secret: 4,
    }
}

const TEXT: u64 = 5;
const VERSION: u64 = 16;
const RAW: u64 = 24;
const SECRET: u64 = 32;

fn violation(body: impl FnOnce()) -> Violation {
    galeed::set_policy(Policy::Unwind).unwrap();
    let outcome = galeed::catch(|| foreign(body));
    outcome.expect_err("not refused")
}

fn refused(body: impl FnOnce(), kind: Kind, field: &str) {
    let found = violation(body);
    assert_eq!(found.kind, kind, "{found}");
    let detail = found.detail.as_deref().unwrap_or_default();
    assert!(detail.ends_with(&format!("({field})")), "{found}");
}

fn at<T>(pointer: u64) -> *mut T {
    std::ptr::with_exposed_provenance_mut(pointer as usize)
}

fn mov4(to: u64, value: u32) {
    // SAFETY: a foreign store, which is served or refused.
    unsafe { asm!("mov dword ptr [{to}], {value:e}", to = in(reg) to, value = in(reg) value) };
}

fn add4(to: u64, value: u32) {
    // SAFETY: as above.
    unsafe { asm!("add dword ptr [{to}], {value:e}", to = in(reg) to, value = in(reg) value) };
}

fn adc4(to: u64, value: u32) {
    // SAFETY: as above; by a step.
    unsafe {
        asm!("clc", "adc dword ptr [{to}], {value:e}", to = in(reg) to, value = in(reg) value)
    };
}

fn locked_add4(to: u64, value: u32) {
    // SAFETY: as above.
    unsafe { asm!("lock add dword ptr [{to}], {value:e}", to = in(reg) to, value = in(reg) value) };
}

fn load8(from: u64) -> u64 {
    let value;
    // SAFETY: a foreign load.
    unsafe { asm!("mov {value}, qword ptr [{from}]", from = in(reg) from, value = out(reg) value) };
    value
}

fn store8(to: u64, value: u64) {
    // SAFETY: as above.
    unsafe { asm!("mov qword ptr [{to}], {value}", to = in(reg) to, value = in(reg) value) };
}

fn store16(to: u64, value: u128) {
    let value = value.to_le_bytes();
    // SAFETY: as above.
    unsafe {
        asm!("movups {x}, [{from}]", "movups [{to}], {x}",
            from = in(reg) value.as_ptr(), to = in(reg) to, x = out(xmm_reg) _);
    }
}

fn stosb(to: u64, byte: u8, count: u64) {
    // SAFETY: as above.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, inout("rcx") count => _, in("al") byte);
    }
}

fn ignore(_: *mut c_void) {}

type Adds = [fn(u64, u32); 3];
const ADDS: Adds = [add4, adc4, locked_add4];

#[test]
fn instructions_are_judged_by_what_they_would_write() {
    let object = Box::new([1u8; 32]);
    let mut small = small(object.as_ptr());
    let lent = lend_typed_mut(&mut small).unwrap();
    let handle = lent.handle();
    foreign(|| mov4(handle, 1));
    for add in ADDS {
        foreign(|| add(handle, 2)); // to 7
    }
    for add in ADDS {
        refused(|| add(handle, 3), Kind::Type, "Small.digit");
        refused(|| add(handle + VERSION, 0), Kind::Rights, "Small.version");
        refused(|| add(handle + SECRET, 0), Kind::Rights, "Small.secret");
    }
    refused(|| mov4(handle, 10), Kind::Type, "Small.digit");
    refused(|| mov4(handle + 3, 0x0200), Kind::Type, "Small.flag");
    let word = u128::from_le_bytes(*b"\x08\0\0\0\x02abcdefghij\0");
    refused(|| store16(handle, word), Kind::Type, "Small.flag");
    refused(|| store16(handle + 8, 0), Kind::Rights, "Small.version");
    let word = u128::from_le_bytes(*b"\x08\0\0\0\0abcdefghij\0");
    foreign(|| store16(handle, word));
    refused(|| stosb(handle, 0, 4), Kind::Type, "Small.digit");
    foreign(|| stosb(handle + TEXT, b'z', 10));
    let _ = black_box(lent);
    let mut expected = self::small(object.as_ptr());
    (expected.digit, expected.flag, expected.text) = (8, false, *b"zzzzzzzzzz\0");
    assert_eq!(small, expected);
}

#[test]
fn libc_reads_and_writes_what_the_type_allows() {
    let strlen = black_box(strlen as unsafe extern "C" fn(*const u8) -> usize);
    let memset = black_box(memset as unsafe extern "C" fn(*mut c_void, i32, usize) -> *mut c_void);
    let memcpy =
        black_box(memcpy as unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void);
    let object = Box::new([1u8; 32]);
    let mut small = small(object.as_ptr());
    let lent = lend_typed_mut(&mut small).unwrap();
    let handle = lent.handle();
    // SAFETY: foreign calls on lent memory.
    assert_eq!(foreign(|| unsafe { strlen(at(handle + TEXT)) }), 10);
    refused(
        // SAFETY: as above.
        || unsafe { ignore(memset(at(handle), 0, 5)) },
        Kind::Type,
        "Small.digit",
    );
    // SAFETY: as above.
    foreign(|| unsafe { ignore(memset(at(handle + TEXT), b'y'.into(), 10)) });
    let mut copy = [0u8; 32];
    // SAFETY: as above.
    foreign(|| unsafe { ignore(memcpy((&raw mut copy).cast(), at(handle), 24)) });
    drop(lent);
    assert_eq!(&small.text, b"yyyyyyyyyy\0");
    assert_eq!(copy[5..16], small.text);
}

#[test]
fn pointers_cross_by_the_type() {
    let object = Box::new([1u8; 32]);
    let (address, pseudo) = (number(object.as_ptr()), outward(object.as_ptr()));
    let mut small = small(std::ptr::null());
    let lent = lend_typed_mut(&mut small).unwrap();
    let handle = lent.handle();
    let seen = foreign(|| {
        store8(handle + RAW, pseudo + 5);
        load8(handle + RAW)
    });
    drop(lent);
    assert!(is_handle(pseudo) && seen == pseudo + 5);
    assert_eq!(small.raw.addr() as u64, address + 5);
}
