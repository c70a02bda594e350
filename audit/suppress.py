"""What people have looked at and allowed: in the source beside it, or in the configuration. Never without a reason.

In source, on the line of a finding or in the comments directly above it:

    // galeed-audit: allow(S07, S09): the input was checked by the caller

A suppressed finding stays in the report, marked, and does not fail the command.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from audit.files import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from audit.config import Allowed
    from audit.model import Finding
    from audit.subject import Subject

_COMMENT = re.compile(rb"(?:///?|/\*|#).*?galeed-audit:\s*(.*)$")
_ALLOW = re.compile(r"allow\(\s*([^()]*?)\s*\)\s*(?::\s*(.*?))?\s*(?:\*/\s*)?$")
# Between a comment and what it is about: other comments, attributes.
_ABOVE = re.compile(rb"\s*(//|/\*|\*|#\[|#!\[)")
_MOST_BYTES = 16 << 20


def applied(
    findings: Iterable[Finding],
    subject: Subject,
    allowed: Iterable[Allowed],
    ids: Collection[str],
    asked: Collection[str],
) -> list[Finding]:
    """The same findings, with the reasons of those that are suppressed. ids: all rules there are; asked: those that
    ran. A comment that means nothing or suppresses nothing becomes a note of the subject."""
    texts = {file.path: file.text for file in subject.sources}
    lines = {path: _lines(text) for path, text in texts.items()}
    for path, rows in lines.items():
        subject.notes += [
            f"{path}:{at}: {problem}" for at, row in enumerate(rows, 1) if (problem := _problem(row, ids))
        ]
    found: list[Finding] = []
    used: set[tuple[str, int, str]] = set()
    for each in findings:
        if reason := _configured(each, allowed):
            found.append(replace(each, suppressed=reason))
            continue
        beside: tuple[int, str] | None = None
        if each.location.line is not None and each.state != "absent":
            artifact = each.location.artifact
            if artifact not in lines:
                lines[artifact] = _lines(_read(artifact))
            beside = _beside(each.rule, each.location.line, lines[artifact])
        if beside is None:
            found.append(each)
            continue
        used.add((each.location.artifact, beside[0], each.rule))
        found.append(replace(each, suppressed=beside[1], suppressed_in="inSource"))
    subject.notes += _unused(lines, used, asked)
    return found


def _unused(lines: dict[str, list[bytes]], used: set[tuple[str, int, str]], asked: Collection[str]) -> Iterator[str]:
    """Comments that no finding needs. Only for rules that judge by source alone: whether another finds anything there
    depends on what else was given, a build for example."""
    for path, rows in lines.items():
        for at, row in enumerate(rows, 1):
            match = _ALLOW.match(_said(row) or "")
            if match is None or not match[2]:
                continue
            for rule in _rules(match[1]):
                if rule in asked and rule.startswith("S") and (path, at, rule) not in used:
                    yield f"{path}:{at}: allow({rule}) is not needed: nothing is found here"


def _lines(text: bytes) -> list[bytes]:
    return text.split(b"\n") if b"galeed-audit:" in text else []


def _read(artifact: str) -> bytes:
    """C source that debug information names, if it is here."""
    path = Path(artifact)
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size < _MOST_BYTES else b""
    except (OSError, ValueError):
        return b""


def _said(line: bytes) -> str | None:
    match = _COMMENT.search(line)
    return None if match is None else match[1].decode(errors="replace").strip()


def _rules(words: str) -> list[str]:
    return [word.strip().upper() for word in words.split(",")]


def _problem(line: bytes, ids: Collection[str]) -> str:
    said = _said(line)
    if said is None:
        return ""
    match = _ALLOW.match(said)
    if match is None:
        return f"'galeed-audit: {said[:60]}' means nothing; right is allow(S07): why"
    unknown = [each for each in _rules(match[1]) if each not in ids]
    if unknown:
        return f"allow({match[1]}): there is no rule {unknown[0]}"
    if not match[2]:
        return f"allow({match[1]}) gives no reason, and allows nothing; right is allow({match[1]}): why"
    return ""


def _beside(rule: str, line: int, lines: list[bytes]) -> tuple[int, str] | None:
    """The line and the reason of the comment that allows it."""
    if not 0 < line <= len(lines):
        return None
    places = [line]
    while places[-1] > 1 and _ABOVE.match(lines[places[-1] - 2]):
        places.append(places[-1] - 1)
    for at in places:
        match = _ALLOW.match(_said(lines[at - 1]) or "")
        if match is not None and match[2] and rule in _rules(match[1]):
            return at, match[2]
    return None


def _configured(finding: Finding, allowed: Iterable[Allowed]) -> str:
    for each in allowed:
        if any(fnmatchcase(finding.rule, rule) for rule in each.rules) and any(
            fnmatchcase(shown(finding.location.artifact), path) for path in each.paths
        ):
            return each.reason
    return ""
