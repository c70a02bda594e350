"""I16: C accesses more than the object that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.flow import Flow, stack_objects
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
One object is passed where C expects several, or a smaller one than C's declaration of it. Reported: the address of a variable
on Rust's stack, and in the C function an access at a constant distance that lies behind the variable's end and lies on every
way through the function.

**What to do.** Pass an array of the length that C needs; generate structures from the header.

**Source.** RUSTSEC-2022-0046; CWE-125, CWE-787.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    for function, call, callee in program.crossings(program.simple):
        flows = [(size, Flow(function, name)) for name, size in stack_objects(function).items()]
        for number, argument in enumerate(call.arguments):
            for size, flow in flows:
                start = flow.offsets.get(argument.value)
                if start is None or number >= len(callee.parameters) or callee.parameters[number].has("byval", "sret"):
                    continue
                for access in Flow(callee, callee.parameters[number].value).accesses():
                    end = start + (access.offset or 0) + access.bytes
                    if access.offset is None or end <= size or not Blocks(callee).always(access.line):
                        continue
                    verb = "writes" if access.is_store else "reads"
                    yield rule.finding(
                        f"{call.callee} {verb} bytes up to {end} of an object of {size}",
                        f"{readable(function.name)}:{call.callee}:{number}",
                        of_line(callee, access.line, f"{verb} {access.bytes} bytes at offset {start + access.offset}"),
                        of_call(function, call, f"parameter {number + 1} is an object of {size} bytes"),
                    )
                    break


RULE = Rule(
    id="I16",
    title="C accesses more than the object that it is given",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=125,
    page=_PAGE,
    check=_check,
)
