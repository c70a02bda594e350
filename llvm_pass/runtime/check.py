"""The inline check of struct galeed_entry, as text for helpers that access more than one scalar.

Invariant: exactly that of helpers.py: n bytes at p go ahead when p - base < limit - (n - 1),
unsigned, the subtraction saturating; their address is p + delta.
"""

from __future__ import annotations

from llvm_pass import abi


def entry_fields(limit: int, empty: str) -> str:
    """IR that reads %base, %limit and %delta of %entry. limit: the offset of the limit that is asked."""
    return (
        f"  %base = load i64, ptr %entry, align 32, !invariant.load {empty}\n"
        f"  %limit.at = getelementptr inbounds i8, ptr %entry, i64 {limit}\n"
        f"  %limit = load i64, ptr %limit.at, align 8, !invariant.load {empty}\n"
        f"  %delta.at = getelementptr inbounds i8, ptr %entry, i64 {abi.DELTA_OFFSET}\n"
        f"  %delta = load i64, ptr %delta.at, align 8, !invariant.load {empty}"
    )


def inside(writes: bool, nbytes: int, empty: str) -> str:
    """IR that gives %inside for `nbytes` at %p by %entry, and %word, the pointer's bits. pre: nbytes > 0."""
    return (
        entry_fields(limit_offset(writes), empty) + "\n"
        "  %word = ptrtoint ptr %p to i64\n"
        "  %offset = sub i64 %word, %base\n"
        f"  %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 {nbytes - 1})\n"
        "  %inside = icmp ult i64 %offset, %bound"
    )


def limit_offset(writes: bool) -> int:
    """Where the limit for reads or for writes lies in an entry."""
    return abi.WRITE_LIMIT_OFFSET if writes else abi.READ_LIMIT_OFFSET
