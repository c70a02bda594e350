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

/// Asks the table, as inline checks do: `$spare + 1` bytes at rdi against the limit at `$limit`
/// of the entry. Afterwards rax + rdi is the address; 2: rax and r11 are lost, nothing else.
macro_rules! looked_up {
    ($limit:literal, $spare:literal) => {
        concat!(
            "mov rax, rdi\n",
            "shr rax, {index_shift}\n",
            "shl rax, {entry_shift}\n",
            "movabs r11, {table}\n",
            "add rax, r11\n",
            "mov r11, rdi\n",
            "sub r11, qword ptr [rax]\n",
            "add r11, ",
            $spare,
            "\n",
            "jc 2f\n",
            "cmp r11, qword ptr [rax + ",
            $limit,
            "]\n",
            "jae 2f\n",
            "mov rax, qword ptr [rax + 24]"
        )
    };
}

/// Calls `body` with every register kept that an `[M]` function keeps, but rax. `$pc`: the
/// register of the body's last argument; `$above`: bytes between rsp and the return address.
macro_rules! body_called {
    ($pc:literal, $above:literal) => {
        concat!(
            "push rcx\n .cfi_adjust_cfa_offset 8\n",
            "push rdx\n .cfi_adjust_cfa_offset 8\n",
            "push rsi\n .cfi_adjust_cfa_offset 8\n",
            "push rdi\n .cfi_adjust_cfa_offset 8\n",
            "push r8\n .cfi_adjust_cfa_offset 8\n",
            "push r9\n .cfi_adjust_cfa_offset 8\n",
            "push r10\n .cfi_adjust_cfa_offset 8\n",
            "sub rsp, ",
            $above,
            "\n .cfi_adjust_cfa_offset ",
            $above,
            "\n",
            "mov ",
            $pc,
            ", qword ptr [rsp + 56 + 2 * ",
            $above,
            "]\n",
            "call {body}\n",
            "add rsp, ",
            $above,
            "\n .cfi_adjust_cfa_offset -",
            $above,
            "\n",
            "pop r10\n .cfi_adjust_cfa_offset -8\n",
            "pop r9\n .cfi_adjust_cfa_offset -8\n",
            "pop r8\n .cfi_adjust_cfa_offset -8\n",
            "pop rdi\n .cfi_adjust_cfa_offset -8\n",
            "pop rsi\n .cfi_adjust_cfa_offset -8\n",
            "pop rdx\n .cfi_adjust_cfa_offset -8\n",
            "pop rcx\n .cfi_adjust_cfa_offset -8\n"
        )
    };
}

/// A `[M]` function with a result. `$pc` is the register of the body's last
/// argument.
macro_rules! keeping_returns {
    ($body:path, $pc:literal) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            $crate::thunks::body_called!($pc, "0"),
            "ret",
            ".cfi_endproc",
            body = sym $body,
        )
    };
}

/// A `[M]` load: `$load` loads from [rdi + rax] where the lease is mapped (or the pointer raw)
/// and goes on to 3 with the value in rax, or to 2 when it is not the whole answer.
macro_rules! loading {
    ($body:path, $spare:literal, $load:literal) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            $crate::thunks::looked_up!("8", $spare),
            $load,
            "ret",
            "2:",
            $crate::thunks::body_called!("rsi", "0"),
            "ret",
            ".cfi_endproc",
            body = sym $body,
            index_shift = const $crate::layout::GALEED_INDEX_SHIFT,
            entry_shift = const $crate::layout::GALEED_ENTRY_BYTES.trailing_zeros(),
            table = const $crate::layout::GALEED_TABLE,
        )
    };
}

/// A `[M]` load of a pointer: as `loading`, but what may have to be lent is the body's to decide:
/// addresses above the stack pointer, of the host domain, and of the host's code.
macro_rules! loading_pointer {
    ($body:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            $crate::thunks::looked_up!("8", "7"),
            "mov rax, qword ptr [rdi + rax]",
            "cmp rax, rsp",
            "ja 2f",
            "mov r11, rax",
            "shr r11, {host_shift}",
            "cmp r11, {host}",
            "je 2f",
            "movabs r11, {text}",
            "sub rax, qword ptr [r11]",
            "cmp rax, qword ptr [r11 + 8]",
            "jb 2f",
            "add rax, qword ptr [r11]",
            "ret",
            "2:",
            $crate::thunks::body_called!("rsi", "0"),
            "ret",
            ".cfi_endproc",
            body = sym $body,
            index_shift = const $crate::layout::GALEED_INDEX_SHIFT,
            entry_shift = const $crate::layout::GALEED_ENTRY_BYTES.trailing_zeros(),
            table = const $crate::layout::GALEED_TABLE,
            host_shift = const $crate::sys::MPK_HOST_SHIFT,
            host = const $crate::sys::MPK_HOST_BASE >> $crate::sys::MPK_HOST_SHIFT,
            text = const $crate::layout::GALEED_TEXT_BASE,
        )
    };
}

/// A `[M]` store, which has no result, so that rax survives too. `$first`: may go to 2 before
/// anything is asked; `$store`: stores to [rdi + rax].
macro_rules! storing {
    ($body:path, $spare:literal, $first:literal, $store:literal) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rax", ".cfi_adjust_cfa_offset 8",
            $first,
            $crate::thunks::looked_up!("16", $spare),
            $store,
            "pop rax", ".cfi_remember_state", ".cfi_adjust_cfa_offset -8",
            "ret",
            "2:", ".cfi_restore_state",
            $crate::thunks::body_called!("rdx", "8"),
            "pop rax", ".cfi_adjust_cfa_offset -8",
            "ret",
            ".cfi_endproc",
            body = sym $body,
            index_shift = const $crate::layout::GALEED_INDEX_SHIFT,
            entry_shift = const $crate::layout::GALEED_ENTRY_BYTES.trailing_zeros(),
            table = const $crate::layout::GALEED_TABLE,
        )
    };
}

/// An ordinary function: passes its return address on as one argument more.
macro_rules! locating {
    ($body:path, $pc:literal) => {
        core::arch::naked_asm!(
            concat!("mov ", $pc, ", qword ptr [rsp]"),
            "jmp {body}",
            body = sym $body,
        )
    };
}

pub(crate) use {
    body_called, keeping_returns, loading, loading_pointer, locating, looked_up, storing,
};
