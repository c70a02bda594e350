"""Where a value of C comes from: a question asked backwards, through calls, fields of structures and pointers to functions.

Invariant: the answer is all that the value can be as far as C is here, or holds UNKNOWN. A field (of a type, at an
offset, by TBAA's access tags) is whatever any C function stores into that field of any object; that holds for objects that
Rust cannot write to, so a field of a structure that Rust knows by name is unknown.
Not seen: a whole structure that is copied over another, and unions. Source: Heintze and Tardieu, "Ultra-fast Aliasing
Analysis using CLA" (field-based); LLVM LangRef, tbaa.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from audit.facts.llvm.families import given_family
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function, Module
    from audit.facts.llvm.program import Program

UNKNOWN, NULL = "?", "null"
_MOST, _DEEPEST = 600, 16
_OPERAND = rf"({LOCAL}|@[\w.$-]+|null)"
_DEFINED = re.compile(rf"^  ({LOCAL}) = (.*)$")
_LOAD = re.compile(rf"load (?:atomic |volatile )*ptr, ptr ({LOCAL})\b")
_STORE = re.compile(rf"^  store (?:atomic |volatile )*ptr {_OPERAND}, ptr ({LOCAL}|@)")
_TBAA = re.compile(r", !tbaa (!\d+)")
_TAG = re.compile(r"^!\{(!\d+), (!\d+), i64 (\d+)")
_MEMBER = re.compile(r"(!\d+), i64 (\d+)")
_TYPE = re.compile(r'^!\{!"([^"]+)"')
_SELECT = re.compile(rf"select (?:[a-z]+ )*i1 [^,]+, ptr {_OPERAND}, ptr {_OPERAND}")
_PHI = re.compile(rf"\[ {_OPERAND}, ")
_SAME = re.compile(rf"(?:freeze|bitcast) ptr ({LOCAL})|getelementptr [a-z ]*i8, ptr ({LOCAL}), i64 0\b")
_INSIDE = re.compile(rf"getelementptr [^,]+, ptr ({LOCAL})")
_RETURN = re.compile(rf"^  ret ptr {_OPERAND}")
_STRUCT = re.compile(r'!DICompositeType\(tag: DW_TAG_(?:structure|union)_type, name: "(\w+)"')


class _Value(NamedTuple):
    function: Function
    name: str


class _Parameter(NamedTuple):
    function: Function
    at: int


class _Field(NamedTuple):
    """is_plain: no field, but what a pointer of this type points to."""

    type: str
    offset: int
    is_plain: bool


class _Result(NamedTuple):
    function: Function


_Node = _Value | _Parameter | _Field | _Result


class Origins:
    """Of all C that is here."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lines: dict[int, dict[str, str]] = {}
        self._by_result: dict[int, dict[str, Call]] = {}
        self._pointed_to: dict[tuple[int, str], frozenset[str]] = {}

    def returned(self, function: Function) -> frozenset[str]:
        """What a function returns: families of allocations, NULL, UNKNOWN."""
        return self._ask(_Result(function))

    def _ask(self, node: _Node) -> frozenset[str]:
        """With @ before them: names of functions."""
        seen: set[tuple[object, ...]] = set()
        found: set[str] = set()
        work: list[_Node] = [node]
        while work:
            at = work.pop()
            key = (type(at), *(id(each) if not isinstance(each, (str, int)) else each for each in at))
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > _MOST:
                return frozenset({UNKNOWN})
            for each in self._step(at):
                if not isinstance(each, str):
                    work.append(each)
                elif each == UNKNOWN:
                    return frozenset({UNKNOWN})
                else:
                    found.add(each)
        return frozenset(found)

    def _step(self, node: _Node) -> Iterator[_Node | str]:
        if isinstance(node, _Result):
            for line in node.function.body:
                match = _RETURN.match(line)
                if match or line.startswith("  ret "):
                    yield self._operand(node.function, match[1]) if match else UNKNOWN
        elif isinstance(node, _Parameter):
            yield from self._passed(node)
        elif isinstance(node, _Field):
            yield from self._stores.get(node, ())
        else:
            yield from self._value(node)

    def _operand(self, function: Function, text: str) -> _Node | str:
        if text.startswith("@"):
            return text if text[1:] in function.module.functions else UNKNOWN
        return NULL if text == "null" else _Value(function, text)

    def _value(self, node: _Value) -> Iterator[_Node | str]:
        function, name = node
        at = next((n for n, each in enumerate(function.parameters) if each.value == name), None)
        line = self._defined(function).get(name, "")
        if at is not None:
            yield _Parameter(function, at)
        elif call := self._calls(function).get(name):
            yield from self._called(function, call)
        elif line.startswith("load "):
            yield self._loaded(function, line)
        elif match := _SELECT.match(line):
            yield from (self._operand(function, each) for each in match.groups())
        elif line.startswith("phi ptr "):
            incoming = _PHI.findall(line)
            yield from (self._operand(function, each) for each in incoming)
            if len(incoming) != line.count("[ "):
                yield UNKNOWN
        elif match := _SAME.match(line):
            yield _Value(function, match[1] or match[2])
        else:
            yield UNKNOWN

    def _called(self, function: Function, call: Call) -> Iterator[_Node | str]:
        targets = [call.callee]
        if not call.callee:
            names = self._pointees(function, call.through) - {NULL}
            targets = [each[1:] for each in names if each.startswith("@")]
            if not targets or len(targets) != len(names):
                yield UNKNOWN
                return
        for name in targets:
            declared = function.module.functions.get(name)
            family = given_family(declared) if declared else None
            target = self._program.callee(function, name)
            yield family or (_Result(target) if target is not None else UNKNOWN)

    def _pointees(self, function: Function, name: str) -> frozenset[str]:
        """What a pointer that is called can be. One that such a call gave in turn is unknown while that is asked."""
        key = (id(function), name)
        if key not in self._pointed_to:
            self._pointed_to[key] = frozenset({UNKNOWN})
            self._pointed_to[key] = self._ask(_Value(function, name)) if name else frozenset({UNKNOWN})
        return self._pointed_to[key]

    def _loaded(self, function: Function, line: str) -> _Node | str:
        match, tag = _LOAD.match(line), _TBAA.search(line)
        field = self._field(function.module, tag[1]) if tag else None
        if match is None or field is None:
            return UNKNOWN
        hidden = self._is_local(function, match[1]) if field.is_plain else not self._is_known_to_rust(field.type)
        return field if hidden else UNKNOWN

    def _is_local(self, function: Function, address: str) -> bool:
        for _ in range(_DEEPEST):
            line = self._defined(function).get(address, "")
            if line.startswith("alloca "):
                return True
            match = _INSIDE.match(line)
            if match is None:
                return False
            address = match[1]
        return False

    def _passed(self, node: _Parameter) -> Iterator[_Node | str]:
        """What callers pass: of a function whose address is taken, nobody knows."""
        if self._is_taken(node.function.name):
            yield UNKNOWN
            return
        for function, call in self._program.callers(node.function.name):
            if node.at >= len(call.arguments):
                yield UNKNOWN
            elif function.language == "rust":
                yield NULL if call.arguments[node.at].value == "null" else UNKNOWN
            else:
                yield self._operand(function, call.arguments[node.at].value)

    def _defined(self, function: Function) -> dict[str, str]:
        if id(function) not in self._lines:
            matches = (_DEFINED.match(line) for line in function.body)
            self._lines[id(function)] = {match[1]: match[2] for match in matches if match}
        return self._lines[id(function)]

    def _calls(self, function: Function) -> dict[str, Call]:
        if id(function) not in self._by_result:
            self._by_result[id(function)] = {each.result: each for each in function.calls if each.result}
        return self._by_result[id(function)]

    def _field(self, module: Module, tag: str) -> _Field | None:
        """Of an access tag: of the innermost structure, since a field of a field may be accessed as either's."""
        nodes = module.text.metadata.nodes
        match = _TAG.match(nodes.get(tag, ""))
        if match is None:
            return None
        kind, access, offset = match[1], match[2], int(match[3])
        is_plain = kind == access
        for _ in range(_DEEPEST):
            members = [
                (each, int(start)) for each, start in _MEMBER.findall(nodes.get(kind, "")) if int(start) <= offset
            ]
            if is_plain or not members or members[-1][0] == access:
                break
            kind, offset = members[-1][0], offset - members[-1][1]
        name = _TYPE.match(nodes.get(kind, ""))
        return _Field(name[1], offset, is_plain) if name else None

    @cached_property
    def _c(self) -> list[Module]:
        return [each for each in self._program.simple if each.language in ("c", "c++")]

    @cached_property
    def _stores(self) -> dict[_Field, list[_Node | str]]:
        """What is stored into each field."""
        found: dict[_Field, list[_Node | str]] = defaultdict(list)
        for function in (function for module in self._c for function in module.defined):
            for line in function.body:
                if not line.startswith("  store ptr ") and not line.startswith(
                    ("  store atomic ptr ", "  store volatile ptr ")
                ):
                    continue
                match, tag = _STORE.match(line), _TBAA.search(line)
                field = self._field(function.module, tag[1]) if tag else None
                if field is not None:
                    found[field].append(self._operand(function, match[1]) if match else UNKNOWN)
        return found

    @cached_property
    def _known_to_rust(self) -> frozenset[str]:
        """Names of structures that Rust's debug information has."""
        rust = (each for each in self._program.plain if each.language == "rust")
        nodes = (node for module in rust for node in module.text.metadata.nodes.values())
        return frozenset(match[1] for node in nodes if (match := _STRUCT.search(node)))

    def _is_known_to_rust(self, name: str) -> bool:
        if name.startswith("_ZTS"):
            return any(f"{len(each)}{each}" in name for each in self._known_to_rust)
        return name in self._known_to_rust

    @cached_property
    def _addresses(self) -> frozenset[str]:
        """Functions of C whose address is taken."""
        word = re.compile(r"@([\w.$-]+)")
        found: set[str] = set()
        for module in (*self._c, *(each for each in self._program.simple if each.language == "rust")):
            for body in module.constants.values():
                found.update(word.findall(body))
            for function in module.defined:
                for line in function.body:
                    if "@" not in line or line.startswith("    #dbg"):
                        continue
                    names = word.findall(line)
                    if ("call " in line or "invoke " in line) and names:
                        called = re.search(r" @([\w.$-]+)\(", line)
                        if called:
                            names.remove(called[1])
                    found.update(names)
        return frozenset(found)

    def _is_taken(self, name: str) -> bool:
        return name in self._addresses
