"""Attribute groups of one module: those that it has, and new ones."""

from __future__ import annotations

from llvm_pass.ir.attributes import gate_attributes, groups
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.module import Module


class Groups:
    """Numbers new groups behind the last one; the same attributes get the same group."""

    def __init__(self, module: Module, edits: Edits) -> None:
        self._known = groups(module.lines, module.footer)
        self._next = 1 + max((int(name[1:]) for name in self._known), default=-1)
        self._new: dict[str, str] = {}
        self._edits = edits

    def has(self, names: tuple[str, ...], attribute: str) -> bool:
        """Does one of the groups hold this attribute?"""
        return any(attribute in self._known.get(name, "").split() for name in names)

    def for_gate(self, names: tuple[str, ...]) -> str:
        """A group that keeps code generation's attributes of these, and forbids inlining."""
        kept = " ".join(gate_attributes(self._known.get(name, "")) for name in names)
        return self.group(f"noinline {kept}".strip())

    def group(self, attributes: str) -> str:
        """The name of a group with these attributes."""
        name = self._new.get(attributes)
        if name is None:
            name = self._new[attributes] = f"#{self._next}"
            self._next += 1
            self._edits.append(f"attributes {name} = {{ {attributes} }}")
        return name
