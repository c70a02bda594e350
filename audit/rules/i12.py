"""I12: A variable is read that C has not written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.exits import known_of, reached
from audit.facts.llvm.outputs import Outputs
from audit.facts.llvm.uninitialized import passed, uses
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.exits import Exit
    from audit.facts.llvm.ir import Call, Function
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`MaybeUninit::assume_init` after a C function that was to fill the variable: on some ways through that function it does not, and
what Rust reads then is undefined. Reported: a variable that nothing has written goes to a C function; LLVM's view of that
function has a way out without a store through the parameter (a null parameter that the call does not pass is not such a way);
and Rust reads the variable without asking for the result, or after a test that the result of that way passes.

**What to do.** Return early on every result but success; or begin with `zeroed` where zero is a value of the type.

**Source.** CWE-908; the documentation of `MaybeUninit`.
"""

_TESTS = re.compile(r"^  (?:%\S+ = (?:icmp|zext|sext|trunc)|switch) ")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    outputs, done = Outputs(program), set[str]()
    for modules, how in ((program.simple, _ignored), (program.plain, _tested_wrongly)):
        for function, call, callee in program.crossings(modules):
            for variable in passed(function, call):
                ways = outputs.unwritten(callee, variable.argument, known_of(callee, call, function))
                found = how(function, call, ways, variable.reads) if ways else None
                key = f"{readable(function.name)}:{call.callee}:{variable.argument}"
                if found is None or key in done:
                    continue
                done.add(key)
                way, read, why = found
                yield rule.finding(
                    f"{readable(function.name)} reads what {call.callee} need not have written, {why}",
                    key,
                    of_line(function, read, "read here"),
                    of_call(function, call, f"parameter {variable.argument + 1} is a variable with nothing in it"),
                    of_line(callee, way.line, "C returns here without having written it"),
                )


_Found = tuple["Exit", int, str]


def _ignored(function: Function, call: Call, ways: list[Exit], reads: tuple[int, ...]) -> _Found | None:
    """Nobody asks for the result, or there is none."""
    if call.result is not None and uses(function, call.result):
        return None
    lines = reached({}, call.line, Blocks(function))
    read = next((line for line in reads if line in lines), None)
    if read is None:
        return None
    why = "and gives no result that says so" if ways[0].text == "" else "and does not look at its result"
    return ways[0], read, why


def _tested_wrongly(function: Function, call: Call, ways: list[Exit], reads: tuple[int, ...]) -> _Found | None:
    """The result is only compared, and one that C returns without having written leads to a read."""
    if call.result is None or not _only_compared(function, call.result):
        return None
    blocks = Blocks(function)
    for way in ways:
        if isinstance(way.value, int):
            lines = reached({call.result: way.value}, call.line, blocks)
            read = next((line for line in reads if line in lines), None)
            if read is not None:
                return way, read, f"where its result is {way.value}"
    return None


def _only_compared(function: Function, value: str) -> bool:
    found = uses(function, value)
    return bool(found) and all(
        _TESTS.match(function.body[line])
        and ("icmp" in function.body[line] or "switch" in function.body[line] or _copy(function, line))
        for line in found
    )


def _copy(function: Function, line: int) -> bool:
    return _only_compared(function, function.body[line][2:].split(" = ", 1)[0])


RULE = Rule(
    id="I12",
    title="A variable is read that C has not written",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=908,
    page=_PAGE,
    check=_check,
)
