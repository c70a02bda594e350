"""Rules over a subject."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from audit.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from audit.model import Finding, Rule
    from audit.subject import Subject


_QUIET_SECONDS = 2.0


def findings(
    subject: Subject, rules: Iterable[Rule] = RULES, say: Callable[[str], None] | None = None
) -> list[Finding]:
    """Worst first; each thing once, whichever input showed it. say: told how far it is, where that takes long."""
    found: dict[tuple[str, str], Finding] = {}
    asked = list(rules)
    start = time.monotonic()
    for number, rule in enumerate(asked, 1):
        if say is not None and time.monotonic() - start > _QUIET_SECONDS:
            say(f"rule {rule.id}, {number} of {len(asked)}; {len(found)} findings so far")
        for finding in rule.check(rule, subject):
            found.setdefault((finding.fingerprint, finding.location.artifact), finding)
    return sorted(found.values(), key=lambda each: each.order)
