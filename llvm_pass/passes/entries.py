"""The table entries that checks use: one for each root, carried along merges.

Invariant: an entry is available wherever the pointer that it speaks for is. A
wrong entry costs a call of the runtime, which looks at the pointer itself.
"""

from __future__ import annotations

from llvm_pass.analysis.roots import Merge, Origin, Roots
from llvm_pass.ir.module import Function, predecessors
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.runtime.helpers import RAW_ENTRY, Helpers


class Entries:
    """Entries of one function, made on demand."""

    def __init__(self, context: Context, function: Function, roots: Roots, helpers: Helpers) -> None:
        self._context, self._function, self._roots, self._helpers = context, function, roots, helpers
        self._made: dict[str, str] = {}
        self._placeable: dict[str, bool] = {}

    def operand(self, value: str, origin: Origin, number: int) -> str:
        """The entry for a pointer used on line `number`. pre: its origin is not raw."""
        if origin.kind == "root":
            if self._can_place(origin.name):
                return self._of_root(origin.name)
        elif self._web_placeable(origin.name):
            return self._of_merge(origin.name)
        return self.here(value, number)

    def here(self, value: str, number: int) -> str:
        """The entry for any pointer, computed where it is used."""
        entry = self._context.edits.fresh()
        line = self._context.module.lines[number]
        self._context.edits.insert_before(number, self._call(entry, value, line))
        return entry

    def _call(self, entry: str, value: str, line: str) -> str:
        self._context.stats["entries"] += 1
        suffix = debug_suffix(self._context, self._function, line)
        return f"  {entry} = call ptr {self._helpers.entry()}(ptr {value}){suffix}"

    def _of_root(self, name: str) -> str:
        known = self._made.get(name)
        if known is not None:
            return known
        entry = self._made[name] = self._context.edits.fresh()
        defined = self._roots.line_of(name)
        edits, lines = self._context.edits, self._context.module.lines
        if defined is None:
            edits.insert_before(self._roots.first_line, self._call(entry, name, ""))
        elif self._roots.opcode_of(name) == "invoke":
            edits.insert_before(self._after_invoke(name), self._call(entry, name, lines[defined + 1]))
        else:
            edits.insert_after(defined, self._call(entry, name, lines[defined]))
        return entry

    def _of_merge(self, name: str) -> str:
        known = self._made.get(name)
        if known is not None:
            return known
        entry = self._made[name] = self._context.edits.fresh()  # before the inputs: loops come back to it
        merge = self._roots.merge(name)
        inputs = [self._of_input(value) for value, _ in merge.inputs]
        line = self._context.module.lines[merge.line]
        suffix = debug_suffix(self._context, self._function, line) if ", !dbg" in line else ""
        if merge.kind == "phi":
            pairs = ", ".join(f"[ {value}, {block} ]" for value, (_, block) in zip(inputs, merge.inputs, strict=True))
            text = f"  {entry} = phi ptr {pairs}{suffix}"
        else:
            text = f"  {entry} = select {merge.condition}, ptr {inputs[0]}, ptr {inputs[1]}{suffix}"
        self._context.edits.insert_after(merge.line, text)
        self._context.stats["merged entries"] += 1
        return entry

    def _of_input(self, value: str | None) -> str:
        origin = self._roots.origin(value)
        if origin.kind == "raw":
            return RAW_ENTRY
        return self._of_root(origin.name) if origin.kind == "root" else self._of_merge(origin.name)

    def _can_place(self, name: str) -> bool:
        """Is there one place behind the definition where an entry can be computed?"""
        opcode = self._roots.opcode_of(name)
        if opcode == "invoke":
            return self._after_invoke(name) >= 0
        # A phi is a root only where we could not read it; between phis no call may stand.
        return opcode not in ("callbr", "phi")

    def _after_invoke(self, name: str) -> int:
        """The first line behind the phis of an invoke's normal block, or -1 when others lead there too."""
        lines = self._context.module.lines
        defined = self._roots.line_of(name)
        assert defined is not None
        words = lines[defined + 1].split()  # to label %x unwind label %y
        label = self._function.blocks.get(words[2]) if words[:2] == ["to", "label"] else None
        if label is None or len(predecessors(lines[label])) != 1:
            return -1
        first = label + 1
        while " = phi " in lines[first]:
            first += 1
        return first

    def _web_placeable(self, name: str) -> bool:
        known = self._placeable.get(name)
        if known is not None:
            return known
        seen, work, good = {name}, [name], True
        while work and good:
            merge: Merge = self._roots.merge(work.pop())
            for value, _ in merge.inputs:
                origin = self._roots.origin(value)
                if origin.kind == "root":
                    good = good and self._can_place(origin.name)
                elif origin.kind == "merge" and origin.name not in seen:
                    seen.add(origin.name)
                    work.append(origin.name)
        self._placeable[name] = good
        return good
