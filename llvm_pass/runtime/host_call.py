"""Wrappers of prebuilt foreign functions, for the host's side: lend, close, call, open.

Called by the host, a wrapper lends the pointer arguments, drops the rights, lets the
runtime put addresses that foreign rights reach in place of the handles (calls/mod.rs: what
it does inside foreign code for libc it does here, between the gate and the function),
calls, brings home what was written, takes the rights back and turns the result back. Called
from foreign code, to which its address may have been given, it is the function itself.

Invariant: no path leads from the host to the function but through the gate. A call that
cannot be prepared ends the process with a clear error; it is never made with the host's
rights. The wrapper is never inlined: its return address is the caller's line in a report.

Attacker: is what is called. The wrapper's words and loans are memory that it can write, as
the runtime knows; what a return needs is in the thread's record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from llvm_pass import abi
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.signature import Signature
from llvm_pass.ir.types import Type, TypeTable
from llvm_pass.libc.table import Shape, Use
from llvm_pass.runtime.call import describe, places
from llvm_pass.runtime.convert import leaves_mapped
from llvm_pass.runtime.helpers import Helpers

ARGUMENT = "@galeed.host.argument"
_WORD_BYTES = 8
_MOST_ARGUMENTS = 200  # of the 253 that a shape can number
_RETURN_ADDRESS = "@llvm.returnaddress"
_VECTOR_BYTES = 16  # wider ones travel as the caller's target features say


@dataclass(frozen=True, slots=True)
class Foreign:
    """A function to be wrapped. callee: @name. reason: why no call can be prepared, or ""."""

    callee: str
    shape: Shape
    signature: Signature
    dots: str = ""  # "(ptr, ...)" when it is variadic
    reason: str = ""
    safe: bool = False  # does it never unwind?


def in_ir(shape: Shape, signature: Signature, types: TypeTable) -> Shape:
    """A row speaks of C's arguments; a result that is written through a pointer is one more in front."""
    if not signature.parameters:
        return shape
    kind = signature.parameters[0].written(types)
    if kind is None:
        return shape

    def moved(number: int) -> int:
        return number if number >= abi.ANY_ARGUMENT else number + 1

    uses = tuple(replace(use, first=moved(use.first), second=moved(use.second)) for use in shape.uses)
    return replace(shape, uses=(Use("out", "bytes", True, unit=kind.alloc_bytes), *uses), result=moved(shape.result))


def unfit(signature: Signature, shape: Shape) -> str:
    """Why a call of this type cannot be prepared by this row; "" when it can."""
    count, fixed = len(signature.parameters), len(shape.uses)
    if signature.convention not in ("", "ccc"):
        return f"its calling convention is {signature.convention}"
    if any(value.in_place for value in signature.parameters):
        return "an argument is built in place"
    if any(_wide(value.kind) for value in (*signature.parameters, signature.result)):
        return f"a vector of more than {_VECTOR_BYTES} bytes is passed"
    if signature.variadic and not shape.variadic:
        return "it is variadic, and its row in calls does not say what the arguments behind the dots are"
    if count > _MOST_ARGUMENTS:
        return f"it has more than {_MOST_ARGUMENTS} arguments"
    if shape.refused:
        return ""
    if count < fixed or (count > fixed and not shape.variadic):
        return f"its row in calls has {fixed} arguments, the call {count}"
    for number, use in enumerate(shape.uses):
        if use.memory and signature.parameters[number].kind.kind != "pointer":
            return f"argument {number} is no pointer, as its row in calls says"
        for length in (use.first, use.second):
            if length < count and not _is_word(signature.parameters[length].kind):
                return f"argument {length} is no number, as its row in calls says"
    if any(not _is_word(v.kind) and v.kind.text not in ("double", "x86_fp80") for v in signature.parameters[fixed:]):
        return "an argument behind the dots is no number and no pointer"
    if shape.result < count and signature.result.kind.kind != "pointer":
        return "its result is no pointer, as its row in calls says"
    return ""


def _is_word(kind: Type) -> bool:
    return kind.kind == "pointer" or (kind.kind == "integer" and kind.store_bytes <= _WORD_BYTES)


def _wide(kind: Type) -> bool:
    return (kind.kind == "vector" and kind.store_bytes > _VECTOR_BYTES) or any(map(_wide, kind.parts))


class HostWrapper:
    """Writes one wrapper. pre: ARGUMENT is, or will be, defined in the module."""

    def __init__(self, helpers: Helpers, edits: Edits, name: str, foreign: Foreign) -> None:
        self._helpers, self._edits, self._name, self._foreign = helpers, edits, name, foreign
        self._signature, self._shape = foreign.signature, foreign.shape
        self._label = name.rpartition("@galeed.host.")[2]  # unlike any other's, for the names of constants
        self._void = self._signature.is_void
        kind = self._signature.result.kind
        self._zero = "  ret void" if self._void else f"  ret {kind.text} zeroinitializer"

    def define(self, variadic: bool) -> None:
        """variadic: the wrapper takes dots itself, since only its address is wanted."""
        signature, foreign = self._signature, self._foreign
        own = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
        dots = ["..."] if variadic else []
        personality = "" if foreign.safe or foreign.reason else " personality ptr @__gcc_personality_v0"
        size = max(self._places(), default=0) + 2
        body = [
            (
                f"define internal {signature.returns()} {self._name}({', '.join(own + dots)}) noinline uwtable "
                f'section "galeed_text"{personality} {{'
            ),
            "start:",
            "  %token = alloca i64, align 16",
            f"  %words = alloca [{size} x i64], align 16",
            "  %loans = alloca ptr, align 8",
            f"  %where = call {self._helpers.runtime('mpk_gate_is_foreign')}()",
            "  %inside = icmp ne i32 %where, 0",
            "  br i1 %inside, label %foreign, label %host",
            "",
            "foreign:",
            *self._same(own, variadic),
            "",
            "host:",
            # The runtime of programs without a host lacks this: such a program must not link,
            # rather than call with no gate.
            f"  %started = call {self._helpers.runtime('galeed_start')}()",
        ]
        if foreign.reason:
            body += self._stop("reason", f"a call of {foreign.callee[1:]} from the host: {foreign.reason}")
        else:
            body += self._lent()
            body += self._gated(size)
        self._edits.define(self._name, "\n".join([*body, "}"]))

    def _places(self) -> list[int]:
        return places(self._signature, len(self._shape.uses))

    def _returns(self) -> str:
        return f"{self._signature.returns()} {self._foreign.dots}".rstrip()

    def _same(self, own: list[str], variadic: bool) -> list[str]:
        """The function, as if the wrapper were not there."""
        target = "" if self._void else "%same = "
        marker = (
            "musttail " if variadic else "tail " if not any(v.in_memory for v in self._signature.parameters) else ""
        )
        arguments = ", ".join([*own, *(["..."] if variadic else [])])
        result = "void" if self._void else f"{self._signature.result.kind.text} %same"
        return [
            f"  {target}{marker}call {self._returns()} {self._foreign.callee}({arguments})",
            f"  ret {result}",
        ]

    def _stop(self, label: str, what: str) -> list[str]:
        text = self._helpers.constant(f"host.{label}.{self._label}", what)
        return [f"  call {self._helpers.runtime('galeed_unsupported')}(ptr {text})", "  unreachable"]

    def _lent(self) -> list[str]:
        """%l0, %l1, ...: the pointers, lent; words filled. Ends in front of the gate."""
        lines, refused = [], []
        what = self._helpers.constant(
            f"host.function.{self._label}",
            f"a function of the host given to {self._foreign.callee[1:]}, which has no gate for callbacks here",
        )
        for number, value in enumerate(self._signature.parameters):
            if value.kind.kind != "pointer" or value.in_memory:
                continue
            lines.append(f"  %l{number} = call ptr {ARGUMENT}(ptr %a{number}, ptr {what})")
            kept = number < len(self._shape.uses) and self._shape.uses[number].word == "kept"
            if kept or self._shape.refused:
                lines += [
                    f"  %k{number} = ptrtoint ptr %l{number} to i64",
                    f"  %t{number} = lshr i64 %k{number}, {abi.TAG_SHIFT}",
                    f"  %h{number} = icmp eq i64 %t{number}, {abi.TAG}",
                    f"  br i1 %h{number}, label %kept, label %l{number}.done",
                    "",
                    f"l{number}.done:",
                ]
                refused.append(number)
        lines += self._stored()
        if refused:
            why = self._shape.refused or "it keeps the memory beyond the call"
            stop = self._stop("kept", f"{self._foreign.callee[1:]} of lent memory, {why}")
            lines += ["  br label %gate", "", "kept:", *stop, "", "gate:"]
        return lines

    def _stored(self) -> list[str]:
        lines = []
        for n, (value, place) in enumerate(zip(self._signature.parameters, self._places(), strict=True)):
            kind, own = value.kind, f"%a{n}"
            if value.in_memory or not (_is_word(kind) or kind.text in ("double", "x86_fp80")):
                continue
            lines.append(f"  %s{n} = getelementptr i64, ptr %words, i64 {place}")
            text = kind.text
            if kind.kind == "pointer":
                own = f"%l{n}"
            elif kind.kind == "integer" and text != "i64":
                lines.append(f"  %i{n} = {'zext' if 'zeroext' in value.attributes else 'sext'} {text} {own} to i64")
                own, text = f"%i{n}", "i64"
                if n in self._shape.lengths and "zeroext" not in value.attributes:
                    # An int below zero is a length of nothing.
                    lines += [f"  %m{n} = icmp slt i64 {own}, 0", f"  %n{n} = select i1 %m{n}, i64 0, i64 {own}"]
                    own = f"%n{n}"
            lines.append(f"  store {text} {own}, ptr %s{n}, align 8")
        return lines

    def _gated(self, size: int) -> list[str]:
        helpers, shape, signature = self._helpers, self._shape, self._signature
        if signature.result.kind.kind == "pointer" and shape.result == abi.NO_ARGUMENT:
            shape = replace(shape, result=abi.ANY_ARGUMENT)
        uses = len(shape.uses)
        described = describe(
            self._edits, self._foreign.callee, shape, size - uses if shape.variadic else 0, self._label
        )
        self._edits.declare(_RETURN_ADDRESS, f"declare ptr {_RETURN_ADDRESS}(i32 immarg)")
        leave = helpers.runtime("galeed_gate_exit")
        name = helpers.constant(f"host.name.{self._label}", self._foreign.callee[1:])
        lines = [
            "  store ptr null, ptr %loans, align 8",
            f"  %from = call ptr {_RETURN_ADDRESS}(i32 0)",
            "  %pc = ptrtoint ptr %from to i64",
            f"  call {helpers.runtime('galeed_gate_enter')}(ptr %token, ptr {name})",
            (
                f"  %verdict = call {helpers.runtime('galeed_call_begin')}"
                f"(ptr {described}, ptr %words, ptr %loans, i64 %pc)"
            ),
            "  %allowed = icmp ne i32 %verdict, 0",
            "  br i1 %allowed, label %call, label %refused",
            "",
            "call:",
        ]
        passed = []
        for n, (value, place) in enumerate(zip(signature.parameters, self._places(), strict=True)):
            own = f"%a{n}"
            if value.kind.kind == "pointer" and not value.in_memory:
                own = f"%x{n}"
                lines += [
                    f"  %y{n} = getelementptr i64, ptr %words, i64 {place}",
                    f"  {own} = load ptr, ptr %y{n}, align 8",
                ]
            passed.append(f"{value.text()} {own}")
        target = "" if self._void else "%got = "
        callee = f"{self._returns()} {self._foreign.callee}({', '.join(passed)})"
        if self._foreign.safe:
            lines.append(f"  {target}call {callee}")
        else:
            self._edits.declare("@__gcc_personality_v0", "declare i32 @__gcc_personality_v0(...)")
            lines += [
                f"  {target}invoke {callee}", "          to label %back unwind label %thrown", "", "back:"
            ]  # fmt: skip
        lines += self._returned(described, leave)
        lines += ["", "refused:", f"  call {leave}(ptr %token)", self._zero]
        if not self._foreign.safe:
            lines += [
                "", "thrown:", "  %exception = landingpad { ptr, i32 }", "          cleanup",
                f"  %late = call {self._end(described, '0')}",
                "  %object = extractvalue { ptr, i32 } %exception, 0",
                f"  call {self._helpers.runtime('galeed_gate_thrown')}(ptr %token, ptr %object)",
                "  resume { ptr, i32 } %exception",
            ]  # fmt: skip
        return lines

    def _end(self, described: str, result: str) -> str:
        end = self._helpers.runtime("galeed_call_end")
        return f"{end}(ptr {described}, ptr %words, ptr %loans, i64 {result}, i64 %pc)"

    def _returned(self, described: str, leave: str) -> list[str]:
        """Copies home, rights back, the result turned back."""
        kind, lines, word, value = self._signature.result.kind, [], "0", "%got"
        if kind.kind == "pointer":
            lines.append("  %result = ptrtoint ptr %got to i64")
            word = "%result"
        elif kind.kind == "integer" and kind.store_bytes <= _WORD_BYTES:
            word = "%got" if kind.text == "i64" else "%result"
            lines += [f"  %result = sext {kind.text} %got to i64"] if kind.text != "i64" else []
        lines.append(f"  %home = call {self._end(described, word)}")
        lines.append(f"  call {leave}(ptr %token)")
        if self._void:
            return [*lines, "  ret void"]
        if kind.kind == "pointer":
            lines.append("  %pointer = inttoptr i64 %home to ptr")
            value = "%pointer"
        if kind.pointers:
            back = self._helpers.through_word("galeed_gate_result")
            lines.append(leaves_mapped(kind, value, "%given", lambda each: f"call ptr {back}(ptr {each})"))
            value = "%given"
        return [*lines, f"  ret {kind.text} {value}"]
