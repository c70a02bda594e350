"""SARIF 2.1.0, as GitHub's code scanning takes it.

Source files have a region; what lies in a binary has a logical location and no line.
Source: [SARIF]; GitHub's documentation of SARIF support (partialFingerprints, security-severity).
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from audit.files import shown
from audit.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.facts.runs import Seen
    from audit.model import Evidence, Finding, Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.METRIC: "none",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
# GitHub's bands: above 9.0 critical, from 7.0 high, from 4.0 medium.
_SCORES = {
    Severity.METRIC: "0.0",
    Severity.LOW: "2.0",
    Severity.MEDIUM: "5.0",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}


def render(
    findings: Sequence[Finding], rules: Sequence[Rule], notes: Sequence[str], version: str, runs: Sequence[Seen] = ()
) -> str:
    """rules: all that were asked. notes, runs: as notifications of the run; of runs only what is no result."""
    order = {rule.id: at for at, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "galeed-audit",
                "semanticVersion": version,
                "informationUri": "https://crates.io/crates/galeed",
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    *({"level": "warning", "message": {"text": note}} for note in notes),
                    *(_notification(each) for each in runs if not each.rule),
                ],
            }
        ],
        "columnKind": "utf16CodeUnits",
        "results": [_result(each, order[each.rule]) for each in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    tags = ["security", *([f"external/cwe/cwe-{rule.cwe:03}"] if rule.cwe else [])]
    return {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"security-severity": _SCORES[rule.severity], "tags": tags, "precision": _precision(rule)},
    }


def _precision(rule: Rule) -> str:
    return {0: "low", 1: "medium", 2: "high"}[int(rule.confidence)]


def _result(finding: Finding, at: int) -> dict[str, Any]:
    result = {
        "ruleId": finding.rule,
        "ruleIndex": at,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(finding.evidence[0])],
        "relatedLocations": [
            {"id": number, "message": {"text": each.text}, **_location(each)}
            for number, each in enumerate(finding.evidence)
        ],
        "partialFingerprints": {"galeed/v1": finding.fingerprint},
    }
    if finding.state:
        result["baselineState"] = finding.state
    if finding.suppressed:
        result["suppressions"] = [
            {"kind": finding.suppressed_in, "status": "accepted", "justification": finding.suppressed}
        ]
    return result


def _notification(seen: Seen) -> dict[str, Any]:
    found: dict[str, Any] = {
        "level": "error" if seen.kind == "violation" else "note",
        "message": {"text": f"seen in a run: {seen.headline}"},
    }
    if seen.place:
        physical = {"artifactLocation": {"uri": _uri(seen.place[0])}, "region": {"startLine": seen.place[1]}}
        found["locations"] = [{"physicalLocation": physical}]
    return found


def _location(evidence: Evidence) -> dict[str, Any]:
    place = evidence.location
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.artifact)}}
    if place.line is not None:
        region = {"startLine": place.line}
        if place.column is not None:
            region["startColumn"] = place.column
        physical["region"] = region
    elif place.address is not None:
        physical["address"] = {"absoluteAddress": place.address}
    found: dict[str, Any] = {"physicalLocation": physical}
    if place.symbol:
        found["logicalLocations"] = [{"name": place.symbol, "kind": "function"}]
    elif evidence.kind in ("elf", "dwarf", "ir", "process", "run"):  # what has no line has a name at least
        found["logicalLocations"] = [{"name": place.artifact, "kind": "module"}]
    return found


def _uri(artifact: str) -> str:
    """Relative to the working directory where it lies below it, as code scanning wants."""
    name = shown(artifact)
    quoted = quote(os.fsencode(name))  # a name need not be UTF-8
    return f"file://{quoted}" if name.startswith("/") else quoted
