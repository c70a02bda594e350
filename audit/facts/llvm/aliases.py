"""Pointers of one call that lead to the same bytes, and pointers that C keeps in memory of its own.

Invariant: only constant distances from one value count; where it cannot be seen that two overlap, nothing is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.flow import Flow
from audit.facts.llvm.program import Hit
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Program

_STEP = re.compile(rf"getelementptr (?:\w+ )*i8, ptr ({LOCAL}|@[\w.$-]+), i64 (-?\d+)(?:,|$)")
_SOME_STEP = re.compile(rf"getelementptr .*?, ptr ({LOCAL}|@[\w.$-]+),")
_SAME = re.compile(rf"(?:bitcast|freeze) ptr ({LOCAL}|@[\w.$-]+)")
_KEPT = re.compile(rf"^  store (?:volatile )?ptr ({LOCAL}), ptr ({LOCAL}|@[\w.$-]+)(?:,|$)")
_DEEPEST = 6


@dataclass(frozen=True)
class Root:
    """What a pointer was made from, and how many bytes further it is; None: not constant."""

    value: str
    offset: int | None


def root(blocks: Blocks, value: str) -> Root:
    offset: int | None = 0
    for _ in range(64):
        made = blocks.values.get(value, "")
        if match := _STEP.match(made):
            value, offset = match[1], None if offset is None else offset + int(match[2])
        elif match := _SAME.match(made):
            value = match[1]
        elif match := _SOME_STEP.match(made):
            value, offset = match[1], None
        else:
            break
    return Root(value, offset)


@dataclass(frozen=True)
class Pair:
    """Two parameters that get the same object. unshared: the one that is promised to be nobody else's. by: who promises.
    written: where C writes through one. is_same: the very same address."""

    unshared: int
    other: int
    by: str
    written: Hit
    is_same: bool


def pairs(program: Program, function: Function, call: Call, callee: Function, blocks: Blocks) -> Iterator[Pair]:
    """pre: callee is what the call calls."""
    declared = function.module.functions.get(call.callee)
    places = {
        number: root(blocks, each.value)
        for number, each in enumerate(call.arguments)
        if each.type.kind == "pointer" and each.value.startswith(("%", "@")) and not each.has("byval", "sret")
    }
    for one, first in places.items():
        by = _promised(declared, callee, one)
        for other, second in places.items() if by else ():
            if other == one or first.value != second.value or None in (first.offset, second.offset):
                continue
            written = program.writes(callee, one) or program.writes(callee, other)
            is_same = first.offset == second.offset
            if written is None or (not is_same and not _overlap(callee, one, other, first, second)):
                continue
            yield Pair(one, other, by, written, is_same)


def may_share(function: Function, call: Call, callee: Function) -> bool:
    """Is there a promise at all, for one of several pointers? Cheap."""
    declared = function.module.functions.get(call.callee)
    pointers = [number for number, each in enumerate(call.arguments) if each.type.kind == "pointer"]
    return len(pointers) > 1 and any(_promised(declared, callee, number) for number in pointers)


def _promised(declared: Function | None, callee: Function, number: int) -> str:
    if number < len(callee.parameters) and callee.parameters[number].has("noalias"):
        return "C's restrict"
    if declared is not None and number < len(declared.parameters) and declared.parameters[number].has("noalias"):
        return "the reference in Rust's declaration"
    return ""


def _overlap(callee: Function, one: int, other: int, first: Root, second: Root) -> bool:
    """Does C access the same bytes by both, as far as its accesses are at constant distances?"""
    spans = []
    for number, place in ((one, first), (other, second)):
        if number >= len(callee.parameters):
            return False
        accesses = Flow(callee, callee.parameters[number].value).accesses()
        begin = place.offset or 0
        spans.append([(begin + (each.offset or 0), each) for each in accesses if each.offset is not None])
    return any(
        a < b + second_access.bytes and b < a + first_access.bytes and (first_access.is_store or second_access.is_store)
        for a, first_access in spans[0]
        for b, second_access in spans[1]
    )


class Keepers:
    """Asks a program's C functions what they keep; each question is answered once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: dict[tuple[int, int], Hit | None] = {}

    def kept(self, function: Function, at: int, depth: int = 0) -> Hit | None:
        """Where a function stores parameter `at` itself into memory that is there after it has returned; what: the target."""
        key = (id(function), at)
        if key not in self._known and depth <= _DEEPEST:
            self._known[key] = None  # of what calls itself
            self._known[key] = self._look(function, at, depth)
        return self._known.get(key)

    def _look(self, function: Function, at: int, depth: int) -> Hit | None:
        if at >= len(function.parameters) or function.parameters[at].type.kind != "pointer":
            return None
        parameter = function.parameters[at]
        if parameter.has("byval", "sret") or any(each.startswith("captures(none)") for each in parameter.attributes):
            return None
        flow, blocks = Flow(function, parameter.value), Blocks(function)
        for number, line in enumerate(function.body):
            match = _KEPT.match(line)
            if match and flow.offsets.get(match[1]) == 0:
                target = root(blocks, match[2]).value
                if not blocks.values.get(target, "").startswith("alloca "):
                    return Hit(function, number, target)
        for call in function.calls:
            for number, argument in enumerate(call.arguments):
                if flow.offsets.get(argument.value) != 0:
                    continue
                found = self.program.callee_in_c(function, call.callee)
                deeper = self.kept(found, number, depth + 1) if found else None
                if deeper:
                    return deeper
        return None


# Of Rust's library, by both manglings: what ends a Box's claim to be the only pointer.
_GIVEN_UP = re.compile(r"8into_raw|(?:3Box|5boxed)\S*4leak|12ManuallyDrop|3mem6forget")
_RUST_ALLOCATOR = re.compile(r"__rust_alloc(?:_zeroed)?$|12___rust_alloc$|19___rust_alloc_zeroed$")


def makes_boxes(function: Function) -> bool:
    """Does it allocate at all? Cheap."""
    return any(_RUST_ALLOCATOR.search(call.callee) for call in function.calls)


def is_box(compiled: Function | None, blocks: Blocks, value: str) -> bool:
    """Is a value what a Box was made of here, by an allocation that Rust's code does not take the Box from?

    blocks, value: in the form of -O1, where Box::new is an allocation. compiled: the same function, where into_raw is a call.
    """
    made = re.search(r' @("?[\w.$-]+"?)\(', blocks.values.get(value, ""))
    if made is None or not _RUST_ALLOCATOR.search(made[1]) or compiled is None:
        return False
    return not any(_GIVEN_UP.search(name) for name in _called(compiled, 3))


def _called(function: Function, depth: int) -> set[str]:
    names = {call.callee for call in function.calls}
    for name in sorted(names) if depth else ():
        deeper = function.module.functions.get(name)
        if deeper is not None and deeper.is_defined and deeper is not function:
            names |= _called(deeper, depth - 1)
    return names
