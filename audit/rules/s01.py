"""S01: Unsafe code and extern blocks, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.rust.source import is_test
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
How much there is to look at: unsafe blocks, unsafe functions, unsafe impls, foreign functions declared, functions exported to C. Tests are
not counted. No complaint: a number to follow from release to release.
"""

_QUERIES = {
    "unsafe blocks": "(unsafe_block) @it",
    "unsafe functions": '(function_item (function_modifiers "unsafe")) @it',
    "unsafe impls": '(impl_item "unsafe") @it',
    "foreign functions": "(foreign_mod_item body: (declaration_list (function_signature_item) @it))",
    "functions for C": "(function_item (function_modifiers (extern_modifier)) body: (_)) @it",
}


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    counts = dict.fromkeys(_QUERIES, 0)
    seen = []
    for file in subject.sources:
        if file.in_tests:
            continue
        here = {
            what: sum(not is_test(found["it"]) for found in file.matches(query)) for what, query in _QUERIES.items()
        }
        for what, count in here.items():
            counts[what] += count
        if any(here.values()):
            words = ", ".join(f"{count} {what}" for what, count in here.items() if count)
            seen.append(Evidence("rust", words, Location(file.path)))
    if seen:
        yield rule.finding(", ".join(f"{count} {what}" for what, count in counts.items()), "inventory", *seen)


RULE = Rule(
    id="S01",
    title="Unsafe code and extern blocks, counted",
    severity=Severity.METRIC,
    confidence=Confidence.HIGH,
    cwe=0,
    page=_PAGE,
    check=_check,
)
