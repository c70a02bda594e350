"""Where Rust's IR takes a number for an enum or a bool: what a transmute assumes, what a load and a parameter promise.

rustc assumes of a value that it transmutes that it is one of the type's (LLVM throws that away later), and gives loads and
parameters of such types a range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.ranges import Range
from llvm_pass.ir.syntax import LOCAL, parse_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Function, Module

_ASSUMED = re.compile(rf"^  call void @llvm\.assume\(i1 ({LOCAL})\)")
_AT_MOST = re.compile(rf"^  ({LOCAL}) = icmp (?:samesign )?ule i(\d+) ({LOCAL}), (\d+)(?:,|$)")
_COPY = re.compile(rf"^  ({LOCAL}) = (?:trunc|zext|sext|freeze)(?: (?:nuw|nsw|nneg))* i\d+ ({LOCAL})(?: to |,|$)")
_LOAD = re.compile(rf"^  ({LOCAL}) = load i(\d+), ptr ({LOCAL}), .*!range (!\d+)")
_POINTER = re.compile(rf"^  ({LOCAL}) = load ptr, ptr ({LOCAL})(?:,|$)(?!.*!nonnull)")
_OFFSET = re.compile(rf"^  ({LOCAL}) = getelementptr (?:\w+ )*i8, ptr ({LOCAL}), i64 (\d+)(?:,|$)")
_VARIABLE = re.compile(rf"^    #dbg_value\(ptr ({LOCAL}), (!\d+), !DIExpression\(\)")
_PAIR = re.compile(r"!\{i(\d+) (-?\d+), i\d+ (-?\d+)\}")
_DEEPEST = 8


@dataclass(frozen=True)
class Taken:
    """line: where a value is taken for one of these."""

    line: int
    valid: Range


def transmuted(function: Function, value: str) -> Taken | None:
    """Where a value is taken for an enum and nothing else has compared it. pre: the module is as it was compiled."""
    names, assumed, found = {value}, _assumptions(function), None
    for number, line in enumerate(function.body):
        if line.startswith("    #dbg"):
            continue
        if match := _COPY.match(line):
            if match[2] in names:
                names.add(match[1])
        elif (match := _AT_MOST.match(line)) and match[3] in names and match[1] in assumed:
            found = found or Taken(number, Range(int(match[2]), 0, int(match[4]) + 1))
        elif (" = icmp " in line or line.startswith(("  switch ", "  br ", "  store "))) and _mentions(line, names):
            return None
        elif ("call " in line or "invoke " in line) and _mentions(line, names) and not line.startswith(f"  {value} = "):
            return None  # may test it
    return found


def _assumptions(function: Function) -> set[str]:
    return {match[1] for line in function.body if (match := _ASSUMED.match(line))}


def _mentions(line: str, names: set[str]) -> bool:
    return any(re.search(rf"{re.escape(name)}(?![\w.$-])", line) for name in names)


@dataclass(frozen=True)
class Given:
    """What C calls back with: the line of the call, and the argument's text."""

    function: Function
    line: int
    arguments: tuple[str, ...]
    kinds: tuple[int, ...]  # bits of each, 0 for what is no integer


def called_back(callee: Function, at: int) -> Iterator[Given]:
    """The calls in a C function of the function pointer that is its parameter `at`."""
    if at >= len(callee.parameters):
        return
    name = callee.parameters[at].value
    for number, line in enumerate(callee.body):
        call = parse_call(line) if "call " in line or "invoke " in line else None
        if call is not None and call.callee == name:
            try:
                values = [callee.module.value(each) for each in call.arguments]
            except ValueError:  # a type that nobody knows
                continue
            bits = tuple(each.type.bits if each.type.kind == "integer" else 0 for each in values)
            yield Given(callee, number, tuple(each.value for each in values), bits)


def behind_void(function: Function) -> Iterator[tuple[Taken, str]]:
    """Loads of an enum or bool through a `*c_void` of a struct that the function got; with the name of that field.

    pre: the form of -O1, so that what only gives the field away is a part of the function.
    """
    body, module = function.body, function.module
    variables = {match[1]: match[2] for line in body if (match := _VARIABLE.match(line))}
    parameters = {each.value for each in function.parameters}
    places: dict[str, tuple[str, int]] = {name: (name, 0) for name in parameters}
    fields: dict[str, str] = {}
    for number, line in enumerate(body):
        if match := _OFFSET.match(line):
            if match[2] in places:
                base, at = places[match[2]]
                places[match[1]] = (base, at + int(match[3]))
        elif match := _POINTER.match(line):
            if match[2] in places:
                base, at = places[match[2]]
                field = _void_field(module, variables.get(base, ""), at)
                if field:
                    fields[match[1]] = field
        elif match := _LOAD.match(line):
            pair = _PAIR.search(module.text.metadata.nodes.get(match[4], ""))
            if match[3] in fields and pair:
                yield Taken(number, Range(int(pair[1]), int(pair[2]), int(pair[3]))), fields[match[3]]


def _void_field(module: Module, variable: str, offset: int) -> str | None:
    """The path of the field at an offset behind a reference, if it is a pointer to void."""
    nodes = module.text.metadata.nodes
    kind, path = _follow(nodes, _follow(nodes, variable, "type"), "baseType"), ""
    for _ in range(_DEEPEST):
        body = nodes.get(kind, "")
        if "DW_TAG_pointer_type" in body:
            name = re.search(r'name: "([^"]*)"', body)
            return path if name and offset == 0 and path and re.search(r"\bc_void$", name[1]) else None
        member = next(
            (each for each in _members(nodes, body) if each[1] <= offset * 8 < each[1] + max(each[2], 1)), None
        )
        if member is None:
            return None
        path = f"{path}.{member[0]}" if path else member[0]
        kind, offset = member[3], offset - member[1] // 8
    return None


def _follow(nodes: dict[str, str], node: str, key: str) -> str:
    match = re.search(rf"\b{key}: (!\d+)", nodes.get(node, ""))
    return match[1] if match else ""


def _members(nodes: dict[str, str], body: str) -> Iterator[tuple[str, int, int, str]]:
    """Name, offset and size in bits, and type of each field."""
    elements = re.search(r"\belements: (!\d+)", body)
    for each in re.findall(r"!\d+", nodes.get(elements[1], "")) if elements else ():
        text = nodes.get(each, "")
        if "DW_TAG_member" not in text:
            continue
        name, offset = re.search(r'name: "([^"]*)"', text), re.search(r"\boffset: (\d+)", text)
        size, kind = re.search(r"\bsize: (\d+)", text), re.search(r"\bbaseType: (!\d+)", text)
        if name and kind:
            yield name[1], int(offset[1]) if offset else 0, int(size[1]) if size else 0, kind[1]
