"""As one HTML file that needs nothing beside it: the boundary map first, then the findings.

Invariant: every word that came from an input is escaped; nothing is fetched, and without JavaScript all is there to read
(the filters alone need it).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from html import escape
from typing import TYPE_CHECKING

from audit.model import Severity
from audit.report.html_style import SCRIPT, STYLE
from audit.report.text import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.facts.runs import Seen
    from audit.facts.rust.boundary import Boundary, Drawn
    from audit.model import Finding

_MOST_NAMES = 200
_MOST_ROWS = 500


def render(
    findings: Sequence[Finding],
    hidden: int,
    drawn: Drawn,
    notes: Sequence[str],
    version: str,
    runs: Sequence[Seen] = (),
) -> str:
    """hidden: how many were left out for their confidence."""
    line = escape(summary(findings, hidden, len(notes), len(runs)))
    parts = [
        f"<header><h1>galeed-audit</h1><p>{line}</p>{_tiles(findings)}</header>",
        _map(findings, drawn),
        _findings(findings),
        _runs(runs),
        _pointers(drawn),
        _notes(notes),
        f"<footer>galeed-audit {escape(version)}</footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>galeed-audit</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + f"\n<script>{SCRIPT}</script></body></html>"
    )


def _name(severity: Severity) -> str:
    return severity.name.lower()


def _is_live(finding: Finding) -> bool:
    return finding.state != "absent" and not finding.suppressed and finding.severity is not Severity.METRIC


def _tiles(findings: Sequence[Finding]) -> str:
    counts = Counter(each.severity for each in findings if _is_live(each))
    tiles = "".join(
        f'<div class="tile {_name(each)}"><b>{counts[each]}</b>{_name(each)}</div>'
        for each in sorted(Severity, reverse=True)
        if each is not Severity.METRIC
    )
    return f'<div class="tiles">{tiles}</div>'


def _badges(findings: Sequence[Finding]) -> str:
    counts = Counter(each.severity for each in findings if _is_live(each))
    return " ".join(
        f'<span class="badge {_name(each)}">{counts[each]} {_name(each)}</span>'
        for each in sorted(counts, reverse=True)
    )


def _map(findings: Sequence[Finding], drawn: Drawn) -> str:
    about: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        about[each.location.artifact].append(each)
    shown = [each for each in drawn.files if not each.is_empty or about.get(each.path)]
    shown.sort(key=lambda each: (-len(about.get(each.path, ())), each.path))
    most = max((_weight(each) for each in shown), default=1) or 1
    rows = [_row(each, about.get(each.path, []), most) for each in shown[:_MOST_ROWS]]
    rows += [
        f"<tr><td><code>{escape(path)}</code></td><td>binary</td><td>{exports} exported</td><td></td>"
        f"<td>{_badges(about.get(path, []))}</td></tr>"
        for path, exports in drawn.binaries[:_MOST_ROWS]
    ]
    left = max(len(shown) - _MOST_ROWS, 0) + max(len(drawn.binaries) - _MOST_ROWS, 0)
    more = f"<p>and {left} more</p>" if left else ""
    if not rows:
        return '<section id="map"><h2>Boundary</h2><p>Nothing crosses in what was read.</p></section>'
    return (
        '<section id="map"><h2>Boundary</h2><p>Where Rust and C meet, file by file: what is declared of C, '
        "called in C, and open to C.</p>"
        "<table><thead><tr><th>file</th><th>declares</th><th>calls</th><th>open to C</th><th>findings</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{more}</section>"
    )


def _weight(each: Boundary) -> int:
    return len(each.declared) + len(each.called) + len(each.exported)


def _row(each: Boundary, findings: Sequence[Finding], most: int) -> str:
    width = max(2, round(100 * _weight(each) / most))
    calls = [f"{name} ({count})" if count > 1 else name for name, count in sorted(each.called.items())]
    return (
        f'<tr><td><code>{escape(each.path)}</code><div class="bar" style="width:{width}%"></div></td>'
        f"<td>{_names(list(each.declared))}</td><td>{_names(calls)}</td><td>{_names(list(each.exported))}</td>"
        f"<td>{_badges(findings)}</td></tr>"
    )


def _names(names: Sequence[str]) -> str:
    if not names:
        return ""
    words = ", ".join(escape(each) for each in names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    if len(names) <= 3 and sum(map(len, names)) < 60:
        return f"<code>{words}</code>"
    return f"<details><summary>{len(names)}</summary><code>{words}</code>{more}</details>"


def _pointers(drawn: Drawn) -> str:
    takers: dict[str, set[str]] = defaultdict(set)
    for file in drawn.files:
        for name, types in file.declared.items():
            for each in types:
                takers[each].add(name)
    if not takers:
        return ""
    ranked = sorted(takers.items(), key=lambda row: (-len(row[1]), row[0]))
    rows = "".join(
        f"<tr><td><code>{escape(kind)}</code></td><td>{len(names)}</td><td>{_names(sorted(names))}</td></tr>"
        for kind, names in ranked[:_MOST_ROWS]
    )
    more = f"<p>and {len(ranked) - _MOST_ROWS} more types</p>" if len(ranked) > _MOST_ROWS else ""
    return (
        '<section id="pointers"><h2>Pointers that cross</h2><table><thead><tr><th>type</th><th>functions</th>'
        f"<th></th></tr></thead><tbody>{rows}</tbody></table>{more}</section>"
    )


def _findings(findings: Sequence[Finding]) -> str:
    rules = sorted({each.rule for each in findings})
    severities = sorted({each.severity for each in findings}, reverse=True)
    boxes = "".join(
        f'<label><input type="checkbox" checked data-severity="{_name(each)}">{_name(each)}</label>'
        for each in severities
    )
    choices = "".join(f"<option>{escape(each)}</option>" for each in rules)
    controls = (
        f'<form id="filter" hidden>{boxes}<label>rule <select><option value="">all</option>{choices}</select></label>'
        "</form>"
    )
    body = "".join(_article(each) for each in findings) or "<p>None.</p>"
    return f'<section id="findings"><h2>Findings</h2>{controls}{body}</section>'


def _article(each: Finding) -> str:
    marks: list[str] = [each.state] if each.state else []
    marks += [f"suppressed: {each.suppressed}"] if each.suppressed else []
    said = "".join(f'<span class="mark">{escape(mark)}</span>' for mark in marks)
    rows = "".join(
        f"<li><code>{escape(str(seen.location))}</code> {escape(seen.text)}</li>" for seen in each.evidence[:50]
    )
    more = f"<li>and {len(each.evidence) - 50} more</li>" if len(each.evidence) > 50 else ""
    quiet = " quiet" if not _is_live(each) else ""
    return (
        f'<article class="{_name(each.severity)}{quiet}" data-severity="{_name(each.severity)}" '
        f'data-rule="{escape(each.rule)}"><h3><span class="badge {_name(each.severity)}">{_name(each.severity)}</span> '
        f"<b>{escape(each.rule)}</b> {escape(each.message)} {said}</h3>"
        f'<p class="sure">confidence {each.confidence.name.lower()}</p><ul>{rows}{more}</ul></article>'
    )


def _runs(runs: Sequence[Seen]) -> str:
    if not runs:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each.violation or each.kind)}</td><td><code>{escape(each.where)}</code></td><td>{escape(each.text)}</td>"
        f"<td>{each.count}</td><td>{escape(each.rule)}</td></tr>"
        for each in runs[:_MOST_ROWS]
    )
    left = len(runs) - _MOST_ROWS
    more = f"<p>and {left} more</p>" if left > 0 else ""
    return (
        '<section id="runs"><h2>Seen in a run</h2><table><thead><tr><th>what</th><th>where</th><th></th><th>times</th>'
        f"<th>finding</th></tr></thead><tbody>{rows}</tbody></table>{more}</section>"
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    rows = "".join(f"<li>{escape(each)}</li>" for each in notes)
    return f'<section id="notes"><h2>Not judged whole</h2><ul>{rows}</ul></section>'
