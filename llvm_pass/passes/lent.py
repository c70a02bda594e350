"""Accesses in loops that were copied for lent pointers: a bound test and an addition.

`loop-versions` looks up the table entry of each pointer that the loop starts from, in front of
it, and marks the accesses that belong to it. Here the entry's fields are read beside it, and
tests of neighbouring accesses become one.

Invariant: the test is that of struct galeed_entry in galeed.h: n bytes at p go ahead when
p - base < limit - (n - 1), unsigned, the subtraction saturating; their address is p + delta.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llvm_pass import abi
from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import LOCAL, parse_call
from llvm_pass.passes.base import Context
from llvm_pass.passes.loop_versions import LENT
from llvm_pass.runtime.check import limit_offset
from llvm_pass.runtime.helpers import ENTRY, Helpers

_ENTRY = re.compile(rf"^  ({LOCAL}) = call ptr {re.escape(ENTRY)}\(ptr ({LOCAL})\).*, !{re.escape(LENT)} (!\d+)")
_STEP = re.compile(rf"^  {LOCAL} = getelementptr (?:inbounds |nuw |nusw )*i8, ptr ({LOCAL}), i64 (-?\d+)$")
_MARK = re.compile(rf", !{re.escape(LENT)} !\d+")


@dataclass(frozen=True, slots=True)
class Operand:
    """One pointer of an access. entry: of its lease. nbytes: how long, or -1: as long as `length`, an i64."""

    entry: str
    pointer: str
    nbytes: int
    writes: bool
    length: str = ""
    argument: int = -1  # of a call; else it is the pointer of a load or store


@dataclass(frozen=True, slots=True)
class LentAccess:
    """An access, or a copy, that goes directly where its leases allow it."""

    operands: tuple[Operand, ...]


@dataclass(slots=True)
class Leases:
    """The entries that loops of one function look up, and what is read of them."""

    context: Context
    function: Function
    roots: Roots
    helpers: Helpers
    _entries: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    _lines: dict[str, int] = field(default_factory=dict)
    _fields: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lines = self.context.module.lines
        for number in range(self.function.start, self.function.end):
            if ENTRY in lines[number]:
                match = _ENTRY.match(lines[number])
                if match:
                    name, root, version = match.groups()
                    self._entries[version, root] = name, number
                    self._lines[name] = number

    def entry(self, version: str, root: str) -> str | None:
        """The entry that the loop with this mark looked up for a root."""
        found = self._entries.get((version, root))
        return found[0] if found else None

    def _read(self, entry: str, name: str, offset: int) -> str:
        known = self._fields.get((entry, name))
        if known is None:
            edits, empty = self.context.edits, self.helpers.nothing()
            known = self._fields[entry, name] = edits.fresh()
            at, line = edits.fresh(), self._lines[entry]
            edits.insert_after(line, f"  {at} = getelementptr inbounds i8, ptr {entry}, i64 {offset}")
            edits.insert_after(line, f"  {known} = load i64, ptr {at}, align 8, !invariant.load {empty}")
        return known

    def _bound(self, entry: str, writes: bool, spare: int) -> str:
        """limit - spare, at least 0: computed in front of the loop."""
        key = entry, f"{'write' if writes else 'read'} - {spare}"
        known = self._fields.get(key)
        if known is None:
            limit = self._read(entry, "write" if writes else "read", limit_offset(writes))
            known = self._fields[key] = self.context.edits.fresh()
            self.helpers.declare("@llvm.usub.sat.i64", "i64", ["i64", "i64"])
            text = f"  {known} = call i64 @llvm.usub.sat.i64(i64 {limit}, i64 {spare})"
            self.context.edits.insert_after(self._lines[entry], text)
        return known

    def place(self, pointer: str) -> tuple[str, int]:
        """The value that a pointer is a constant number of bytes behind, and that number."""
        lines, total = self.context.module.lines, 0
        while (at := self.roots.line_of(pointer)) is not None and (match := _STEP.match(lines[at])):
            pointer, total = match.group(1), total + int(match.group(2))
        return pointer, total

    def needed(self, access: LentAccess) -> tuple[str, ...]:
        """The values that its tests use."""
        lengths = (operand.length for operand in access.operands if operand.length.startswith("%"))
        return (*(self.place(operand.pointer)[0] for operand in access.operands), *lengths)

    def tests(self, accesses: list[LentAccess]) -> list[tuple[list[str], str]]:
        """(IR, i1): all accesses go ahead when each of the values is true."""
        spans: dict[tuple[str, str, bool], tuple[int, int]] = {}
        operands = [operand for access in accesses for operand in access.operands]
        fixed = [operand for operand in operands if operand.nbytes >= 0]
        writes_too = {(each.entry, self.place(each.pointer)[0]) for each in fixed if each.writes}
        for each in fixed:
            base, start = self.place(each.pointer)
            span = each.entry, base, (each.entry, base) in writes_too  # who may write may read
            low, high = spans.get(span, (start, start + each.nbytes))
            spans[span] = min(low, start), max(high, start + each.nbytes)
        found = []
        fresh = self.context.edits.fresh
        for (entry, base, writes), (low, high) in spans.items():
            word, offset, inside = fresh(), fresh(), fresh()
            begin = self._read(entry, "base", 0)
            text = [f"  {word} = ptrtoint ptr {base} to i64"]
            if low:
                moved = fresh()
                text.append(f"  {moved} = add i64 {word}, {low}")
                word = moved
            text.append(f"  {offset} = sub i64 {word}, {begin}")
            text.append(f"  {inside} = icmp ult i64 {offset}, {self._bound(entry, writes, high - low - 1)}")
            found.append((text, inside))
        return [*found, *(self._measured(each) for each in operands if each.nbytes < 0)]

    def _measured(self, operand: Operand) -> tuple[list[str], str]:
        """The test for a length that is a value. Of no bytes it says no: then nobody need ask."""
        fresh = self.context.edits.fresh
        base, start = self.place(operand.pointer)
        word, moved, offset, spare, bound, inside = (fresh() for _ in range(6))
        limit = self._bound(operand.entry, operand.writes, 0)
        self.helpers.declare("@llvm.usub.sat.i64", "i64", ["i64", "i64"])
        return [
            f"  {word} = ptrtoint ptr {base} to i64",
            f"  {moved} = add i64 {word}, {start}",
            f"  {offset} = sub i64 {moved}, {self._read(operand.entry, 'base', 0)}",
            f"  {spare} = add i64 {operand.length}, -1",
            f"  {bound} = call i64 @llvm.usub.sat.i64(i64 {limit}, i64 {spare})",
            f"  {inside} = icmp ult i64 {offset}, {bound}",
        ], inside

    def direct(self, line: str, access: LentAccess) -> list[str]:
        """The access at the address that the pointer stands for. pre: the tests said so."""
        new = []
        for operand in access.operands:
            address, delta = self.context.edits.fresh(), self._read(operand.entry, "delta", abi.DELTA_OFFSET)
            new.append(f"  {address} = getelementptr i8, ptr {operand.pointer}, i64 {delta}")
            if operand.argument < 0:
                at = line.rindex(f", ptr {operand.pointer}, align ")
                line = f"{line[:at]}, ptr {address}{line[at + len(f', ptr {operand.pointer}') :]}"
            else:
                line = _with_argument(line, operand, address)
        return [*new, _MARK.sub("", line)]


def _with_argument(line: str, operand: Operand, address: str) -> str:
    call = parse_call(line)
    assert call is not None
    arguments = list(call.arguments)
    arguments[operand.argument] = arguments[operand.argument].removesuffix(operand.pointer) + address
    at = line.rindex(f"({', '.join(call.arguments)}){call.rest}")
    return f"{line[:at]}({', '.join(arguments)}){call.rest}"
