"""What was known at an earlier audit: findings are marked by it, and never dropped.

A finding is matched by its fingerprint (rule and key, no lines), as often as the baseline has it: of two alike where one was
known, one is new. What the baseline has and the audit has not is kept as absent, if its rule was asked.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import AuditError
from audit.model import Confidence, Evidence, Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

VERSION = 1
_MOST_BYTES = 64 << 20


def written(findings: Iterable[Finding]) -> str:
    """JSON: {"version", "findings": [{"rule", "severity", "confidence", "message", "key", "artifact"}]}, in order. Counts
    (severity metric) are no findings, and what is absent is gone."""
    rows = [
        {
            "rule": each.rule,
            "severity": each.severity.name.lower(),
            "confidence": each.confidence.name.lower(),
            "message": each.message,
            "key": each.key,
            "artifact": each.location.artifact,
        }
        for each in findings
        if each.severity is not Severity.METRIC and each.state != "absent"
    ]
    rows.sort(key=lambda row: (row["rule"], row["artifact"], row["key"], row["message"]))
    return json.dumps({"version": VERSION, "findings": rows}, indent=2)


def read(path: Path) -> list[Finding]:
    """Raises AuditError, in one line, for what is no baseline."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise AuditError(f"{path}: longer than {_MOST_BYTES >> 20} MiB: no baseline")
        given = json.loads(data)
        if given["version"] != VERSION:
            raise AuditError(f"{path}: a baseline of version {given['version']!r}; this is version {VERSION}")
        return [_finding(row) for row in given["findings"]]
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}; --write-baseline FILE makes one") from error
    except json.JSONDecodeError as error:
        raise AuditError(f"{path}:{error.lineno}: no JSON: {error.msg}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise AuditError(f"{path}: no baseline of galeed-audit; --write-baseline FILE makes one") from error


def _finding(row: dict[str, Any]) -> Finding:
    words = [row[name] for name in ("rule", "message", "key", "artifact")]
    if not all(isinstance(word, str) for word in words):
        raise TypeError("words")
    rule, message, key, artifact = words
    seen = Evidence("run", "in the baseline, and not found", Location(artifact))
    severity, confidence = Severity[row["severity"].upper()], Confidence[row["confidence"].upper()]
    return Finding(rule, severity, confidence, message, key, (seen,))


def marked(findings: Iterable[Finding], known: Iterable[Finding], asked: Collection[str]) -> list[Finding]:
    """The findings with their state, and what is absent, in the order of findings. asked: the rules that were."""
    left: dict[str, list[Finding]] = {}
    for each in known:
        left.setdefault(each.fingerprint, []).append(each)
    taken: Counter[str] = Counter()
    result = []
    for each in findings:
        if each.severity is Severity.METRIC:
            result.append(each)
            continue
        old = taken[each.fingerprint] < len(left.get(each.fingerprint, ()))
        taken[each.fingerprint] += 1
        result.append(replace(each, state="unchanged" if old else "new"))
    for mark, rows in left.items():
        result += [replace(each, state="absent") for each in rows[taken[mark] :] if each.rule in asked]
    return sorted(result, key=lambda each: each.order)
