"""Workflow commands of GitHub Actions: an annotation for each finding that is not known and not suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.facts.runs import Seen
    from audit.model import Finding

_COMMANDS = {
    Severity.METRIC: "notice",
    Severity.LOW: "notice",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}


def render(findings: Sequence[Finding], notes: Sequence[str], runs: Sequence[Seen] = ()) -> str:
    lines = [_line(each) for each in findings if each.state not in ("unchanged", "absent") and not each.suppressed]
    lines += [_run(each) for each in runs if not each.rule]
    lines += [f"::warning title=galeed-audit::{_data(note)}" for note in notes]
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    place = finding.location
    words = [f"file={_property(place.artifact)}"]
    if place.line is not None:
        words.append(f"line={place.line}")
    words.append(f"title={_property(finding.rule)}")
    return f"::{_COMMANDS[finding.severity]} {','.join(words)}::{_data(finding.message)}"


def _run(seen: Seen) -> str:
    """What a run showed and is no finding."""
    place = f"file={_property(seen.place[0])},line={seen.place[1]}," if seen.place else ""
    command = "error" if seen.kind == "violation" else "notice"
    return f"::{command} {place}title=seen in a run::{_data(seen.headline)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
