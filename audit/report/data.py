"""As JSON, with stable keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.facts.runs import Seen
    from audit.model import Evidence, Finding, Location

VERSION = 1


def render(findings: Sequence[Finding], hidden: int, notes: Sequence[str], runs: Sequence[Seen] = ()) -> str:
    """Shape: {"version", "findings": [{"rule", "severity", "confidence", "message", "fingerprint", "state", "suppressed", "evidence":
    [{"kind", "text", "artifact", "line", "column", "address", "symbol"}]}], "hidden", "notes",
    "runs": [{"kind", "violation", "access", "function", "entry", "artifact", "line", "module", "offset", "text", "count", "raw",
    "rule", "evidence_file"}]}. Addresses are
    strings "0x..."; what is unknown is null. state: new, unchanged, absent; null without a baseline. suppressed: the reason."""
    report = {
        "version": VERSION,
        "findings": [_finding(each) for each in findings],
        "hidden": hidden,
        "notes": list(notes),
        "runs": [_seen(each) for each in runs],
    }
    return json.dumps(report, indent=2)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.name.lower(),
        "confidence": finding.confidence.name.lower(),
        "message": finding.message,
        "fingerprint": finding.fingerprint,
        "state": finding.state or None,
        "suppressed": finding.suppressed or None,
        "evidence": [_evidence(each) for each in finding.evidence],
    }


def _seen(seen: Seen) -> dict[str, Any]:
    artifact, line = seen.place or (None, None)
    return {
        "kind": seen.kind,
        "violation": seen.violation or None,
        "access": seen.access or None,
        "function": seen.function or None,
        "entry": seen.entry or None,
        "artifact": artifact,
        "line": line,
        "module": seen.module or None,
        "offset": None if seen.offset is None else f"{seen.offset:#x}",
        "text": seen.text,
        "count": seen.count,
        "raw": seen.is_raw,
        "rule": seen.rule or None,
        "evidence_file": seen.origin,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {"kind": evidence.kind, "text": evidence.text, **_location(evidence.location)}


def _location(location: Location) -> dict[str, Any]:
    return {
        "artifact": location.artifact,
        "line": location.line,
        "column": location.column,
        "address": None if location.address is None else f"{location.address:#x}",
        "symbol": location.symbol,
    }
