"""I02: Memory is freed by another allocator than it came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.flow import Flow
from audit.facts.program import freed_family, given_family
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.ir import Call, Function
    from audit.facts.program import Program
    from audit.model import Evidence, Finding
    from audit.subject import Subject

_PAGE = """\
What `Box`, `Vec` and `CString` give away must come back to Rust to be freed, and what C allocated must go back to C: `free` on
another allocator's memory corrupts both heaps. LLVM knows the allocation functions by their *family*, and so does this rule: the
pointer that a call returned is followed to where it is freed, on both sides of the boundary.

**What to do.** Give C a function that takes the object back (`CString::from_raw`), or allocate with the C library's allocator.

**Source.** quickjs_regex; CWE-762.
"""

_RUST = "__rust_alloc"
# Rust's own, where they are calls: name of the type and of the method, as both manglings write them.
_GIVEN_AWAY = re.compile(r"(?:7CString|3Box\S*|3Vec\S*)8into_raw")
_TAKEN_BACK = re.compile(r"(?:7CString|3Box\S*)8from_raw")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    for module in (*program.simple, *program.plain):
        if module.language != "rust":
            continue
        for function in module.defined:
            for given in function.calls:
                if given.result is None or not given.callee:
                    continue
                family = _given(program, function, given)
                if family is None:
                    continue
                for freed, other, seen in _freed(program, function, Flow(function, given.result)):
                    if other != family:
                        name = readable(function.name)
                        yield rule.finding(
                            f"{name} lets {_words(other)} free what {_words(family)} gave",
                            f"{name}:{readable(given.callee)}:{freed.callee}",
                            of_call(function, given, f"{readable(given.callee)} gives memory of {_words(family)}"),
                            of_call(function, freed, f"{readable(freed.callee)} frees it with {_words(other)}"),
                            *seen,
                        )


def _words(family: str) -> str:
    return {
        _RUST: "Rust's allocator",
        "malloc": "malloc's family",
        "_Znwm": "C++ new's family",
        "_Znam": "C++ new[]'s family",
    }.get(family, f"family {family}")


def _given(program: Program, function: Function, call: Call) -> str | None:
    declared = function.module.functions.get(call.callee)
    if declared is not None and (family := given_family(declared)):
        return family
    if _GIVEN_AWAY.search(call.callee):
        return _RUST
    foreign = program.foreign(call.callee)
    return program.gives(foreign) if foreign else None


def _freed(program: Program, function: Function, flow: Flow) -> Iterator[tuple[Call, str, list[Evidence]]]:
    """The calls that free it, with the family that they free."""
    for call in function.calls:
        for number, argument in enumerate(call.arguments):
            if flow.offsets.get(argument.value) != 0 or not call.callee:
                continue
            declared = function.module.functions.get(call.callee)
            family = freed_family(declared, number) if declared else None
            if family:
                yield call, family, []
            elif _TAKEN_BACK.search(call.callee):
                yield call, _RUST, []
            elif (foreign := program.foreign(call.callee)) and (found := program.frees(foreign, number)):
                yield call, found.what, [of_line(found.function, found.line, "freed here")]


RULE = Rule(
    id="I02",
    title="Memory is freed by another allocator than it came from",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=762,
    page=_PAGE,
    check=_check,
)
