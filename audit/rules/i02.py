"""I02: Memory is freed by another allocator than it came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.families import freed_family, given_family
from audit.facts.llvm.flow import Flow
from audit.model import Confidence, Rule, Severity
from audit.rules.places import given_away, of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Program
    from audit.model import Evidence, Finding
    from audit.subject import Subject

_PAGE = """\
What `Box`, `Vec` and `CString` give away must come back to Rust to be freed, and what C allocated must go back to C: `free` on
another allocator's memory corrupts both heaps. LLVM knows the allocation functions by their *family*, and so does this rule: the
pointer that a call returned is followed to where it is freed, on both sides of the boundary; `from_raw` and `from_raw_parts`
say that Rust will free it. What C returns from a structure's field is of a family when all that C stores there is.

**What to do.** Give C a function that takes the object back (`CString::from_raw`), or allocate with the C library's allocator.

**Source.** quickjs_regex; CWE-762.
"""

_RUST = "__rust_alloc"
# Rust's own, where they are calls: modules, types and method, as both manglings write them.
_TAKEN_BACK = re.compile(
    r"7CString8from_raw|5alloc(?:5boxed|2rc|4sync)\S*8from_raw|5alloc(?:3vec\S*|6string6String)14from_raw_parts"
)
# What follows is not dropped: it is only looked at as a Vec or Box.
_KEPT_FROM_DROP = re.compile(r"mem6forget|13manually_drop|8into_raw|4leak")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    done: set[tuple[str, str, str]] = set()  # the two forms of a function show the same at one end, at least
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
                    both = {(function.name, family + other, each.callee) for each in (given, freed)}
                    if other != family and not both & done:
                        done |= both
                        name = readable(function.name)
                        yield rule.finding(
                            f"{name} lets {_words(other)} free what {_words(family)} gave",
                            f"{name}:{readable(given.callee)}:{freed.callee}",
                            of_call(function, given, f"{readable(given.callee)} gives memory of {_words(family)}"),
                            of_call(function, freed, f"{readable(freed.callee)} {_verb(freed)} {_words(other)}"),
                            *seen,
                        )


def _words(family: str) -> str:
    return {
        _RUST: "Rust's allocator",
        "malloc": "malloc's family",
        "_Znwm": "C++ new's family",
        "_Znam": "C++ new[]'s family",
    }.get(family, f"family {family}")


def _verb(freed: Call) -> str:
    return "takes it as memory of" if _TAKEN_BACK.search(freed.callee) else "frees it with"


def _given(program: Program, function: Function, call: Call) -> str | None:
    declared = function.module.functions.get(call.callee)
    if declared is not None and (family := given_family(declared)):
        return family
    if given_away(call.callee):
        return _RUST
    callee = program.callee(function, call.callee)
    return program.gives(callee) if callee else None


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
                if not any(_KEPT_FROM_DROP.search(each.callee) for each in function.calls):
                    yield call, _RUST, []
            elif (callee := program.callee(function, call.callee)) and (found := program.frees(callee, number)):
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
