"""Intrinsics that touch memory element by element, and the load of a relative pointer."""

from __future__ import annotations

import re

from llvm_pass.ir.signature import read_value
from llvm_pass.ir.syntax import Call
from llvm_pass.ir.types import Type
from llvm_pass.passes.frame import Frame
from llvm_pass.runtime.elements import copy_elements, fill_elements
from llvm_pass.runtime.helpers import DIRECT_BYTES

_ELEMENTWISE = re.compile(r"^@llvm\.(memcpy|memmove|memset)\.element\.unordered\.atomic\.p0(?:\.p0)?\.(i\d+)$")
_PATTERN = re.compile(r"^@llvm\.experimental\.memset\.pattern\.p0\.")
_RELATIVE = re.compile(r"^@llvm\.load\.relative\.(i\d+)$")


def rewrite_elements(frame: Frame, number: int, line: str, call: Call) -> bool:
    """Rewrites one call. False: it is none of these forms."""
    elementwise = _ELEMENTWISE.match(call.callee)
    pattern, relative = _PATTERN.match(call.callee), _RELATIVE.match(call.callee)
    if not (elementwise or pattern or relative):
        return False
    pointers = call.arguments[: 2 if elementwise and elementwise.group(1) != "memset" else 1]
    if not any(frame.checked(text) for text in pointers):
        frame.context.stats["raw accesses"] += 1
    elif elementwise:
        _elementwise(frame, number, line, call, elementwise.group(2))
    elif relative:
        _relative(frame, number, line, call, relative.group(1))
    else:
        _pattern(frame, number, line, call)
    return True


def _values(frame: Frame, call: Call) -> list[tuple[Type, str]]:
    read = [read_value(frame.context.module.types, text) for text in call.arguments]
    return [(value.kind, text) for value, text in read]


def _elementwise(frame: Frame, number: int, line: str, call: Call, length: str) -> None:
    (_, to), (second, given), (_, count), (_, size) = _values(frame, call)
    if int(size) not in DIRECT_BYTES:
        frame.missed("WideAtomic", f"{call.callee[1:]} of {size} bytes each", line)
        return
    kind = frame.context.module.types.parse(f"i{int(size) * 8}")
    suffix = frame.suffix(line)
    if second.kind == "pointer":
        helper = copy_elements(frame.helpers, kind, length)
        new = [f"  call void {helper}(ptr {to}, ptr {given}, {length} {count}){suffix}"]
    else:
        helper = fill_elements(frame.helpers, kind, length, atomic=True)
        wide, value = frame.context.edits.fresh(), frame.context.edits.fresh()
        every = int("01" * int(size), 16)  # the byte in each byte
        new = [f"  {wide} = zext i8 {given} to {kind.text}" if kind.bits > 8 else f"  {wide} = add i8 {given}, 0"]
        new.append(f"  {value} = mul {kind.text} {wide}, {every}")
        new.append(f"  call void {helper}(ptr {to}, {kind.text} {value}, {length} {count}){suffix}")
    frame.context.edits.replace(number, *new)
    frame.context.stats["block accesses"] += 1


def _pattern(frame: Frame, number: int, line: str, call: Call) -> None:
    (_, to), (kind, value), (length, count), _ = _values(frame, call)
    if kind.kind in ("other", "void") or kind.alloc_bytes == 0:
        frame.missed("UnsizedType", f"{call.callee[1:]} of type {kind.text}", line)
        return
    helper = fill_elements(frame.helpers, kind, length.text, atomic=False)
    nbytes = frame.context.edits.fresh()
    frame.context.edits.replace(
        number,
        f"  {nbytes} = mul {length.text} {count}, {kind.alloc_bytes}",
        f"  call void {helper}(ptr {to}, {kind.text} {value}, {length.text} {nbytes}){frame.suffix(line)}",
    )
    frame.context.stats["block accesses"] += 1


def _relative(frame: Frame, number: int, line: str, call: Call, length: str) -> None:
    """ptr + offset holds 32 bits that say how far from ptr the result is."""
    (_, base), (_, offset) = _values(frame, call)
    edits = frame.context.edits
    place, found, far = edits.fresh(), edits.fresh(), edits.fresh()
    entry, suffix = frame.entry(base, number), frame.suffix(line)
    helper = frame.helpers.load(frame.context.module.types.parse("i32"), 4, "", "", "", "nothing")
    edits.replace(
        number,
        f"  {place} = getelementptr i8, ptr {base}, {length} {offset}",
        f"  {found} = call i32 {helper}(ptr {place}, ptr {entry}){suffix}",
        f"  {far} = sext i32 {found} to i64",
        f"  {call.result} = getelementptr i8, ptr {base}, i64 {far}",
    )
    frame.context.stats["loads"] += 1
