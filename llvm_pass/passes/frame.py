"""One function under rewrite: what all rewriters of its lines share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import argument_value, metadata_of
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.passes.entries import Entries
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
    entries: Entries
    helpers: Helpers
    _slots: dict[tuple[int, int], str] = field(default_factory=dict)
    _slot_line: int = -1
    _slots_used: int = 0

    def checked(self, text: str) -> str | None:
        """The value that an operand ends with, if it may be a pseudo-pointer."""
        value = argument_value(text)
        return value if value is not None and self.roots.origin(value).kind != "raw" else None

    def entry(self, value: str, number: int) -> str:
        """Its table entry, ready at that line. pre: checked() gave the value."""
        return self.entries.operand(value, self.roots.origin(value), number)

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
