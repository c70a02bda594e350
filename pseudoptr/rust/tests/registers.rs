//! The `[M]` functions keep every register that `preserve_most` promises.
mod common;

use common::accessors::*;
use common::{foreign, outward};
use std::arch::asm;

/// Calls `function(first, second)` with a pattern in each register that it must
/// keep, and returns rax, and how many of them changed.
fn call(function: *const (), first: u64, second: u64) -> (u64, u64) {
    let (result, changed): (u64, u64);
    // SAFETY: the function keeps what it must, or the test fails; rbx and rbp
    // are the callee's to keep in any convention.
    unsafe {
        asm!(
            "mov rcx, 0x111", "mov rdx, 0x222", "mov r8, 0x333",
            "mov r9, 0x444", "mov r10, 0x555",
            "mov r14, rdi", "mov r15, rsi",
            "call {function}",
            "mov r12, 0",
            "cmp rcx, 0x111", "je 2f", "inc r12", "2:",
            "cmp rdx, 0x222", "je 2f", "inc r12", "2:",
            "cmp r8, 0x333", "je 2f", "inc r12", "2:",
            "cmp r9, 0x444", "je 2f", "inc r12", "2:",
            "cmp r10, 0x555", "je 2f", "inc r12", "2:",
            "cmp rdi, r14", "je 2f", "inc r12", "2:",
            "cmp rsi, r15", "je 2f", "inc r12", "2:",
            function = in(reg) function,
            inout("rdi") first => _, inout("rsi") second => _,
            inout("rax") 0x777u64 => result,
            out("rcx") _, out("rdx") _, out("r8") _, out("r9") _, out("r10") _,
            out("r11") _, out("r12") changed, out("r14") _, out("r15") _,
            clobber_abi("C"),
        );
    }
    (result, changed)
}

#[test]
fn registers_survive_loads_stores_and_the_membrane() {
    let mut object = Box::new([9u64; 4]);
    let handle = outward(object.as_mut_ptr());
    let loads = [
        galeed_load1 as *const (),
        galeed_load2 as _,
        galeed_load4 as _,
        galeed_load8 as _,
    ];
    for load in loads {
        assert_eq!(foreign(|| call(load, handle, 0)), (9, 0));
    }
    let stores = [
        galeed_store1 as *const (),
        galeed_store2 as _,
        galeed_store4 as _,
        galeed_store8 as _,
    ];
    for store in stores {
        assert_eq!(
            foreign(|| call(store, handle, 5)),
            (0x777, 0),
            "rax survives, too"
        );
    }
    assert_eq!(object[0], 5);
    let crossing = [galeed_lend_loaded as *const (), galeed_unlend_stored as _];
    for function in crossing {
        assert_eq!(foreign(|| call(function, handle, 5)), (5, 0));
    }
}
