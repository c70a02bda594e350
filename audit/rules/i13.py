"""I13: A number from C becomes an enum or a bool unchecked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm import ranges
from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.enums import behind_void, called_back, transmuted
from audit.facts.llvm.exits import known_of
from audit.facts.llvm.known import value_of
from audit.facts.llvm.ranges import outside
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_function, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.enums import Given
    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Program
    from audit.facts.llvm.ranges import Range, Returned
    from audit.model import Evidence, Finding
    from audit.subject import Subject

_PAGE = """\
A Rust enum or bool that has none of its values is undefined behaviour from the moment that it is there. C's enums are numbers, and
its truth is anything but 0. Candidates are: a foreign function or a callback for C that is declared with an enum or bool
where C may give another number; a C function's result that is transmuted without a comparison; and a bool or enum that is read
through a `*c_void` of a structure. Where C's own code returns or passes a number that is none of the type's, the confidence is medium;
where it may be any, low.

**What to do.** Declare the integer, and `match` or `TryFrom` it with an error for the rest; `!= 0` for truth.

**Source.** RUSTSEC-2023-0047; the Reference's list of behaviour considered undefined.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    done: set[str] = set()
    for function, call, callee in program.crossings(program.plain):
        for each in (
            *_results(rule, program, function, call, callee),
            *_callbacks(rule, function, call, callee),
        ):
            if each.key not in done:
                done.add(each.key)
                yield each
    for module in program.simple:
        for function in module.defined if module.language == "rust" else ():
            for taken, field in behind_void(function):
                name = readable(function.name)
                yield rule.finding(
                    f"{name} takes what {field} points to for one of {taken.valid} without a test",
                    f"{name}:{field}",
                    of_line(function, taken.line, f"read through {field}, a pointer to void"),
                    confidence=Confidence.LOW,
                )


def _results(rule: Rule, program: Program, function: Function, call: Call, callee: Function) -> Iterator[Finding]:
    declared = function.module.functions.get(call.callee)
    if call.result is None or declared is None or callee.result.type.kind != "integer":
        return
    valid, where = ranges.of(declared.result), of_call(function, call, "taken for an enum or a bool here")
    words, key = f"what {call.callee} returns is declared as one of {valid}", call.callee
    if valid is None:
        taken = transmuted(function, call.result)
        if taken is None:
            return
        valid, where = taken.valid, of_line(function, taken.line, "transmuted here, not compared before")
        key = f"{readable(function.name)}:{call.callee}"
        words = f"{readable(function.name)} takes what {call.callee} returns for one of {valid}"
    if callee.result.type.bits > 8 and valid.bits == 8:
        return  # another type altogether: I01
    found = outside(program, callee, known_of(callee, call, function), valid)
    if found is not None:
        yield _finding(rule, words, key, found, where)


def _finding(rule: Rule, words: str, key: str, found: Returned, *seen: Evidence) -> Finding:
    if found.value is None:
        why, sure = "; C may return any", Confidence.LOW
    else:
        why, sure = f"; C returns {found.value}", Confidence.MEDIUM
    return rule.finding(words + why, key, *seen, of_line(found.function, found.line, "returned here"), confidence=sure)


def _callbacks(rule: Rule, function: Function, call: Call, callee: Function) -> Iterator[Finding]:
    for number, argument in enumerate(call.arguments):
        target = function.module.functions.get(argument.value.removeprefix("@").strip('"'))
        if target is None or not target.is_defined or not argument.value.startswith("@"):
            continue
        for at, parameter in enumerate(target.parameters):
            valid = ranges.of(parameter)
            if valid is None:
                continue
            given, value = _wrong(callee, number, at, valid)
            if given is None:
                continue
            name = readable(target.name)
            why = "C may pass any" if value is None else f"C passes {value}"
            yield rule.finding(
                f"parameter {at + 1} of the callback {name} is declared as one of {valid}; {why}",
                f"{name}:{at}",
                of_function(target, "the callback"),
                of_call(function, call, f"passed to {call.callee} here"),
                of_line(callee, given.line, "called back here"),
                confidence=Confidence.LOW if value is None else Confidence.MEDIUM,
            )


def _wrong(callee: Function, number: int, at: int, valid: Range) -> tuple[Given | None, int | None]:
    """The call of a callback with a number that is none of the valid ones; else one whose number is not known."""
    blocks, unknown = Blocks(callee), None
    for given in called_back(callee, number):
        if at >= len(given.arguments) or given.kinds[at] in (0, 1):
            continue
        value = value_of(given.arguments[at], blocks, {})
        if isinstance(value, int) and value not in valid:
            return given, value
        if value is None:
            unknown = unknown or given
    return unknown, None


RULE = Rule(
    id="I13",
    title="A number from C becomes an enum or a bool unchecked",
    severity=Severity.HIGH,
    confidence=Confidence.LOW,
    cwe=843,
    page=_PAGE,
    check=_check,
)
