"""Who frees what in Rust code: pointers themselves, and those that an object holds (what Drop does).

Invariant: "frees" means always, whenever it is called with a pointer that is not null; in doubt nothing is freed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.families import freed_family
from audit.facts.llvm.flow import Flow, unconditional
from audit.facts.llvm.program import Hit
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Program

_LOAD = re.compile(rf"^  ({LOCAL}) = load ptr, ptr ({LOCAL})")
_DEEPEST = 6


@dataclass(frozen=True)
class Free:
    """One call that frees `value`. by: where C or Rust does it in what is called; None: the call itself is the free."""

    call: Call
    value: str
    by: Hit | None
    in_c: bool


class Freeing:
    """Of all modules together."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._held: dict[tuple[int, int], dict[int, Hit]] = {}

    def frees(self, function: Function) -> Iterator[Free]:
        """The calls of a function that free a pointer which they are given."""
        for call in function.calls:
            declared = function.module.functions.get(call.callee)
            if declared is None or "realloc" in call.callee:
                continue
            callee = self._program.callee(function, call.callee)
            for at, argument in enumerate(call.arguments):
                if not argument.value.startswith("%"):
                    continue
                if family := freed_family(declared, at):
                    yield Free(call, argument.value, None, family == "malloc")
                elif callee is not None and (hit := self._program.frees_always(callee, at)):
                    yield Free(call, argument.value, hit, callee.language != "rust")

    def held(self, function: Function, at: int, depth: int = 0) -> dict[int, Hit]:
        """Of the object that parameter `at` points to: the offsets of pointers that the function frees."""
        key = (id(function), at)
        if key in self._held or depth > _DEEPEST:
            return self._held.get(key, {})
        self._held[key] = {}
        if at >= len(function.parameters) or function.parameters[at].type.kind != "pointer":
            return {}
        flow = Flow(function, function.parameters[at].value)
        lines = unconditional(function, flow)
        loaded = {value: offset for value, offset, _ in loads(function, flow)}
        found: dict[int, Hit] = {}
        for free in self.frees(function):
            if free.value in loaded and free.call.line in lines:
                found.setdefault(loaded[free.value], Hit(function, free.call.line, free.call.callee))
        for call in function.calls:
            callee = self._program.callee(function, call.callee) if call.line in lines else None
            for number, argument in enumerate(call.arguments) if callee else ():
                start = flow.offsets.get(argument.value)
                if callee is not None and start is not None:
                    for offset, hit in self.held(callee, number, depth + 1).items():
                        found.setdefault(start + offset, hit)
        self._held[key] = found
        return found


def loads(function: Function, flow: Flow) -> Iterator[tuple[str, int, int]]:
    """The pointers that are read through a flow, where the offset is known: the value, the offset, the line."""
    for number, line in enumerate(function.body):
        match = _LOAD.match(line) if "load ptr" in line else None
        offset = flow.offsets.get(match[2]) if match else None
        if match and offset is not None:
            yield match[1], offset, number
