"""For people: findings, worst first, each with its evidence; what could not be read at the end.

Invariant: no name or message that an input brings ends a line or reaches the terminal as a command.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from audit.model import Severity
from mpk.scanner.command import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.facts.runs import Seen
    from audit.model import Finding

_MOST_EVIDENCE = 5


def render(findings: Sequence[Finding], hidden: int, notes: Sequence[str], runs: Sequence[Seen] = ()) -> str:
    """hidden: how many were left out for their confidence. runs: what real runs showed."""
    lines: list[str] = []
    for each in findings:
        lines.append(f"{each.severity.name.lower():8} {each.rule}  {each.message}{_mark(each)}")
        for seen in each.evidence[:_MOST_EVIDENCE]:
            lines.append(f"    {seen.location}: {seen.text}")
        if len(each.evidence) > _MOST_EVIDENCE:
            lines.append(f"    and {len(each.evidence) - _MOST_EVIDENCE} more")
    lines += [f"run      {each.headline}" for each in runs]
    lines += [f"note     {note}" for note in notes]
    lines.append(summary(findings, hidden, len(notes), len(runs)))
    return "\n".join(map(printable, lines))


def _mark(finding: Finding) -> str:
    words = [f"suppressed: {finding.suppressed}"] if finding.suppressed else []
    words += [finding.state] if finding.state else []
    return f" [{'; '.join(words)}]" if words else ""


def summary(findings: Sequence[Finding], hidden: int, notes: int, seen: int = 0) -> str:
    """One line."""
    there = [each for each in findings if each.severity is not Severity.METRIC and each.state != "absent"]
    counts = Counter(each.severity for each in there)
    total = sum(counts.values())
    parts = [f"{counts[severity]} {severity.name.lower()}" for severity in sorted(counts, reverse=True)]
    text = f"{total} finding{'s' * (total != 1)}" + (f": {', '.join(parts)}" if parts else "")
    for state in ("new", "unchanged", "absent"):
        number = sum(each.state == state for each in findings)
        if number:
            text += f"; {number} {'gone since the baseline' if state == 'absent' else state}"
    if suppressed := sum(bool(each.suppressed) for each in there):
        text += f"; {suppressed} suppressed"
    if seen:
        text += f"; {seen} place{'s' * (seen != 1)} seen in a run"
    if hidden:
        text += f"; {hidden} of low confidence not shown (--confidence low)"
    if notes:
        text += f"; {notes} note{'s' * (notes != 1)}: what could not be judged, or means nothing"
    return text
