"""I10: C writes to what Rust says nobody writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.flow import Flow
from audit.facts.rust.foreign import declarations
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_declaration, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function, Value
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Behind a `&T` (without `UnsafeCell`) nothing changes: rustc tells LLVM so, and LLVM keeps old values in registers. Where the C
function stores through that pointer, itself or by what it calls, behaviour is undefined; where it is a constant, the write
faults. Reported: a parameter that is declared as a reference, or that gets a pointer made from a shared reference or a constant,
and a store in C through it. A parameter that is merely declared `*const` is a candidate (low confidence).

**What to do.** Declare `*mut`, and pass `&mut` or memory in an `UnsafeCell`.

**Source.** RUSTSEC-2024-0429.
"""

_SIZE = re.compile(r"dereferenceable\((\d+)\)")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    sources = declarations((*subject.sources, *subject.declared))
    done: set[tuple[str, int]] = set()
    for function, call, callee in (*program.crossings(program.simple), *program.crossings(program.plain)):
        declared = function.module.functions.get(call.callee)
        for number, argument in enumerate(call.arguments):
            if argument.type.kind != "pointer" or (call.callee, number) in done or declared is None:
                continue
            why, sure = _shared(function, declared, call, number)
            source = sources.get(call.callee)
            # Structures and hidden results shift what the source has.
            if (
                not why
                and source
                and len(source.parameters) == len(call.arguments)
                and not call.arguments[0].has("sret")
            ):
                written = source.parameters[number]
                why, sure = ("is declared *const", Confidence.LOW) if written.startswith("*const") else ("", sure)
            found = program.writes(callee, number) if why else None
            if found is None:
                continue
            done.add((call.callee, number))
            seen = [of_line(found.function, found.line, "C writes here")]
            seen.append(of_call(function, call, f"parameter {number + 1} {why}"))
            if source:
                seen.append(of_declaration(source, "declared here"))
            yield rule.finding(
                f"{call.callee} writes through its parameter {number + 1}, which {why}",
                f"{call.callee}:{number}:{'declared' if sure is Confidence.LOW else readable(function.name)}", *seen, confidence=sure,
            )  # fmt: skip


def _shared(function: Function, declared: Function, call: Call, number: int) -> tuple[str, Confidence]:
    if number < len(declared.parameters) and _is_reference(declared.parameters[number]):
        return "is declared as a shared reference", Confidence.HIGH
    value = call.arguments[number].value
    if value.startswith("@") and " constant " in f" {function.module.constants.get(value, '')} ":
        return "is passed a constant", Confidence.HIGH
    for at, parameter in enumerate(function.parameters):
        following = function.parameters[at + 1 : at + 2]
        if (_is_reference(parameter) or _is_slice(parameter, following)) and value in Flow(function, parameter.value):
            return "is passed what a shared reference points to", Confidence.HIGH
    return "", Confidence.LOW


def _is_reference(value: Value) -> bool:
    """A &T as rustc has it: read only, not aliased by writes, and of a size."""
    sizes = [int(match[1]) for each in value.attributes if (match := _SIZE.match(each))]
    return value.has("readonly") and value.has("noalias") and any(sizes) and not value.has("byval", "sret")


def _is_slice(value: Value, following: tuple[Value, ...]) -> bool:
    """A &[T] is two parameters; its length is not known, and not 0 for who writes to it."""
    length = bool(following) and following[0].type.text == "i64"
    return length and value.has("readonly") and value.has("noalias") and value.has("nonnull")


RULE = Rule(
    id="I10",
    title="C writes to what Rust says nobody writes",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=758,
    page=_PAGE,
    check=_check,
)
