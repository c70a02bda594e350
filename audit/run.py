"""Rules over a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit.model import Finding, Rule
    from audit.subject import Subject


def findings(subject: Subject, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """Worst first; each thing once, whichever input showed it."""
    found: dict[tuple[str, str], Finding] = {}
    for rule in rules:
        for finding in rule.check(rule, subject):
            found.setdefault((finding.fingerprint, finding.location.artifact), finding)
    return sorted(found.values(), key=lambda each: each.order)
