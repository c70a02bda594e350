"""Helpers for vectors of which a mask chooses the lanes.

Fast: when every byte that could be touched lies inside the entry of the first pointer,
LLVM's own intrinsic runs on the addresses. Otherwise a loop goes through the lanes and
accesses the chosen ones alone, each with its check and membrane. It is inlined, so that a
violation has the place of the instruction; masks and lanes go through memory, where a loop
can index them. Lanes that are not chosen are never looked at.

Invariant: elements are 1, 2, 4 or 8 bytes without padding, or pointers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llvm_pass import abi
from llvm_pass.ir.types import Type
from llvm_pass.runtime import check
from llvm_pass.runtime.helpers import ENTRY, NOT_A_NAME, Helpers, Holds, shape_of

# Lanes side by side in memory; the chosen ones side by side; each at a pointer of its own.
Mode = Literal["masked", "packed", "pointers"]
_INTRINSICS = {
    ("masked", False): "llvm.masked.load",
    ("masked", True): "llvm.masked.store",
    ("packed", False): "llvm.masked.expandload",
    ("packed", True): "llvm.masked.compressstore",
    ("pointers", False): "llvm.masked.gather",
    ("pointers", True): "llvm.masked.scatter",
}
_FLOATS = {"half": "f16", "bfloat": "bf16", "float": "f32", "double": "f64"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of access. holds: what the elements may be, as for scalars."""

    mode: Mode
    writes: bool
    kind: Type
    align: int
    holds: Holds

    @property
    def element(self) -> Type:
        """Of a lane."""
        return self.kind.parts[0]


def vector_access(helpers: Helpers, shape: Shape, metadata: str) -> str:
    """T (ptr, ptr entry, <n x i1>, T), or with <n x ptr> in place of the first two.

    The last operand is what idle lanes keep, or what is stored (and the result void).
    """
    told = "" if shape.holds == "nothing" else shape.holds
    words = [shape.mode, "store" if shape.writes else "load", shape_of(shape.kind), str(shape.align), told, metadata]
    name = "@galeed." + ".".join(NOT_A_NAME.sub(".", word).strip(".") for word in words if word)
    if helpers.defined(name):
        return name
    empty, count, vector = helpers.nothing(), shape.kind.count, shape.kind.text
    pointers = shape.mode == "pointers"
    listed = f"  %list = alloca [{count} x ptr], align 16" if pointers else ""
    if shape.holds != "nothing":  # each pointer passes the membrane, so each lane goes its own way
        question, fast = "  %inside = and i1 false, false", ""
        direct = "poison"
    else:
        question = _pointers_inside(helpers, shape, empty) if pointers else check.inside(
            shape.writes, shape.element.store_bytes * count, empty
        )  # fmt: skip
        fast, direct = _direct(helpers, shape, metadata), "%direct"
    if pointers:
        question = f"  %p = freeze <{count} x ptr> %pointers\n{question}"
    served = "" if shape.writes else f"  %served = load {vector}, ptr %data, align 16"
    end = "  ret void"
    if not shape.writes:
        end = f"  %result = phi {vector} [ {direct}, %fast ], [ %served, %slow ]\n  ret {vector} %result"
    values: dict[str, object] = {
        "result": "void" if shape.writes else vector,
        "parameters": f"<{count} x ptr> %pointers" if pointers else "ptr %p, ptr %entry",
        "count": count, "vector": vector, "type": shape.element.text, "list": listed,
        "check": question, "fast": fast,
        "spill": f"  store <{count} x ptr> %p, ptr %list, align 16" if pointers else "",
        "lanes": _lanes(helpers, shape)[1:], "where": "%list" if pointers else "%p", "served": served, "end": end,
    }  # fmt: skip
    return helpers.define("vector", name, values)


def _direct(helpers: Helpers, shape: Shape, metadata: str) -> str:
    """LLVM's own intrinsic on %p + %delta."""
    count, vector, pointers = shape.kind.count, shape.kind.text, shape.mode == "pointers"
    mangled = f"v{count}{_element_name(shape.element)}"
    name = f"@{_INTRINSICS[shape.mode, shape.writes]}.{mangled}"
    name += f".v{count}p0" if pointers else ".p0" if shape.mode == "masked" else ""
    pointer = f"<{count} x ptr>" if pointers else "ptr"
    helpers.declare(
        name, "void" if shape.writes else vector,
        [vector, pointer, f"<{count} x i1>"] if shape.writes else [pointer, f"<{count} x i1>", vector],
    )  # fmt: skip
    address = f"  %address = getelementptr i8, {pointer} %p, i64 %delta\n"
    where, mask = f"{pointer} align {shape.align} %address", f"<{count} x i1> %mask"
    if shape.writes:
        return f"{address}  call void {name}({vector} %value, {where}, {mask}){metadata}"
    return f"{address}  %direct = call {vector} {name}({where}, {mask}, {vector} %value){metadata}"


def _pointers_inside(helpers: Helpers, shape: Shape, empty: str) -> str:
    """%inside: do all chosen lanes lie in the entry of the first pointer, handles all or none of them?"""
    count = shape.kind.count
    words, bits = f"<{count} x i64>", f"<{count} x i1>"
    helpers.declare(f"@llvm.vector.reduce.and.v{count}i1", "i1", [bits])

    def everywhere(value: str) -> str:
        return (
            f"  %{value}.one = insertelement {words} poison, i64 %{value}, i64 0\n"
            f"  %{value}.all = shufflevector {words} %{value}.one, {words} poison, <{count} x i32> zeroinitializer\n"
        )

    return (
        f"  %first = extractelement <{count} x ptr> %p, i64 0\n"
        f"  %entry = call ptr {helpers.entry()}(ptr %first)\n"
        f"{check.entry_fields(check.limit_offset(shape.writes), empty)}\n"
        f"  %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 {shape.element.store_bytes - 1})\n"
        f"{everywhere('base')}{everywhere('bound')}"
        f"  %words = ptrtoint <{count} x ptr> %p to {words}\n"
        f"  %offsets = sub {words} %words, %base.all\n"
        f"  %near = icmp ult {words} %offsets, %bound.all\n"
        f"  %tags = lshr {words} %words, splat (i64 {abi.TAG_SHIFT})\n"
        f"  %tags.first = shufflevector {words} %tags, {words} poison, <{count} x i32> zeroinitializer\n"
        f"  %alike = icmp eq {words} %tags, %tags.first\n"
        f"  %good = and {bits} %near, %alike\n"
        f"  %idle = xor {bits} %mask, splat (i1 true)\n"
        f"  %fine = or {bits} %good, %idle\n"
        f"  %inside = call i1 @llvm.vector.reduce.and.v{count}i1({bits} %fine)"
    )


def _lanes(helpers: Helpers, shape: Shape) -> str:
    """void (ptr p or list, ptr mask bytes, ptr lanes): each chosen lane by itself."""
    element = shape.element
    told = "" if shape.holds == "nothing" else shape.holds
    words = ["lanes", shape.mode, "store" if shape.writes else "load", shape_of(element), str(shape.kind.count), told]
    name = "@galeed." + ".".join(word for word in words if word)
    if helpers.defined(name):
        return name
    align = element.store_bytes
    if shape.mode == "pointers":
        address = "  %at.place = getelementptr ptr, ptr %p, i64 %i\n  %at = load ptr, ptr %at.place, align 8"
    else:
        index = "%i" if shape.mode == "masked" else "%taken"
        address = f"  %at = getelementptr {element.text}, ptr %p, i64 {index}"
    if shape.writes:
        helper = helpers.store(element, 1, "", "", "", shape.holds)
        access = (
            f"  %value = load {element.text}, ptr %own, align {align}\n"
            f"  call void {helper}(ptr %at, ptr %entry, {element.text} %value)"
        )
    else:
        helper = helpers.load(element, 1, "", "", "", shape.holds)
        access = (
            f"  %value = call {element.text} {helper}(ptr %at, ptr %entry)\n"
            f"  store {element.text} %value, ptr %own, align {align}"
        )
    helpers.entry()
    values: dict[str, object] = {
        "type": element.text, "count": shape.kind.count, "address": address, "access": access,
    }  # fmt: skip
    return helpers.define("lanes", name, values)


def _element_name(element: Type) -> str:
    if element.kind == "pointer":
        return "p0"
    return f"i{element.bits}" if element.kind == "integer" else _FLOATS[element.text]


assert ENTRY == "@galeed.entry"  # lanes.ll.in names it
