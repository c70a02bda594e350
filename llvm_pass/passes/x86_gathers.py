"""Gathers and scatters by x86's own intrinsics, brought to a pointer for each lane.

Base plus index times scale gives the pointers; as many lanes count as the shorter of data
and indices has, and what a gather does not reach is zero. Source: Intel SDM volume 2,
VGATHERDPS and VPGATHERQD (AVX2: the mask is in the elements' top bits), VSCATTERDPS.
"""

from __future__ import annotations

import re

from llvm_pass.ir.signature import read_returns, read_value
from llvm_pass.ir.syntax import Call
from llvm_pass.ir.types import Type
from llvm_pass.passes.frame import Frame
from llvm_pass.runtime.lanes import Shape, vector_access

_GATHER = re.compile(r"^@llvm\.x86\.(?:avx2\.gather|avx512\.mask\.gather)")
_SCATTER = re.compile(r"^@llvm\.x86\.avx512\.mask\.scatter")


def rewrite_x86_gather(frame: Frame, number: int, line: str, call: Call) -> bool:
    """Rewrites one call. False: it is none of these."""
    gather = _GATHER.match(call.callee) is not None
    if not gather and not _SCATTER.match(call.callee):
        return False
    if frame.checked(call.arguments[1 if gather else 0]) is None:
        frame.context.stats["raw accesses"] += 1
        return True
    lanes = _Lanes(frame, call, gather)
    frame.context.edits.replace(number, *lanes.lines(frame.suffix(line)))
    frame.context.stats["vector accesses"] += 1
    return True


class _Lanes:
    def __init__(self, frame: Frame, call: Call, gather: bool) -> None:
        types = frame.context.module.types
        read = [read_value(types, text) for text in call.arguments]
        order = (0, 1, 2, 3) if gather else (3, 0, 2, 1)  # data, base, indices, mask
        (data, self._data), (_, self._base), (index, self._index), (mask, self._mask) = (
            (read[at][0].kind, read[at][1]) for at in order
        )
        self._frame, self._call, self._gather, self._scale = frame, call, gather, read[4][1]
        self._kind = read_returns(types, call.signature)[1].kind if gather else data
        self._indices, self._masks = index, mask
        self._count = min(self._kind.count, index.count)
        self._before: list[str] = []

    def lines(self, suffix: str) -> list[str]:
        """What stands for the call."""
        frame, count, kind = self._frame, self._count, self._kind
        element = kind.parts[0]
        short = frame.context.module.types.parse(f"<{count} x {element.text}>")
        index = self._low(self._index, self._indices)
        if self._indices.parts[0].bits < 64:
            index = self._new(f"sext <{count} x {self._indices.parts[0].text}> {index} to <{count} x i64>")
        offsets = self._new(f"mul <{count} x i64> {index}, splat (i64 {int(self._scale) & 0xFF})")
        pointers = self._new(f"getelementptr i8, ptr {self._base}, <{count} x i64> {offsets}")
        mask = self._chosen()
        value = self._low(self._data, kind)
        helper = vector_access(frame.helpers, Shape("pointers", not self._gather, short, 1, "nothing"), "")
        operands = f"<{count} x ptr> {pointers}, <{count} x i1> {mask}, {short.text} {value}"
        if not self._gather:
            return [*self._before, f"  call void {helper}({operands}){suffix}"]
        target = self._call.result or frame.context.edits.fresh()
        if count == kind.count:
            return [*self._before, f"  {target} = call {short.text} {helper}({operands}){suffix}"]
        found = self._new(f"call {short.text} {helper}({operands}){suffix}")
        steps = ", ".join(f"i32 {lane}" for lane in range(kind.count))  # behind the last lane come zeros
        wide = f"shufflevector {short.text} {found}, {short.text} zeroinitializer, <{kind.count} x i32> <{steps}>"
        return [*self._before, f"  {target} = {wide}"]

    def _new(self, right: str) -> str:
        name = self._frame.context.edits.fresh()
        self._before.append(f"  {name} = {right}")
        return name

    def _low(self, value: str, kind: Type) -> str:
        """The lanes that count."""
        if kind.count == self._count:
            return value
        steps = ", ".join(f"i32 {lane}" for lane in range(self._count))
        return self._new(f"shufflevector {kind.text} {value}, {kind.text} poison, <{self._count} x i32> <{steps}>")

    def _chosen(self) -> str:
        element = self._masks.parts[0]
        mask = self._low(self._mask, self._masks)
        if element.kind == "integer" and element.bits == 1:
            return mask
        words = f"<{self._count} x i{element.bits}>"
        if element.kind == "float":
            mask = self._new(f"bitcast <{self._count} x {element.text}> {mask} to {words}")
        return self._new(f"icmp slt {words} {mask}, zeroinitializer")
