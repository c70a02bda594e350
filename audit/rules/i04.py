"""I04: Memory is freed twice: by C and by Rust, or by C two times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.flow import Flow, stack_objects
from audit.facts.llvm.freeing import Freeing, loads
from audit.facts.llvm.order import Order
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.freeing import Free
    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Hit, Program
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A C function frees what it is given whenever it is called; the same pointer is then freed again, by the `Drop` of a Rust type
that still holds it, by Rust's allocator, or by C a second time. Reported where the first free has always run when the
second one does, and nothing changes the field that holds the pointer in between.

**What to do.** A method that ends the C object takes `self` and ends with `mem::forget(self)`, or sets the field to null and
`Drop` looks. What C frees is given to it by `into_raw`, not lent.

**Source.** RUSTSEC-2026-0029; CWE-415.
"""

_STORE = re.compile(rf"^  store (?:volatile |atomic )*(.*), ptr ({LOCAL})")
_NO_CHANGE = ("llvm.lifetime.", "llvm.dbg.", "llvm.assume")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    freeing = Freeing(program)
    for module in program.simple:
        if module.language != "rust":
            continue
        for function in module.defined:
            frees = list(freeing.frees(function))
            if not any(each.in_c for each in frees):
                continue
            for first, call, hit in (*_values(function, frees), *_objects(program, freeing, function, frees)):
                name = readable(function.name)
                seen = [of_call(function, call, "freed again here"), of_call(function, first.call, "freed here")]
                for each, text in (
                    (first.by, "C frees it here" if first.in_c else "it is freed here"),
                    (hit, "and it is freed again here"),
                ):
                    if each is not None:
                        seen.append(of_line(each.function, each.line, text))
                yield rule.finding(
                    f"{name} frees twice: {readable(first.call.callee)} frees, and {readable(call.callee)} does again",
                    f"{name}:{readable(first.call.callee)}:{readable(call.callee)}", *seen,
                )  # fmt: skip


def _values(function: Function, frees: list[Free]) -> Iterator[tuple[Free, Call, Hit | None]]:
    """The same value twice."""
    if len(frees) < 2:
        return
    order = Order(function)
    for first in frees:
        same = Flow(function, first.value)
        for again in frees:
            if first.call is again.call or not (first.in_c or again.in_c) or same.offsets.get(again.value) != 0:
                continue
            if order.is_before(first.call.line, again.call.line):
                yield first, again.call, again.by


def _objects(
    program: Program, freeing: Freeing, function: Function, frees: list[Free]
) -> Iterator[tuple[Free, Call, Hit | None]]:
    """A value that an object holds, and then the object, by what frees what it holds."""
    bases = [*stack_objects(function), *(each.value for each in function.parameters if each.type.kind == "pointer")]
    order = None
    for base in bases:
        flow = Flow(function, base)
        ends = list(_ends(program, freeing, function, flow))
        if not ends:
            continue
        order = order or Order(function)
        for first in (each for each in frees if each.in_c):
            at, since = _held_at(function, flow, first)
            for call, offset, hit in ends:
                if offset != at or call is first.call or not order.is_before(first.call.line, call.line):
                    continue
                between = [
                    each
                    for each in function.calls
                    if each is not first.call
                    and each is not call
                    and not order.is_before(each.line, since)
                    and not order.is_before(call.line, each.line)
                ]
                if not _may_change(program, function, flow, between, at):
                    yield first, call, hit


def _ends(program: Program, freeing: Freeing, function: Function, flow: Flow) -> Iterator[tuple[Call, int, Hit]]:
    """Calls that free what the object holds: the offset."""
    for call in function.calls:
        for number, argument in enumerate(call.arguments):
            start = flow.offsets.get(argument.value)
            callee = program.callee(function, call.callee) if start is not None else None
            if callee is not None and start is not None and callee.language == "rust":
                for offset, hit in freeing.held(callee, number).items():
                    yield call, start + offset, hit


def _held_at(function: Function, flow: Flow, free: Free) -> tuple[int | None, int]:
    """The offset in the object that a freed value was read from, or was stored to, and the line."""
    for value, offset, line in loads(function, flow):
        if value == free.value and line < free.call.line:
            return offset, line
    for line, text in enumerate(function.body[: free.call.line]):
        match = _STORE.match(text)
        if match and match[1] == f"ptr {free.value}" and line < free.call.line:
            return flow.offsets.get(match[2]), line
    return None, 0


def _may_change(program: Program, function: Function, flow: Flow, calls: list[Call], at: int | None) -> bool:
    """May the function put another pointer there? One store is how it came; what is passed on in between may be changed."""
    stores = [match for line in function.body if (match := _STORE.match(line)) and match[2] in flow]
    if sum(flow.offsets[match[2]] in (at, None) for match in stores) > 1:
        return True
    for call in calls:
        if call.callee.startswith(_NO_CHANGE):
            continue
        for number, argument in enumerate(call.arguments):
            known = program.callee(function, call.callee) or function.module.functions.get(call.callee)
            if argument.value in flow and not (
                known and number < len(known.parameters) and known.parameters[number].has("readonly", "readnone")
            ):
                return True
    return False


RULE = Rule(
    id="I04",
    title="Memory is freed by C and once more",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=415,
    page=_PAGE,
    check=_check,
)
