"""The functions that open domains for who can call them: the list of E07 and E08."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.facts.binary.elf import Elf

# [PKU Pitfalls] section 4, [Cerberus] table 2, by what each does to a closed page.
OPENERS = {
    "pkey_alloc": "takes a key",
    "pkey_free": "frees a key that pages still carry",
    "pkey_mprotect": "gives pages another key",
    "pkey_set": "changes the thread's rights",
    "process_vm_readv": "has the kernel read past the keys",
    "process_vm_writev": "has the kernel write past the keys",
    "ptrace": "writes another thread's memory and registers",
    "mprotect": "changes pages, and on the mprotect backend opens them",
    "dlopen": "maps code that nobody scanned",
}
# Rust's std uses these for guard pages and optional functions of libc.
_STD = frozenset({"mprotect", "dlopen"})
_RUNTIME = ("mpk_start", "_mpk_started", "mpk_gate_enter")


def mine(elf: Elf) -> dict[str, str]:
    """Those that are no business of what the file is made of: galeed's runtime, Rust's std."""
    if holds_runtime(elf):
        return {
            name: why for name, why in OPENERS.items() if name in ("process_vm_readv", "process_vm_writev", "ptrace")
        }
    if "rustc version" in elf.comment:
        return {name: why for name, why in OPENERS.items() if name not in _STD}
    return OPENERS


def kept(elf: Elf) -> dict[str, str]:
    """Those whose address in data is not of what the file is made of: Rust's std calls its own, and keeps none."""
    return mine(elf) if holds_runtime(elf) else OPENERS


def holds_runtime(elf: Elf) -> bool:
    return elf.defines(_RUNTIME)
