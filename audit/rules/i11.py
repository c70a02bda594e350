"""I11: A pointer that is promised to be the only one has a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.aliases import Keepers, is_box, makes_boxes, may_share, pairs, root
from audit.facts.llvm.blocks import Blocks
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
References, `Box` and C's `restrict` promise the compiler that nothing else reaches the same bytes while they are written. Reported:
a call that gives the same object for two parameters of which one has that promise, where C writes through one of them; and a Box
whose address C keeps in memory of its own (`state->strm = strm`), while Rust keeps and moves the Box as its only owner.
Candidates all: today's compilers make little of the promise, and what comes next may make more.

**What to do.** Two buffers, or a C function without `restrict` (`memmove`); for what C keeps, a raw pointer from `Box::into_raw` in
place of the Box, and `Box::from_raw` in `drop`.

**Source.** flate2 1.0.27; the documentation of `Box` on aliasing; C17 6.7.3.1.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    keepers = Keepers(program)
    compiled = {each.name: each for module in program.plain if module.language == "rust" for each in module.defined}
    owner = 0
    for function, call, callee in program.crossings(program.simple):
        if not (may_share(function, call, callee) or makes_boxes(function)):
            continue
        if id(function) != owner:
            owner, mine = id(function), Blocks(function)
        for pair in pairs(program, function, call, callee, mine):
            numbers = sorted((pair.unshared + 1, pair.other + 1))
            how = "the same address" if pair.is_same else "overlapping parts of one object"
            yield rule.finding(
                f"{call.callee} gets {how} as parameters {numbers[0]} and {numbers[1]}, "
                f"against {pair.by} for parameter {pair.unshared + 1}",
                f"{readable(function.name)}:{call.callee}:{numbers[0]}:{numbers[1]}",
                of_call(function, call, "both go to one object"),
                of_line(pair.written.function, pair.written.line, "C writes here"),
            )
        yield from _boxes(rule, keepers, function, call, callee, mine, compiled.get(function.name))


def _boxes(
    rule: Rule,
    keepers: Keepers,
    function: Function,
    call: Call,
    callee: Function,
    mine: Blocks,
    compiled: Function | None,
) -> Iterator[Finding]:
    for number, argument in enumerate(call.arguments):
        if argument.type.kind != "pointer":
            continue
        source = root(mine, argument.value)
        if not is_box(compiled, mine, source.value):
            continue
        found = keepers.kept(callee, number)
        if found is not None:
            yield rule.finding(
                f"{call.callee} keeps the address of a Box that {readable(function.name)} goes on to own",
                f"{readable(function.name)}:{call.callee}:{number}",
                of_call(function, call, f"parameter {number + 1} points into a Box"),
                of_line(found.function, found.line, "C keeps it here"),
            )


RULE = Rule(
    id="I11",
    title="A pointer that is promised to be the only one has a second",
    severity=Severity.MEDIUM,
    confidence=Confidence.LOW,
    cwe=758,
    page=_PAGE,
    check=_check,
)
