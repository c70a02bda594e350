"""The cases, and what makes each of them corrupted, stopped or ok.

Verdicts come from what the program observed (bytes that changed, a digest) and,
for a stop, from the runtime's own report. A crash alone is neither: it is
`failed`, with the reason.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from experiments.model import Json
    from experiments.process import Ending


@dataclass(frozen=True)
class Verdict:
    """status: ok, corrupted, stopped or failed. reason: why it failed; empty otherwise."""

    status: str
    reason: str = ""


@dataclass(frozen=True)
class Expectation:
    """What a case must show. digest: of the honest file. backend: the one it ran on."""

    digest: str
    backend: str


@dataclass(frozen=True)
class Case:
    """One case. arguments: of the program, where FILE stands for the sample."""

    name: str
    arguments: tuple[str, ...]
    undefended: str
    defended: str
    judge_undefended: Callable[[Ending, Expectation], Verdict]
    judge_defended: Callable[[Ending, Expectation], Verdict]


def _failed(reason: str) -> Verdict:
    return Verdict("failed", reason)


def _wrong(line: Mapping[str, Json], wanted: Mapping[str, Json]) -> str:
    """The first field that is not as wanted, in words; empty when all are."""
    for name, value in wanted.items():
        if line.get(name) != value:
            return f"{name} is {line.get(name)!r}, not {value!r}"
    return ""


def _honest(ending: Ending, expected: Expectation) -> Verdict:
    if ending.code != 0:
        return _failed(str(ending))
    if ending.violations:
        return _failed("an honest call was reported as a violation")
    wrong = _wrong(ending.line, {"sha256": expected.digest, "zlib": "1.2.11"})
    return _failed(wrong) if wrong else Verdict("ok")


def _cve_undefended(ending: Ending, _expected: Expectation) -> Verdict:
    changed = ending.line.get("neighbour_changed")
    if not isinstance(changed, int):
        return _failed(f"{ending}, and the witness saw nothing")
    if changed == 0:
        return _failed(f"{ending}, but the neighbour was intact")
    if ending.code not in (-signal.SIGSEGV, 0):
        return _failed(str(ending))
    return Verdict("corrupted")


def _changed(ending: Ending, _expected: Expectation) -> Verdict:
    if ending.code != 0:
        return _failed(str(ending))
    return Verdict("corrupted") if ending.line.get("changed") is True else Verdict("ok")


def _stopped(ending: Ending, line: Mapping[str, Json], violation: Mapping[str, Json]) -> Verdict:
    """Exactly one violation, of this form, caught by the program, which saw nothing change."""
    if ending.line.get("changed") is True or ending.line.get("neighbour_changed"):
        return Verdict("corrupted", "memory had changed")
    if ending.code != 0:
        return _failed(str(ending))
    wrong = _wrong(ending.line, line)
    if wrong:
        return _failed(wrong)
    if not ending.line.get("violation"):
        return _failed("no violation reached the program")
    if len(ending.violations) != 1:
        return _failed(f"{len(ending.violations)} violations in the report, not 1")
    report = ending.violations[0]
    wrong = _wrong(report, violation)
    return _failed(f"violation: {wrong}") if wrong else Verdict("stopped")


def _leased(ending: Ending, bound: int) -> str:
    """Whether the report names a lease with that bound; what is missing, else empty."""
    lease = ending.violations[0].get("lease")
    if not isinstance(lease, dict) or not isinstance(lease.get("index"), int):
        return "violation: no lease is named"
    return "" if lease.get("bound") == bound else f"violation: bound is {lease.get('bound')!r}, not {bound}"


def _spatial(
    line: Mapping[str, Json], function: str, offset: int, bound: int
) -> Callable[[Ending, Expectation], Verdict]:
    def judge(ending: Ending, expected: Expectation) -> Verdict:
        fields = {name: expected.digest if value == "DIGEST" else value for name, value in line.items()}
        report: dict[str, Json] = {
            "violation": "spatial", "access": "write", "function": function, "offset": offset,
        }  # fmt: skip
        verdict = _stopped(ending, fields, report)
        missing = _leased(ending, bound) if verdict.status == "stopped" else ""
        return _failed(missing) if missing else verdict

    return judge


def _boundary(ending: Ending, expected: Expectation) -> Verdict:
    fields: dict[str, Json] = {"changed": False}
    verdict = _stopped(ending, fields, {"violation": "boundary", "access": "write", "backend": expected.backend})
    if verdict.status != "stopped":
        return verdict
    report = ending.violations[0]
    if report.get("address") != ending.line.get("address"):
        return _failed(f"violation: address is {report.get('address')!r}, not {ending.line.get('address')!r}")
    key = report.get("key")
    if expected.backend == "pku" and not (isinstance(key, int) and 1 <= key <= 15):
        return _failed(f"violation: key is {key!r}, not a hardware key")
    return verdict


def _temporal(ending: Ending, _expected: Expectation) -> Verdict:
    fields: dict[str, Json] = {"changed": False, "leaked": False, "kept_worked": True}
    return _stopped(ending, fields, {"violation": "temporal", "function": "planted_use_kept"})


_CVE_LINE: dict[str, Json] = {
    "died": False,
    "neighbour_changed": 0,
    "others_changed": 0,
    "sha256_afterwards": "DIGEST",
}

# Offsets and bounds are those of program/src: the extra buffer holds 64 bytes and
# zlib starts at 65; the record holds 24.
CASES = (
    Case("honest", ("honest", "FILE"), "ok", "ok", _honest, _honest),
    Case("cve-2022-37434", ("cve", "FILE"), "corrupted", "stopped", _cve_undefended,
         _spatial(_CVE_LINE, "inflate", 65, 64)),
    Case("quiet-overflow", ("quiet",), "corrupted", "stopped", _changed,
         _spatial({"changed": False, "filled": 24}, "planted_fill", 24, 24)),
    Case("stale-address", ("stale",), "corrupted", "stopped", _changed, _boundary),
    Case("use-after-free", ("uaf",), "corrupted", "stopped", _changed, _temporal),
)  # fmt: skip
