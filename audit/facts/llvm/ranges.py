"""What values an integer can have: what a type of Rust allows, and what a C function returns.

Invariant: an answer that names a value is certain: C's code returns that constant. None: it may be any.
Source: LLVM LangRef, range attributes: from the first value up to below the second, around the end of the numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.exits import exits, known_of
from audit.facts.llvm.known import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audit.facts.llvm.exits import Exit
    from audit.facts.llvm.ir import Function, Value
    from audit.facts.llvm.known import Known
    from audit.facts.llvm.program import Program

_RANGE = re.compile(r"range\(i(\d+) (-?\d+), (-?\d+)\)")
_SELECT = re.compile(r"select i1 (\S+), i\d+ (\S+), i\d+ (\S+?)(?:,|$)")
_DEEPEST = 5


@dataclass(frozen=True)
class Range:
    """begin: the first value; end: the first that is none, both as LLVM writes them."""

    bits: int
    begin: int
    end: int

    def __contains__(self, value: int) -> bool:
        return (value - self.begin) % (1 << self.bits) < self.length

    @property
    def length(self) -> int:
        return (self.end - self.begin) % (1 << self.bits)

    def holds(self, other: Range) -> bool:
        """pre: of the same bits."""
        inside = other.begin in self and (other.end - 1) in self
        return inside and (other.begin - self.begin) % (1 << self.bits) + other.length <= self.length

    def __str__(self) -> str:
        return f"{self.begin} to {self.end - 1}"


def of(value: Value) -> Range | None:
    """What a parameter or result may be, where that is less than its type holds."""
    if value.type.kind == "integer" and value.type.bits == 1:
        return Range(8, 0, 2)
    words = (_RANGE.fullmatch(each) for each in value.attributes)
    return next((Range(int(each[1]), int(each[2]), int(each[3])) for each in words if each), None)


@dataclass(frozen=True)
class Returned:
    """One value that a function returns, None where it may be any; line: of the return."""

    function: Function
    line: int
    value: int | None


def returned(program: Program, function: Function, known: Mapping[str, Known], depth: int = 0) -> Iterator[Returned]:
    """The values of a C function's result, when it is called with these."""
    blocks = Blocks(function)
    calls = {call.result: call for call in function.calls if call.result}
    for way in exits(function, known, blocks=blocks):
        for text in _leaves(way, blocks, known):
            value = value_of(text, blocks, {**known, **dict(way.learned)})
            if isinstance(value, int):
                yield Returned(function, way.line, value)
                continue
            call = calls.get(text)
            callee = program.callee_in_c(function, call.callee) if call else None
            if call is None or callee is None or depth >= _DEEPEST or callee is function:
                yield Returned(function, way.line, None)
            else:
                yield from returned(program, callee, known_of(callee, call), depth + 1)


def _leaves(way: Exit, blocks: Blocks, known: Mapping[str, Known]) -> list[str]:
    """What is chosen from, where that is not known."""
    todo, found, seen = [way.text], [], set()
    while todo:
        text = todo.pop().rstrip(",")
        if text in seen:
            continue
        seen.add(text)
        match = _SELECT.match(blocks.values.get(text, ""))
        if isinstance(way.value, int) and text == way.text:
            found.append(str(way.value))
        elif match and value_of(text, blocks, known) is None:
            todo += [match[2], match[3]]
        elif text in blocks.phis:
            todo += blocks.phis[text].values()
        else:
            found.append(text)
    return sorted(found)


def outside(program: Program, function: Function, known: Mapping[str, Known], valid: Range) -> Returned | None:
    """What C may return that is none of the valid values: one that it writes so, else one that is not known."""
    own = of(function.result)
    if own is not None and own.bits == valid.bits and valid.holds(own):
        return None
    found: Returned | None = None
    for each in returned(program, function, known):
        if each.value is not None and each.value not in valid:
            return each
        if each.value is None and found is None:
            found = each
    return found
