"""Instructions that want addresses of small things: lists of arguments, saved states, copies.

Each gets a borrowed address (runtime/borrow.py) in place of the pointer, and what it wrote
into a copy goes home behind it. By the table below for intrinsics and for setjmp and its
kin; `byval` arguments and va_arg by themselves.

Sizes: System V ABI x86-64 (va_list), glibc and musl (jmp_buf), Intel SDM volumes 1 and 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llvm_pass.ir.syntax import Call, groups_of, parse_call
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.frame import Frame
from llvm_pass.runtime.borrow import borrow, give_back
from llvm_pass.runtime.convert import leaves_changed

_VA_LIST_BYTES = 24
_JUMP_BYTES = 200  # jmp_buf and sigjmp_buf
_BUILTIN_JUMP_BYTES = 40  # five words
_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more


@dataclass(frozen=True, slots=True)
class _Use:
    """What one operand is for. writes: the memory changes; first_time: only if the result is 0."""

    operand: int
    nbytes: int
    writes: bool = False
    first_time: bool = False


_JUMP, _LAND = _Use(0, _JUMP_BYTES, writes=True, first_time=True), _Use(0, _JUMP_BYTES)
_LIBRARY = {
    **dict.fromkeys(("@setjmp", "@_setjmp", "@__sigsetjmp"), (_JUMP,)),
    **dict.fromkeys(("@longjmp", "@_longjmp", "@siglongjmp"), (_LAND,)),
}
_INTRINSICS = {
    "@llvm.va_start.p0": (_Use(0, _VA_LIST_BYTES, writes=True),),
    "@llvm.va_copy.p0": (_Use(0, _VA_LIST_BYTES, writes=True), _Use(1, _VA_LIST_BYTES)),
    "@llvm.eh.sjlj.setjmp": (_Use(0, _BUILTIN_JUMP_BYTES, writes=True, first_time=True),),
    "@llvm.eh.sjlj.longjmp": (_Use(0, _BUILTIN_JUMP_BYTES),),
    "@llvm.x86.sse.ldmxcsr": (_Use(0, 4),),
    "@llvm.x86.sse.stmxcsr": (_Use(0, 4, writes=True),),
    "@llvm.x86.fxsave": (_Use(0, 512, writes=True),),
    "@llvm.x86.fxsave64": (_Use(0, 512, writes=True),),
    "@llvm.x86.fxrstor": (_Use(0, 512),),
    "@llvm.x86.fxrstor64": (_Use(0, 512),),
    "@llvm.x86.sse3.ldu.dq": (_Use(0, 16),),
    "@llvm.x86.avx.ldu.dq.256": (_Use(0, 32),),
    "@llvm.x86.movdir64b": (_Use(0, 64, writes=True), _Use(1, 64)),
}
NAMES = frozenset((*_LIBRARY, *_INTRINSICS))
_BYVAL = re.compile(r"^ptr (?:.*? )?byval\(")
_VA_ARG = re.compile(r"^(  .*? = va_arg ptr )([^,]*)(,.*)$")


def rewrite_borrower(frame: Frame, number: int, line: str, call: Call) -> bool:
    """A call of one of NAMES. False: it is none."""
    uses = _INTRINSICS.get(call.callee)
    if uses is None and call.callee in frame.context.module.declarations:
        uses = _LIBRARY.get(call.callee)
    if uses is None:
        return False
    lent = [use for use in uses if frame.checked(call.arguments[use.operand])]
    if not lent:
        frame.context.stats["raw accesses"] += 1
        return True
    if call.kind != "call" or call.marker == "musttail":
        frame.missed("Intrinsic", f"{call.callee[1:]} as {call.marker or call.kind}", line)
        return True
    before: list[str] = []
    after: list[str] = []
    arguments = list(call.arguments)
    for use in lent:
        loan = Loan(frame, number, line, arguments[use.operand], use.nbytes, use.writes)
        before.append(loan.taken)
        arguments[use.operand] = loan.argument
        if use.writes:
            written = "true"
            if use.first_time:
                if call.result is None:  # then nobody can jump back to where it matters
                    frame.missed("Intrinsic", f"{call.callee[1:]} whose result is not used", line)
                    return True
                written = frame.context.edits.fresh()
                after.append(f"  {written} = icmp eq i32 {call.result}, 0")
            after.append(loan.returned(written))
    frame.context.edits.replace(number, *before, with_arguments(line, call, arguments), *after)
    frame.context.stats["borrowed operands"] += len(lent)
    return True


def rewrite_va_arg(frame: Frame, number: int, line: str) -> None:
    """The instruction va_arg: it reads the list and moves it on."""
    match = groups_of(_VA_ARG, line)
    if match is None or frame.checked(match[1]) is None:
        return
    loan = Loan(frame, number, line, f"ptr {match[1]}", _VA_LIST_BYTES, writes=True)
    new = f"{match[0]}{loan.address}{match[2]}"
    frame.context.edits.replace(number, loan.taken, new, loan.returned("true"))
    frame.context.stats["borrowed operands"] += 1


def rewrite_copied_arguments(frame: Frame, number: int, line: str) -> None:
    """A call with byval arguments: the call itself copies what they point to."""
    call = parse_call(line)
    if call is None or not any(_BYVAL.match(text) and frame.checked(text) for text in call.arguments):
        return
    if call.marker == "musttail":
        frame.missed("CopiedArgument", "a byval argument of a musttail call", line)
        return
    before: list[str] = []
    arguments = list(call.arguments)
    for index, text in enumerate(call.arguments):
        if _BYVAL.match(text) and frame.checked(text):
            kind = _copied_type(frame, text)
            if kind.kind in ("other", "void"):
                frame.missed("CopiedArgument", f"a byval argument of type {kind.text}", line)
                return
            if kind.alloc_bytes == 0:
                continue
            if kind.pointers:
                arguments[index] = _typed_copy(frame, number, line, text, kind, before)
            else:
                loan = Loan(frame, number, line, text, kind.alloc_bytes, writes=False)
                before.append(loan.taken)
                arguments[index] = loan.argument
    frame.context.edits.replace(number, *before, with_arguments(line, call, arguments))
    frame.context.stats["copied arguments"] += 1


def _copied_type(frame: Frame, text: str) -> Type:
    at = text.index("byval(") + len("byval(")
    try:
        return frame.context.module.types.prefix(text, at)[0]
    except TypeSyntaxError:
        return Type("that is not understood", "other")


def _typed_copy(frame: Frame, number: int, line: str, text: str, kind: Type, before: list[str]) -> str:
    """The argument with a copy in our own frame, its pointers lent where they came from the host."""
    value = frame.checked(text)
    assert value is not None
    slot, suffix = frame.slot(kind.alloc_bytes, number), frame.suffix(line)
    word, own = frame.context.edits.fresh(), frame.context.edits.fresh()
    before.append(f"  {word} = ptrtoint ptr {value} to i64")
    before.append(f"  {own} = ptrtoint ptr {slot} to i64")
    copy = frame.helpers.runtime("galeed_memmove")
    before.append(f"  call {copy}(i64 {own}, i64 {word}, i64 {kind.alloc_bytes}){suffix}")
    lend = frame.helpers.lend(code=True)

    def change(given: str) -> str:
        return f"call ptr {lend}(i64 {word}, ptr {given}){suffix}"

    before += leaves_changed(kind, slot, frame.context.edits.fresh(), change)
    return text.removesuffix(value) + slot


def with_arguments(line: str, call: Call, arguments: list[str]) -> str:
    """The line with other arguments."""
    old = f"({', '.join(call.arguments)})"
    at = line.rindex(f"{old}{call.rest}")
    return f"{line[:at]}({', '.join(arguments)}){call.rest}"


class Loan:
    """A borrowed address for one operand of one line."""

    def __init__(
        self, frame: Frame, number: int, line: str, operand: str, nbytes: int, writes: bool, pinned: bool = False
    ) -> None:
        value = frame.checked(operand)
        assert value is not None
        self._frame, self._value, self._nbytes, self._suffix = frame, value, nbytes, frame.suffix(line)
        self._slot = frame.slot(nbytes, number)
        self.address = frame.context.edits.fresh()
        self.argument = operand.removesuffix(value) + self.address
        helper, entry = borrow(frame.helpers, nbytes, writes, pinned), frame.entry(value, number)
        operands = f"ptr {value}, ptr {entry}, ptr {self._slot}"
        self.taken = f"  {self.address} = call ptr {helper}({operands}){self._suffix}"

    def returned(self, written: str) -> str:
        """What brings a copy home. written: an i1."""
        helper = give_back(self._frame.helpers, self._nbytes)
        operands = f"ptr {self._value}, ptr {self._slot}, ptr {self.address}, i1 {written}"
        return f"  call void {helper}({operands}){self._suffix}"
