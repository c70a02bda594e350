//! Entry points that keep registers, and that know where they were called.
//!
//! Rewritten code calls the accessors with LLVM's `preserve_most` convention, so
//! that a check's unlikely half costs the likely one no registers: every general
//! register survives but r11 and the result. Stable Rust has no such convention,
//! so naked functions save the registers around the ordinary body. Vector
//! registers are the caller's to save, as in the C convention.
//!
//! The body gets one argument more: the return address in foreign code, for the
//! report. An odd number of pushes aligns the stack for the call [psABI 3.2.2].
//!
//! Source: \[LangRef\] `preserve_mostcc`; \[psABI\].

/// A `[M]` function with a result. `$pc` is the register of the body's last
/// argument.
macro_rules! keeping_returns {
    ($body:path, $pc:literal) => {
        std::arch::naked_asm!(
            ".cfi_startproc",
            "push rcx", ".cfi_adjust_cfa_offset 8",
            "push rdx", ".cfi_adjust_cfa_offset 8",
            "push rsi", ".cfi_adjust_cfa_offset 8",
            "push rdi", ".cfi_adjust_cfa_offset 8",
            "push r8", ".cfi_adjust_cfa_offset 8",
            "push r9", ".cfi_adjust_cfa_offset 8",
            "push r10", ".cfi_adjust_cfa_offset 8",
            concat!("mov ", $pc, ", qword ptr [rsp + 56]"),
            "call {body}",
            "pop r10", ".cfi_adjust_cfa_offset -8",
            "pop r9", ".cfi_adjust_cfa_offset -8",
            "pop r8", ".cfi_adjust_cfa_offset -8",
            "pop rdi", ".cfi_adjust_cfa_offset -8",
            "pop rsi", ".cfi_adjust_cfa_offset -8",
            "pop rdx", ".cfi_adjust_cfa_offset -8",
            "pop rcx", ".cfi_adjust_cfa_offset -8",
            "ret",
            ".cfi_endproc",
            body = sym $body,
        )
    };
}

/// A `[M]` function without a result: rax survives too.
macro_rules! keeping {
    ($body:path, $pc:literal) => {
        std::arch::naked_asm!(
            ".cfi_startproc",
            "push rax", ".cfi_adjust_cfa_offset 8",
            "push rcx", ".cfi_adjust_cfa_offset 8",
            "push rdx", ".cfi_adjust_cfa_offset 8",
            "push rsi", ".cfi_adjust_cfa_offset 8",
            "push rdi", ".cfi_adjust_cfa_offset 8",
            "push r8", ".cfi_adjust_cfa_offset 8",
            "push r9", ".cfi_adjust_cfa_offset 8",
            "push r10", ".cfi_adjust_cfa_offset 8",
            "sub rsp, 8", ".cfi_adjust_cfa_offset 8",
            concat!("mov ", $pc, ", qword ptr [rsp + 72]"),
            "call {body}",
            "add rsp, 8", ".cfi_adjust_cfa_offset -8",
            "pop r10", ".cfi_adjust_cfa_offset -8",
            "pop r9", ".cfi_adjust_cfa_offset -8",
            "pop r8", ".cfi_adjust_cfa_offset -8",
            "pop rdi", ".cfi_adjust_cfa_offset -8",
            "pop rsi", ".cfi_adjust_cfa_offset -8",
            "pop rdx", ".cfi_adjust_cfa_offset -8",
            "pop rcx", ".cfi_adjust_cfa_offset -8",
            "pop rax", ".cfi_adjust_cfa_offset -8",
            "ret",
            ".cfi_endproc",
            body = sym $body,
        )
    };
}

/// An ordinary function: passes its return address on as one argument more.
macro_rules! locating {
    ($body:path, $pc:literal) => {
        std::arch::naked_asm!(
            concat!("mov ", $pc, ", qword ptr [rsp]"),
            "jmp {body}",
            body = sym $body,
        )
    };
}

pub(crate) use {keeping, keeping_returns, locating};
