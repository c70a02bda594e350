"""What a host may lend, by the debug information of C: the structures behind parameters, and their fields with pointers.

Invariant: too many rather than too few. What points to a listed structure's members is followed through every
pointer; where C takes memory without a type, the list says so and cannot be whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llvm_pass.ir.metadata import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit.facts.llvm.ir import Function, Module, Place

_TAG, _NAME = re.compile(r"\btag: DW_TAG_(\w+)"), re.compile(r'\bname: "([^"]*)"')
_TYPE, _TYPES = re.compile(r"\btype: (!\d+)"), re.compile(r"\btypes: (!\d+)")
_BASE, _ELEMENTS = re.compile(r"\bbaseType: (!\d+)"), re.compile(r"\belements: (!\d+)")
_NODE_OR_NULL = re.compile(r"!\d+|null")
_THROUGH = frozenset({"typedef", "const_type", "volatile_type", "restrict_type", "atomic_type", "array_type"})
_POINTERS = frozenset({"pointer_type", "reference_type", "rvalue_reference_type"})
_STRUCTURES = frozenset({"structure_type", "union_type", "class_type"})
_DEEPEST = 64


@dataclass
class Lent:
    """One structure or union. pointers: its fields that hold pointers, in their order. place: of its definition."""

    tag: str
    text: str
    place: Place | None
    pointers: list[str] = field(default_factory=list)


@dataclass
class Structures:
    """by_tag: all that may be lent. untyped: entries (and fields) through which memory of any type may come."""

    by_tag: dict[str, Lent] = field(default_factory=dict)
    untyped: list[str] = field(default_factory=list)


def structures(modules: Iterable[Module], entries: Iterable[str]) -> Structures:
    """entries: the functions that the host calls."""
    wanted, found = set(entries), Structures()
    for module in modules:
        reader = _Reader(module, found)
        for function in module.defined:
            if function.name in wanted:
                reader.entry(function)
    found.by_tag = dict(sorted(found.by_tag.items()))
    found.untyped = sorted(set(found.untyped))
    return found


class _Reader:
    def __init__(self, module: Module, found: Structures) -> None:
        self._module, self._nodes, self._found = module, module.text.metadata.nodes, found
        self._done: set[str] = set()
        self._work: list[
            tuple[str, str]
        ] = []  # structures to be looked into, and why; not by recursion, which has an end

    def entry(self, function: Function) -> None:
        for number, node in enumerate(self._signature(self._nodes.get(function.subprogram or "", ""))[1:], 1):
            plain = self._plain(node)
            if self._tag(plain) in _POINTERS:
                self._behind(plain, f"{function.name}'s parameter {number}", f"{function.name} takes it")
        while self._work:
            self._structure(*self._work.pop())

    def _signature(self, body: str) -> list[str]:
        """Types of a subprogram's result and parameters."""
        kind = _TYPE.search(body)
        types = _TYPES.search(self._nodes.get(kind[1], "") if kind else body)
        return _NODE_OR_NULL.findall(self._nodes.get(types[1], "").partition("!{")[2]) if types else []

    def _behind(self, pointer: str, who: str, why: str) -> None:
        """pointer: a pointer's type."""
        for _ in range(_DEEPEST):
            base = _BASE.search(self._nodes.get(pointer, ""))
            at = self._plain(base[1]) if base else ""
            if not at or at == "null":
                self._found.untyped.append(who)
            elif self._tag(at) == "subroutine_type":
                result = self._signature(self._nodes[at])[:1]
                pointer = self._plain(result[0]) if result else ""
                if self._tag(pointer) in _POINTERS:
                    who = f"what {who} returns"
                    continue
            elif self._tag(at) in _POINTERS:
                pointer = at
                continue
            else:
                self._work.append((at, why))
            return

    def _structure(self, node: str, why: str) -> None:
        body = self._nodes.get(node, "")
        if node in self._done or self._tag(node) not in _STRUCTURES:
            return
        self._done.add(node)
        name = _NAME.search(body)
        tag = unescaped(name[1]) if name else ""
        mine = self._found.by_tag.get(tag) or Lent(tag, why, self._module.subprogram(node))
        if tag and "elements:" in body:  # declared only: nobody accesses its members by this type
            self._found.by_tag[tag] = mine
        for member, kind in self._members(body):
            plain = self._plain(kind)
            if self._tag(plain) in _POINTERS:
                if member not in mine.pointers:
                    mine.pointers.append(member)
                self._behind(plain, f"{tag or 'a structure'}.{member}", f"{tag or 'a structure'}.{member} leads to it")
            else:
                self._work.append((plain, f"part of {tag or 'a structure'}"))

    def _members(self, body: str) -> Iterator[tuple[str, str]]:
        elements = _ELEMENTS.search(body)
        for node in re.findall(r"!\d+", self._nodes.get(elements[1], "") if elements else ""):
            text = self._nodes.get(node, "")
            tag, name, kind = _TAG.search(text), _NAME.search(text), _BASE.search(text)
            if tag and tag[1] in ("member", "inheritance") and kind and "DIFlagStaticMember" not in text:
                yield (name[1] if name else ""), kind[1]

    def _plain(self, node: str) -> str:
        """Without names, qualifiers and arrays around it; "" for void."""
        for _ in range(_DEEPEST):
            if self._tag(node) not in _THROUGH:
                return node
            base = _BASE.search(self._nodes[node])
            node = base[1] if base else ""
        return ""

    def _tag(self, node: str) -> str:
        body = self._nodes.get(node, "")
        if "!DISubroutineType(" in body:
            return "subroutine_type"
        tag = _TAG.search(body)
        return tag[1] if tag else ""
