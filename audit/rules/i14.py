"""I14: A pointer from C is taken for one that is not null."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.exits import known_of
from audit.facts.llvm.nulls import Nulls, trusted
from audit.facts.rust.nullfields import read_untested
from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
References, slices and `NonNull` are never null, not even for no bytes at all: the compiler believes it. Reported: the
result of a C function that returns null (as its own code says, for arguments like these) becomes a reference, a slice, a `NonNull`, a
`CStr` or is read through, and nothing in the Rust function can have tested it; and a slice of a field's pointer that the type's own
constructor sets to null. Where only a lack of memory makes it null, where the null comes from a function that the C function calls
(and its arguments may rule that out), or where something was tested before the call, it is a candidate (low confidence).

**What to do.** `NonNull::new`, `as_ref`, `is_null` first; for a slice of no bytes return `&[]`.

**Source.** RUSTSEC-2026-0008; the documentation of `slice::from_raw_parts`.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    nulls, done = Nulls(program), set[str]()
    foreign = frozenset(name for name in program.definitions if program.foreign(name))
    for function, call, callee in program.crossings(program.plain):
        key = f"{readable(function.name)}:{call.callee}"
        if call.result is None or key in done or callee.result.type.kind != "pointer":
            continue
        trust = trusted(function, call, foreign)
        null = nulls.given(callee, known_of(callee, call, function)) if trust else None
        if trust is None or null is None:
            continue
        done.add(key)
        sure = Confidence.LOW if null.by_memory or not null.is_direct or not _always(function, call) else None
        why = "when memory has run out" if null.by_memory else "here"
        yield rule.finding(
            f"{readable(function.name)} takes what {call.callee} returns for {trust.what}; it may be null",
            key,
            of_line(function, trust.line, f"taken for {trust.what}"),
            of_call(function, call, "the pointer comes from here"),
            of_line(null.function, null.line, f"C returns null {why}"),
            confidence=sure,
        )
    for found in read_untested(subject.sources):
        yield rule.finding(
            f"{found.reader} makes a slice of {found.field}, which {found.maker} sets to null",
            f"{found.reader}:{found.field}",
            Evidence("rust", found.text, Location(found.path, found.line, found.column, symbol=found.reader)),
            Evidence("rust", "null from the beginning", Location(found.made_in, found.made_at, symbol=found.maker)),
            confidence=None if found.is_sure else Confidence.LOW,
        )


def _always(function: Function, call: Call) -> bool:
    """Does nothing decide whether the call is reached?"""
    blocks = Blocks(function)
    block, seen = blocks.at(blocks.entry), set()
    while block is not None and block.name not in seen:
        if call.line in block.lines:
            return True
        seen.add(block.name)
        block = blocks.at(block.edges[0].to) if len(block.edges) == 1 else None
    return False


RULE = Rule(
    id="I14",
    title="A pointer from C is taken for one that is not null",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=476,
    page=_PAGE,
    check=_check,
)
