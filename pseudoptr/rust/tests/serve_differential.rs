//! Served instructions against the processor's own: the same instruction, registers and bytes,
//! once on raw memory and once through a pseudo-pointer, leave the same registers, flags,
//! vectors and bytes behind.
//!
//! `GALEED_SERVE_ROUNDS` says how many instructions are tried; the same seed each time.
mod common;
mod common_serve;
mod serve_instructions;

use common::{foreign, outward};
use galeed::{Kind, Policy};
use serve_instructions::{Random, instruction};
use std::arch::global_asm;
use std::ffi::c_void;
use std::fmt::Write;

common_serve::on_trap!(c"serve");

const ROUNDS: usize = 6_000;
const OBJECT_BYTES: usize = 192;
/// Where the operand's base points to in the object.
const MIDDLE: u64 = 64;
const RSP: usize = 4;

/// Aligned, as some vector instructions want their operands.
#[repr(align(64))]
struct Object([u8; OBJECT_BYTES]);

#[repr(C, align(64))]
#[derive(Clone, Copy, PartialEq, Debug)]
struct State {
    registers: [u64; 16],
    flags: u64,
    pad: [u64; 7],
    vectors: [[u8; 32]; 16],
}

global_asm!(
    ".globl galeed_test_run",
    "galeed_test_run:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "push rdi",
    "push rsi",
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "vmovdqu ymm\\n, [rdi + 192 + 32*\\n]",
    ".endr",
    "push qword ptr [rdi + 128]",
    "popfq",
    "mov rax, [rdi]",
    "mov rcx, [rdi + 8]",
    "mov rdx, [rdi + 16]",
    "mov rbx, [rdi + 24]",
    "mov rbp, [rdi + 40]",
    "mov rsi, [rdi + 48]",
    ".irp n,8,9,10,11,12,13,14,15",
    "mov r\\n, [rdi + 8*\\n]",
    ".endr",
    "mov rdi, [rdi + 56]",
    "call [rsp]",
    "pushfq",
    "push rax",
    "mov rax, [rsp + 24]",
    "mov [rax + 8], rcx",
    "mov [rax + 16], rdx",
    "mov [rax + 24], rbx",
    "mov [rax + 40], rbp",
    "mov [rax + 48], rsi",
    "mov [rax + 56], rdi",
    ".irp n,8,9,10,11,12,13,14,15",
    "mov [rax + 8*\\n], r\\n",
    ".endr",
    "pop rcx",
    "mov [rax], rcx",
    "pop rcx",
    "mov [rax + 128], rcx",
    "pop rcx",
    "pop rcx",
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "vmovdqu [rax + 192 + 32*\\n], ymm\\n",
    ".endr",
    "vzeroupper",
    "cld",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
);

unsafe extern "C" {
    fn galeed_test_run(state: *mut State, code: *const u8);
    fn mmap(
        at: *mut c_void,
        bytes: usize,
        prot: i32,
        flags: i32,
        fd: i32,
        offset: i64,
    ) -> *mut c_void;
}

#[test]
fn served_instructions_do_what_the_processor_does() {
    if !std::arch::is_x86_feature_detected!("avx2") {
        eprintln!("skipped: this processor has no AVX2");
        return;
    }
    galeed::set_policy(Policy::Unwind).unwrap();
    let rounds = std::env::var("GALEED_SERVE_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |text| {
        text.parse().expect("GALEED_SERVE_ROUNDS: a number")
    });
    // SAFETY: fresh pages that nobody else knows: one for code, three for raw memory.
    let pages = unsafe { mmap(std::ptr::null_mut(), 4 * 4096, 7, 0x22, -1, 0) }.cast::<u8>();
    assert!(!pages.addr().cast_signed().is_negative(), "no memory");
    let mut random = Random(1);
    let (mut served, mut declined) = (0, String::new());
    for round in 0..rounds {
        let (code, base) = instruction(&mut random);
        let mut object = Box::new(Object(std::array::from_fn(|_| random.next() as u8)));
        let handle = outward(&raw mut *object);
        // The same place in its page, so that what is computed from it is the same.
        // SAFETY: within the pages, of which the first is the code's.
        let raw = unsafe { pages.add(4096 + (handle % 4096) as usize) };
        // SAFETY: both have room.
        unsafe {
            pages.copy_from(code.as_ptr(), code.len());
            raw.copy_from(object.0.as_ptr(), OBJECT_BYTES);
        }
        let mut native = State {
            registers: std::array::from_fn(|_| random.next() >> random.of(&[0, 0, 40, 56])),
            flags: 0x202 | random.next() & 0x8d5,
            pad: [0; 7],
            vectors: std::array::from_fn(|_| std::array::from_fn(|_| random.next() as u8)),
        };
        native.registers[1] %= 9; // a count, for REP and shifts
        let other = raw as u64 + 4096 + 128; // of MOVS's two sides, one is raw
        (native.registers[6], native.registers[7]) = (other, other);
        let mut lent = native;
        native.registers[base as usize] = raw as u64 + MIDDLE;
        lent.registers[base as usize] = handle + MIDDLE;
        (native.registers[RSP], lent.registers[RSP]) = (0, 0);
        let before = native;
        // SAFETY: the code is a function that touches its state and the object.
        unsafe { galeed_test_run(&raw mut native, pages) };
        // SAFETY: the same, and each of its accesses is checked.
        let outcome =
            galeed::catch(|| foreign(|| unsafe { galeed_test_run(&raw mut lent, pages) }));
        if let Err(violation) = outcome {
            assert_eq!(
                violation.kind,
                Kind::Boundary,
                "round {round}: {code:02x?}: {violation}"
            );
            write!(declined, "{code:02x?} ").unwrap();
            continue;
        }
        served += 1;
        for (register, same) in native.registers.iter_mut().zip(lent.registers) {
            let moved = register.wrapping_sub(raw as u64 + MIDDLE).cast_signed();
            // A word loaded into the low half of `other` may look like an address of the raw
            // bytes. Serving knows nothing of those, so an equal value was computed, not moved.
            if moved.abs() < 256 && *register != same {
                *register = (handle + MIDDLE).wrapping_add_signed(moved);
            }
        }
        let context = format!("round {round}, base {base}: {code:02x?}\nfrom {before:x?}");
        assert_eq!(lent.flags & !0x100, native.flags, "flags of {context}");
        assert_eq!(lent.registers, native.registers, "registers of {context}");
        assert_eq!(lent.vectors, native.vectors, "vectors of {context}");
        // SAFETY: as above.
        let raw = unsafe { std::slice::from_raw_parts(raw, OBJECT_BYTES) };
        assert_eq!(object.0, *raw, "bytes of {context}");
    }
    println!("{served} of {rounds} served; declined: {declined}");
    assert!(served * 10 >= rounds * 8, "{served} of {rounds}");
}
