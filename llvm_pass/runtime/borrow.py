"""Helpers for instructions that want an address and know nothing of handles.

`borrow` gives one for n bytes: the object's own where foreign code reaches it (raw memory,
mapped leases), else that of a slot in the caller's frame with a copy. `give_back` copies
the slot home when it was the slot. So raw memory is accessed as if nothing had happened,
atomically where the instruction is atomic; a copy is no place for atomics, and `pinned`
ends the process instead of making one.

Pointers inside the bytes pass as they are: what crosses here has no type.
"""

from __future__ import annotations

from llvm_pass.runtime import check
from llvm_pass.runtime.helpers import Helpers

_WHAT = "assembly that works atomically on memory that is lent privately"


def borrow(helpers: Helpers, nbytes: int, writes: bool, pinned: bool = False) -> str:
    """ptr (ptr p, ptr entry, ptr slot). writes: the instruction may write; ask for that."""
    name = f"@galeed.borrow.{nbytes}" + (".write" if writes else "") + (".pinned" if pinned else "")
    if helpers.defined(name):
        return name
    copy = f"  call void @galeed_load_bytes(ptr %slot, i64 %word, i64 {nbytes})"
    if pinned:
        copy = f"  call void @galeed_unsupported(ptr {helpers.constant('pinned', _WHAT)})"
    return helpers.define("borrow", name, {"check": check.inside(writes, nbytes, helpers.nothing()), "copy": copy})


def give_back(helpers: Helpers, nbytes: int) -> str:
    """void (ptr p, ptr slot, ptr address, i1 written)."""
    name = f"@galeed.give_back.{nbytes}"
    return name if helpers.defined(name) else helpers.define("give_back", name, {"bytes": nbytes})
