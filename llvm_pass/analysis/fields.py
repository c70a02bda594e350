"""Names for places behind pointers: which structure, which field, at which offset.

Three sources, in this order: what debug information says of the pointer's own type; the
structure and offset in an access's !tbaa tag; the type that a getelementptr walks. Without
any, the offset is all there is. Names are for people: nothing is decided by them.

Assumes hostile metadata: every walk is bounded. Source: LLVM LangRef, "Specialized
Metadata Nodes" and "tbaa Metadata".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llvm_pass.ir.metadata import Metadata
from llvm_pass.ir.syntax import LOCAL, bare, metadata_of, split_list
from llvm_pass.ir.types import Type, TypeSyntaxError, TypeTable

_LONGEST_WALK = 32
_GEP = re.compile(r"getelementptr (?:inbounds |nuw |nusw |inrange\([^)]*\) )*(.*)$")
_CONSTANT = re.compile(r"i\d+ (-?\d+)$")
_NUMBER = {name: re.compile(rf"\b{name}: (\d+)") for name in ("offset", "size", "arg", "line")}
_NAME = re.compile(r'\bname: "([^"]*)"')
_IDENTIFIER = re.compile(r'\bidentifier: "([^"]*)"')
_MANGLED = re.compile(r"^_ZTS\d+(\w+)$")  # a class of the outermost namespace
_NODE = {name: re.compile(rf"\b{name}: (!\d+)") for name in ("baseType", "elements", "type", "file", "var")}
_TAG = re.compile(r"\btag: DW_TAG_(\w+)")
_VARIABLE = re.compile(rf"^    #dbg_(value|declare)\(ptr ({LOCAL}), (!\d+), (!DIExpression\(\)|!\d+),")
_THROUGH = frozenset(("typedef", "const_type", "volatile_type", "restrict_type", "atomic_type", "member"))
_PARTS = frozenset(("structure_type", "class_type", "union_type"))
_SHAPES = _PARTS | {"array_type"}


@dataclass(frozen=True, slots=True)
class Field:
    """One step through memory. struct, name: "" where nothing says them; offset None: computed at run time."""

    struct: str
    name: str
    offset: int | None


@dataclass(frozen=True, slots=True)
class Variable:
    """What debug information calls a pointer. type: its node, or None. argument: its number from 0, or None."""

    name: str
    type: str | None
    argument: int | None


class Fields:
    """The names that one module has."""

    def __init__(self, metadata: Metadata, types: TypeTable, globals_: dict[str, str]) -> None:
        self._metadata, self._nodes, self._types = metadata, metadata.nodes, types
        self._globals = globals_  # name -> the line that defines it
        self._composites: dict[str, str] | None = None

    def variables(self, lines: list[str], start: int, end: int) -> dict[str, Variable]:
        """Local pointers' variables by the records of lines[start:end]; of an alloca that of what it holds."""
        found: dict[str, Variable] = {}
        for number in range(start, end):
            match = _VARIABLE.match(lines[number])
            if match is None or match.group(2) in found:
                continue
            body = self._nodes.get(match.group(3), "")
            name, argument = _NAME.search(body), self._number(body, "arg")
            if name:
                kind = self._reference(body, "type")
                found[match.group(2)] = Variable(name.group(1), kind, argument - 1 if argument else None)
        return found

    def global_type(self, name: str) -> str | None:
        """The type of a global, when debug information says it."""
        expression = self._nodes.get(metadata_of(self._globals.get(name, "")).get("dbg", ""), "")
        return self._reference(self._nodes.get(self._reference(expression, "var") or "", ""), "type")

    def pointee(self, node: str | None) -> str | None:
        """The type that a pointer type points to, with the names that it goes by."""
        node = self._plain(node)
        body = self._nodes.get(node or "", "")
        tag = _TAG.search(body)
        if tag is None or tag.group(1) not in ("pointer_type", "reference_type", "rvalue_reference_type"):
            return None
        return self._reference(body, "baseType")

    def field(self, pointee: str | None, offset: int | None, access: str, step: str | None) -> tuple[Field, str | None]:
        """(the field at an offset behind a pointer, the field's type). access: the line that loads it.

        step: the getelementptr's text that led there, if one did.
        """
        by_debug = self._member(pointee, offset) if offset is not None else None
        if by_debug:
            return Field(by_debug[0], by_debug[1], offset), by_debug[2]
        tag = metadata_of(access).get("tbaa")
        if self._metadata.access_type(tag) == "vtable pointer":
            return Field("", "(virtual table)", offset), None
        tagged = self._tagged(tag)
        if tagged:
            struct, at = tagged
            member = self._member(self._composite(struct), at)
            struct = _MANGLED.sub(r"\1", struct)
            return Field(struct, member[1] if member else "", at), member[2] if member else None
        struct = self._walked(step)
        member = self._member(self._composite(struct), offset) if struct and offset is not None else None
        return Field(struct, member[1] if member else "", offset), member[2] if member else None

    def offset(self, step: str) -> int | None:
        """Bytes that a getelementptr (its text) adds; None when they are not constant."""
        match = _GEP.search(step)
        parts = split_list(match.group(1).split(", !", 1)[0]) if match else []
        if len(parts) < 3:
            return None
        try:
            kind = self._types.parse(parts[0])
        except TypeSyntaxError:
            return None
        total = 0
        for place, part in enumerate(parts[2:]):
            index = _CONSTANT.search(part)
            if index is None:
                return None
            number = int(index.group(1))
            if place == 0:
                total += number * kind.alloc_bytes
            elif kind.kind == "struct" and 0 <= number < len(kind.parts):
                total += _before(kind, number)
                kind = kind.parts[number]
            elif kind.kind in ("array", "vector"):
                kind = kind.parts[0]
                total += number * kind.alloc_bytes
            else:
                return None
        return total

    def _walked(self, step: str | None) -> str:
        """The structure that a getelementptr walks, as its source calls it."""
        match = _GEP.search(step or "")
        kind = split_list(match.group(1))[0] if match else ""
        name = bare(kind) if kind.startswith("%") else ""
        return re.sub(r"^(?:struct|class|union)\.|\.\d+$", "", name)

    def _tagged(self, tag: str | None) -> tuple[str, int] | None:
        """(structure, offset) of an access's !tbaa tag, when it says one."""
        parts = re.match(r"!\{(!\d+), (!\d+), i64 (\d+)", self._nodes.get(tag or "", ""))
        if parts is None or parts.group(1) == parts.group(2):
            return None
        name = re.match(r'!\{!"([^"]*)"', self._nodes.get(parts.group(1), ""))
        return (name.group(1), int(parts.group(3))) if name and name.group(1) else None

    def _composite(self, name: str) -> str | None:
        if self._composites is None:
            self._composites = {}
            for node, body in self._nodes.items():
                tag = _TAG.search(body) if "DICompositeType(" in body else None
                if tag and tag.group(1) in _PARTS and "elements:" in body:
                    for own in (_NAME.search(body), _IDENTIFIER.search(body)):
                        if own:
                            self._composites.setdefault(own.group(1), node)
        return self._composites.get(name)

    def _member(self, node: str | None, offset: int | None) -> tuple[str, str, str | None] | None:
        """(structure, a.b, type) of what lies at an offset of a structure."""
        if node is None or offset is None:
            return None
        struct, names, left = "", [], offset
        for _ in range(_LONGEST_WALK):
            if not struct:
                struct = self._name(node)
            plain = self._plain(node)
            body = self._nodes.get(plain or "", "")
            tag = _TAG.search(body)
            if tag is None or tag.group(1) not in _SHAPES:
                break
            if tag.group(1) == "array_type":
                node = self._reference(body, "baseType")
                size = self._size(node)
                if not size:
                    break
                names.append(f"[{left // size}]")
                left %= size
                continue
            found = self._at(body, left)
            if found is None:
                break
            name, node, left = found
            names.append(f".{name}" if name else "")
            struct = struct or self._name(plain)
        if not names or left:
            return None
        return struct, "".join(names).lstrip("."), node

    def _at(self, body: str, offset: int) -> tuple[str, str | None, int] | None:
        """(name, type, offset inside) of the member that holds a byte."""
        elements = self._nodes.get(self._reference(body, "elements") or "", "")
        for member in re.findall(r"!\d+", elements):
            text = self._nodes.get(member, "")
            tag = _TAG.search(text)
            if tag is None or tag.group(1) not in ("member", "inheritance") or "DIFlagStaticMember" in text:
                continue
            start, size = (self._number(text, "offset") or 0) // 8, (self._number(text, "size") or 0) // 8
            kind = self._reference(text, "baseType")
            if start <= offset < start + max(size or self._size(kind), 1):
                name = _NAME.search(text)
                return name.group(1) if name else "", kind, offset - start
        return None

    def _size(self, node: str | None) -> int:
        return (self._number(self._nodes.get(self._plain(node) or "", ""), "size") or 0) // 8

    def _name(self, node: str | None) -> str:
        """The tag of a structure, or the typedef that names it."""
        for _ in range(_LONGEST_WALK):
            body = self._nodes.get(node or "", "")
            tag, name = _TAG.search(body), _NAME.search(body)
            if tag is None:
                return ""
            if tag.group(1) in _PARTS or (tag.group(1) == "typedef" and name):
                inner = self._reference(body, "baseType") if tag.group(1) == "typedef" else None
                return (self._name(inner) if inner else "") or (name.group(1) if name else "")
            if tag.group(1) not in _THROUGH:
                return ""
            node = self._reference(body, "baseType")
        return ""

    def _plain(self, node: str | None) -> str | None:
        """Without names and qualifiers around it."""
        for _ in range(_LONGEST_WALK):
            tag = _TAG.search(self._nodes.get(node or "", ""))
            if tag is None or tag.group(1) not in _THROUGH:
                return node
            node = self._reference(self._nodes[node or ""], "baseType")
        return None

    def _reference(self, body: str, name: str) -> str | None:
        match = _NODE[name].search(body)
        return match.group(1) if match else None

    def _number(self, body: str, name: str) -> int | None:
        match = _NUMBER[name].search(body)
        return int(match.group(1)) if match else None


def _before(kind: Type, number: int) -> int:
    """The offset of a structure's part."""
    offset = 0
    for place, part in enumerate(kind.parts):
        offset += 0 if kind.packed else -offset % part.align_bytes
        if place == number:
            break
        offset += part.alloc_bytes
    return offset
