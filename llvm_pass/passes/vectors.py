"""Vectors of which a mask, a length or both choose the lanes: masked, vp and x86 forms.

All of them are brought to three: lanes side by side, the chosen lanes side by side, and a
pointer for each lane (runtime/lanes.py). Source: LLVM LangRef, "Masked Vector Load and
Store Intrinsics", "Vector Predication Intrinsics"; the x86 ones by Intel's intrinsics guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llvm_pass.ir.signature import read_returns, read_value
from llvm_pass.ir.syntax import Call, metadata_of
from llvm_pass.ir.types import Type
from llvm_pass.passes.frame import Frame
from llvm_pass.runtime.helpers import Holds, is_word
from llvm_pass.runtime.lanes import Mode, Shape, vector_access

_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more
_ALIGN = re.compile(r" align (\d+)")


@dataclass(frozen=True, slots=True)
class _Form:
    """Where an intrinsic has its operands. value: what is stored, or what idle lanes get.

    length: how many lanes count (vp). stride: bytes from lane to lane. signs: the mask is
    the elements' top bits.
    """

    mode: Mode
    writes: bool
    pointer: int
    mask: int
    value: int | None = None
    length: int | None = None
    stride: int | None = None
    signs: bool = False


_FORMS = {
    "llvm.masked.load": _Form("masked", False, 0, 1, 2),
    "llvm.masked.store": _Form("masked", True, 1, 2, 0),
    "llvm.masked.gather": _Form("pointers", False, 0, 1, 2),
    "llvm.masked.scatter": _Form("pointers", True, 1, 2, 0),
    "llvm.masked.expandload": _Form("packed", False, 0, 1, 2),
    "llvm.masked.compressstore": _Form("packed", True, 1, 2, 0),
    "llvm.vp.load": _Form("masked", False, 0, 1, None, 2),
    "llvm.vp.store": _Form("masked", True, 1, 2, 0, 3),
    "llvm.vp.gather": _Form("pointers", False, 0, 1, None, 2),
    "llvm.vp.scatter": _Form("pointers", True, 1, 2, 0, 3),
    "llvm.experimental.vp.strided.load": _Form("pointers", False, 0, 2, None, 3, 1),
    "llvm.experimental.vp.strided.store": _Form("pointers", True, 1, 3, 0, 4, 2),
    "llvm.x86.avx.maskload": _Form("masked", False, 0, 1, signs=True),
    "llvm.x86.avx2.maskload": _Form("masked", False, 0, 1, signs=True),
    "llvm.x86.avx.maskstore": _Form("masked", True, 0, 1, 2, signs=True),
    "llvm.x86.avx2.maskstore": _Form("masked", True, 0, 1, 2, signs=True),
    "llvm.x86.sse2.maskmov.dqu": _Form("masked", True, 2, 1, 0, signs=True),
}
_NAME = re.compile(f"@({'|'.join(map(re.escape, sorted(_FORMS, key=len, reverse=True)))})(?![a-z]|\\.ff)")


def rewrite_vector(frame: Frame, number: int, line: str, call: Call) -> bool:
    """Rewrites one call. False: it is none of these forms."""
    match = _NAME.match(call.callee)
    if match is None:
        return False
    _Vector(frame, number, line, call, _FORMS[match.group(1)]).rewrite()
    return True


class _Vector:
    def __init__(self, frame: Frame, number: int, line: str, call: Call, form: _Form) -> None:
        self._frame, self._number, self._line, self._call, self._form = frame, number, line, call, form
        self._suffix = frame.suffix(line)
        self._before: list[str] = []

    def rewrite(self) -> None:
        frame, form = self._frame, self._form
        pointer = self._operand(form.pointer)
        is_vector = form.mode == "pointers" and form.stride is None
        raw = frame.roots.vector_is_raw(_local(pointer)) if is_vector else frame.checked(pointer) is None
        if raw:
            frame.context.stats["raw accesses"] += 1
            return
        kind = self._kind()
        element = kind.parts[0] if kind.kind == "vector" else kind
        if kind.kind != "vector" or not is_word(element):
            frame.missed("VectorElement", f"{self._call.callee[1:]} of {kind.text}", self._line)
            return
        mask = self._mask(kind.count)
        if form.stride is not None:
            pointer = self._strided(pointer, kind.count)
        value = self._operand(form.value) if form.value is not None else "poison"
        if form.signs and not form.writes:
            value = "zeroinitializer"
        match = _ALIGN.search(self._call.arguments[form.pointer])
        align = min(int(match.group(1)), _LARGEST_ALIGN) if match else 1
        tbaa = metadata_of(self._line).get("tbaa")
        shape = Shape(form.mode, form.writes, kind, align, self._holds(element, tbaa))
        helper = vector_access(frame.helpers, shape, f", !tbaa {tbaa}" if tbaa else "")
        where = f"<{kind.count} x ptr> {pointer}"
        if form.mode != "pointers":
            where = f"ptr {pointer}, ptr {frame.entry(pointer, self._number)}"
        operands = f"{where}, <{kind.count} x i1> {mask}, {kind.text} {value}"
        result = "void" if form.writes else kind.text
        target = f"{self._call.result} = " if self._call.result else ""
        call = f"  {target}call {result} {helper}({operands}){self._suffix}"
        frame.context.edits.replace(self._number, *self._before, call)
        frame.context.stats["vector accesses"] += 1

    def _operand(self, index: int) -> str:
        """The value without type and attributes."""
        return read_value(self._frame.context.module.types, self._call.arguments[index])[1]

    def _kind(self) -> Type:
        types = self._frame.context.module.types
        if not self._form.writes:
            return read_returns(types, self._call.signature)[1].kind
        assert self._form.value is not None
        return types.prefix(self._call.arguments[self._form.value])[0]

    def _holds(self, element: Type, tbaa: str | None) -> Holds:
        if element.kind == "pointer":
            return "any"
        name = self._frame.context.module.metadata.access_type(tbaa)
        typed = name is not None and re.match(r"p\d+ |any pointer$", name) is not None
        return "any" if typed and element.kind == "integer" and element.bits == 64 else "nothing"

    def _fresh(self, right: str) -> str:
        name = self._frame.context.edits.fresh()
        self._before.append(f"  {name} = {right}{self._suffix if ' call ' in right else ''}")
        return name

    def _splat(self, kind: str, value: str, count: int) -> str:
        one = self._fresh(f"insertelement <{count} x {kind}> poison, {kind} {value}, i64 0")
        vector = f"<{count} x {kind}>"
        return self._fresh(f"shufflevector {vector} {one}, {vector} poison, <{count} x i32> zeroinitializer")

    def _mask(self, count: int) -> str:
        form = self._form
        given = self._operand(form.mask)
        if form.signs:
            kind = self._frame.context.module.types.prefix(self._call.arguments[form.mask])[0]
            return self._fresh(f"icmp slt {kind.text} {given}, zeroinitializer")
        if form.length is None:
            return given
        limit = self._splat("i32", self._operand(form.length), count)
        steps = ", ".join(f"i32 {lane}" for lane in range(count))
        counted = self._fresh(f"icmp ult <{count} x i32> <{steps}>, {limit}")
        return self._fresh(f"and <{count} x i1> {given}, {counted}")

    def _strided(self, pointer: str, count: int) -> str:
        assert self._form.stride is not None
        kind, stride = self._call.arguments[self._form.stride].split(" ", 1)[0], self._operand(self._form.stride)
        if kind != "i64":
            stride = self._fresh(f"{'sext' if int(kind[1:]) < 64 else 'trunc'} {kind} {stride} to i64")
        steps = ", ".join(f"i64 {lane}" for lane in range(count))
        offsets = self._fresh(f"mul <{count} x i64> {self._splat('i64', stride, count)}, <{steps}>")
        return self._fresh(f"getelementptr i8, ptr {pointer}, <{count} x i64> {offsets}")


def _local(value: str) -> str | None:
    return value if value.startswith("%") else None
