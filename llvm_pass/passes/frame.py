"""One function under rewrite: what all rewriters of its lines share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import argument_value, metadata_of
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.passes.segments import Segments
from llvm_pass.runtime.helpers import Helpers

# Metadata of an access that stays true of the call that stands for it: LLVM carries it over
# to the accesses when it inlines the helper. (Types of accesses travel in the helper itself.)
_CARRIED = ("alias.scope", "noalias", "llvm.access.group")
_CARRIED_HINT = re.compile(r"!(?:alias\.scope|noalias|llvm\.access\.group) ")
_SLOT_ALIGN = 64  # what the strictest instruction wants (movdir64b)


@dataclass(slots=True)
class Frame:
    """The function and the tools. pre: lines are looked at in order."""

    context: Context
    function: Function
    roots: Roots
    helpers: Helpers
    segments: Segments
    _slots: dict[tuple[int, int], str] = field(default_factory=dict)
    _slot_line: int = -1
    _slots_used: int = 0

    def checked(self, text: str) -> str | None:
        """The value that an operand ends with, if it may be a pseudo-pointer."""
        value = argument_value(text)
        return value if value is not None and self.roots.origin(value).kind != "raw" else None

    def entry(self, value: str, number: int) -> str:
        """Its table entry, ready at that line. pre: checked() gave the value."""
        name, text = self.entry_of(value, self.context.module.lines[number])
        self.context.edits.insert_before(number, text)
        return name

    def entry_of(self, value: str, line: str) -> tuple[str, str]:
        """A name for the pointer's table entry, and the IR that computes it for what stands for the line."""
        name = self.context.edits.fresh()
        suffix = debug_suffix(self.context, self.function, line)
        return name, f"  {name} = call ptr {self.helpers.entry()}(ptr {value}){suffix}"

    def place_again(self, pointer: str) -> tuple[str, list[str]]:
        """The pointer computed once more, for what stands for the line; itself where that is not simple.

        An address that only accesses use is folded into them by code generation. Served forms
        want it in a register; computed there, it costs the likely way none.
        """
        defined = self.roots.line_of(pointer)
        if defined is None or self.roots.opcode_of(pointer) != "getelementptr":
            return pointer, []
        line = self.context.module.lines[defined]
        name = self.context.edits.fresh()
        return name, [f"  {name}{line[2 + len(pointer) :]}"]

    def test_of(self, value: str) -> str:
        """The pointer whose tag says whether `value` is a handle: what it was computed from. pre: as for entry."""
        return self.roots.origin(value).name

    def suffix(self, line: str) -> str:
        """Debug location and carried metadata for a call that stands for a line."""
        place = debug_suffix(self.context, self.function, line)
        if not _CARRIED_HINT.search(line):
            return place
        found = metadata_of(line)
        return "".join(f", !{name} {found[name]}" for name in _CARRIED if name in found) + place

    def slot(self, nbytes: int, number: int) -> str:
        """A place in this function's frame, for the instruction at that line alone."""
        if self._slot_line != number:
            self._slot_line, self._slots_used = number, 0
        key = (nbytes, self._slots_used)
        self._slots_used += 1
        if key not in self._slots:
            edits, name = self.context.edits, self.context.edits.fresh()
            self._slots[key] = name
            edits.insert_before(self.roots.entry_line, f"  {name} = alloca [{nbytes} x i8], align {_SLOT_ALIGN}")
        return self._slots[key]

    def missed(self, name: str, reason: str, line: str) -> None:
        """Reports a form that stays as it is."""
        self.context.missed(name, reason, self.function, line)
