"""Where C leaves an out-parameter as it was.

Invariant: an exit that is named is reached without a store through the parameter, by what is plain to see. What a callee that
is not here may write counts as written, and so does what is written piece by piece in a loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.exits import exits, known_of
from audit.facts.llvm.flow import Flow
from audit.facts.llvm.known import NOT_NULL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit.facts.llvm.exits import Exit
    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.known import Known
    from audit.facts.llvm.program import Program

_DEEPEST = 6
_FILLED = ("llvm.memcpy.", "llvm.memmove.", "llvm.memset.")
_NOTHING = ("llvm.lifetime.", "llvm.assume", "llvm.dbg.", "llvm.experimental.noalias")


class Outputs:
    """Asks a program's C functions; each question is answered once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: dict[tuple[int, int, frozenset[tuple[str, Known]]], list[Exit]] = {}

    def unwritten(self, callee: Function, at: int, known: Mapping[str, Known], depth: int = 0) -> list[Exit]:
        """The ways out of a function that write nothing through parameter `at`; none where it writes nothing at all."""
        key = (id(callee), at, frozenset(known.items()))
        if key not in self._known and depth <= _DEEPEST:
            self._known[key] = []  # of what calls itself
            self._known[key] = self._look(callee, at, known, depth)
        return self._known.get(key, [])

    def _look(self, callee: Function, at: int, known: Mapping[str, Known], depth: int) -> list[Exit]:
        if at >= len(callee.parameters) or callee.variadic:
            return []
        parameter = callee.parameters[at]
        if parameter.type.kind != "pointer" or parameter.has("byval", "sret", "initializes", "readonly", "readnone"):
            return []
        flow, blocks = Flow(callee, parameter.value), Blocks(callee)
        lines = self._writing(callee, flow, depth)
        for line in lines or ():
            block = blocks.of_line(line)
            if block is None or block.name in blocks.reach(block.name):
                return []
        if not lines:
            return []
        return exits(callee, {**known, parameter.value: NOT_NULL}, lines.__contains__, blocks=blocks)

    def _writing(self, function: Function, flow: Flow, depth: int) -> set[int] | None:
        """The lines after which it may be written. None: nobody can say."""
        found: set[int] = set()
        for access in flow.accesses():
            if access.is_store:
                if access.offset is None:
                    return None
                found.add(access.line)
        calls = {call.line: call for call in function.calls}
        for number, line in enumerate(function.body):
            call = calls.get(number)
            if call is not None:
                if self._may_write(function, call, flow, depth):
                    found.add(number)
            elif "call " in line or "invoke " in line or " = ptrtoint " in line or " = insertvalue " in line:
                if any(f"ptr {name}" in line for name in flow.offsets) and "#dbg" not in line:
                    found.add(number)
            elif line.startswith("  store ") and any(line.startswith(f"  store ptr {name},") for name in flow.offsets):
                found.add(number)  # who gets at it there may write
        return found

    def _may_write(self, function: Function, call: Call, flow: Flow, depth: int) -> bool:
        for number, argument in enumerate(call.arguments):
            if argument.value not in flow or call.callee.startswith(_NOTHING):
                continue
            if call.callee.startswith(_FILLED):
                return number == 0
            own = function.module.functions.get(call.callee)
            if argument.has("readonly", "readnone") or (
                own and number < len(own.parameters) and own.parameters[number].has("readonly", "readnone")
            ):
                continue
            found = self.program.callee_in_c(function, call.callee)
            if found is None or number >= len(found.parameters):
                return True
            if not self.unwritten(found, number, known_of(found, call), depth + 1):
                return True
        return False
