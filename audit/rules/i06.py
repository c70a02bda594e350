"""I06: C keeps the address of a variable that ends with the function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.flow import Flow, stack_objects
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Function
    from audit.facts.llvm.program import Hit, Program
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
The C function stores the pointer into a global variable, where it stays; the Rust variable that it points to is gone when
the function returns. Reported where C stores the address of a variable on Rust's stack, and nothing that the function calls
afterwards stores anything else there.

**What to do.** Pass memory that lives as long (`Box::into_raw`, a static), or take the pointer back before returning.

**Source.** RUSTSEC-2026-0156; CWE-562.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    for function, call, callee in program.crossings(program.simple):
        objects = stack_objects(function)
        flows = [Flow(function, name) for name in objects]
        for number, argument in enumerate(call.arguments):
            if argument.has("byval", "sret") or not any(argument.value in flow for flow in flows):
                continue
            kept = program.keeps(callee, number)
            if kept is None or _stores_in_all(callee, kept) > 1:
                continue
            if _taken_back(program, function, call.line, kept.what):
                continue
            yield rule.finding(
                f"{call.callee} keeps the address of a variable of {readable(function.name)} in {kept.what[1:]}",
                f"{readable(function.name)}:{call.callee}:{number}",
                of_call(function, call, f"parameter {number + 1} is the address of a variable on the stack"),
                of_line(kept.function, kept.line, f"kept in {kept.what[1:]}"),
            )


def _stores(function: Function, name: str) -> int:
    return sum(line.startswith("  store ") and f", ptr {name}," in f"{line}," for line in function.body)


def _stores_in_all(callee: Function, kept: Hit) -> int:
    """How often the function and the one that keeps it store there: more than once, and it is put back."""
    return sum(_stores(each, kept.what) for each in {id(each): each for each in (callee, kept.function)}.values())


def _taken_back(program: Program, function: Function, line: int, name: str) -> bool:
    """Does something that is called later store there again? A call that cannot be looked into may."""
    for later in function.calls:
        if later.line <= line or later.callee.startswith("llvm."):
            continue
        found = program.foreign(later.callee) if later.callee else None
        if (
            found is None
            or _stores(found, name)
            or any(each.callee for each in found.calls if not each.callee.startswith("llvm."))
        ):
            return True
    return False


RULE = Rule(
    id="I06",
    title="C keeps the address of a variable that ends with the function",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=562,
    page=_PAGE,
    check=_check,
)
