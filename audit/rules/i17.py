"""I17: C keeps state that threads share, or that belongs to one thread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.state import State
from audit.facts.rust.source import text_of
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Function
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A C function changes a global variable without a lock, and Rust code calls it that any thread may run: two threads at once race.
Or it changes a thread-local variable, and a type that calls it says `unsafe impl Send`: moved to another thread, it meets
another state. Reported as a candidate (low confidence), once for each variable: C may be called under a lock that is not
seen, and a flag that is only set once does no harm.

**What to do.** Call it under a `Mutex` of its own; leave out `Send`, or make the handle stay on its thread; or use the
reentrant function that the library has beside it.

**Source.** RUSTSEC-2020-0100 (sys-info); CWE-362.
"""

_IMPL = "(impl_item trait: (_) @trait type: (_) @type) @item"
_LOCKED = re.compile(r"5[Mm]utex|4Once|4once|9call_once|6RwLock|8LazyLock|9lock_api|10[Ss]pinlock")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    state, sent, done = State(program), _sent(subject), set()
    for function, call, callee in program.crossings(program.simple):
        if any(_LOCKED.search(each.callee) for each in function.calls) or _LOCKED.search(function.name):
            continue
        for hit in state.changes(callee):
            is_local = hit.what.startswith("thread_local ")
            name = hit.what.removeprefix("thread_local ")
            kind = _type(function, sent) if is_local else ""
            if hit.what in done or (is_local and not kind):
                continue
            done.add(hit.what)
            words = (
                f"{kind}, which is Send, calls {callee.name}"
                if is_local
                else f"{callee.name} can be called by any thread"
            )
            rest = "which each thread has its own of" if is_local else "and no lock is seen"
            yield rule.finding(
                f"{words}, and changes {name}, {rest}", f"{callee.name}:{name}",
                of_call(function, call, f"{readable(function.name)} calls {callee.name}"),
                of_line(hit.function, hit.line, f"changes {name}"),
            )  # fmt: skip


def _sent(subject: Subject) -> frozenset[str]:
    """Types with `unsafe impl Send`."""
    found = (match for file in subject.sources for match in file.matches(_IMPL))
    return frozenset(
        text_of(each["type"]).split("<")[0]
        for each in found
        if text_of(each["trait"]) == "Send" and text_of(each["item"]).startswith("unsafe")
    )


def _type(function: Function, sent: frozenset[str]) -> str:
    """The type among these that a method belongs to."""
    parts = re.split(r"::|[<> ]", readable(function.name))
    return next((each for each in parts if each in sent), "")


RULE = Rule(
    id="I17",
    title="C keeps state that threads share, or that belongs to one thread",
    severity=Severity.MEDIUM,
    confidence=Confidence.LOW,
    cwe=362,
    page=_PAGE,
    check=_check,
)
