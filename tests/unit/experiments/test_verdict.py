"""Verdicts of the demo: what counts as corrupted, stopped and ok, and what does not."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from experiments.demo.verdict import CASES, Case, Expectation
from experiments.process import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST = "d" * 64
SEEN: dict[str, dict[str, Any]] = {
    "honest": {"sha256": DIGEST, "zlib": "1.2.11"},
    "cve-2022-37434": {
        "died": False,
        "neighbour_changed": 0,
        "others_changed": 0,
        "violation": "text",
        "sha256_afterwards": DIGEST,
    },
    "quiet-overflow": {"changed": False, "filled": 24, "violation": "text"},
    "stale-address": {"changed": False, "address": "0x200000001000", "violation": "text"},
    "use-after-free": {"changed": False, "leaked": False, "kept_worked": True, "violation": "text"},
}
REPORTED: dict[str, dict[str, Any]] = {
    "cve-2022-37434": {
        "violation": "spatial",
        "access": "write",
        "function": "inflate",
        "offset": 65,
        "lease": {"index": 7, "bound": 64},
    },
    "quiet-overflow": {
        "violation": "spatial",
        "access": "write",
        "function": "planted_fill",
        "offset": 24,
        "lease": {"index": 7, "bound": 24},
    },
    "stale-address": {
        "violation": "boundary",
        "access": "write",
        "backend": "pku",
        "address": "0x200000001000",
        "key": 3,
    },
    "use-after-free": {"violation": "temporal", "function": "planted_use_kept"},
}
EXPECTED = Expectation(DIGEST, "pku")


def case(name: str) -> Case:
    return next(one for one in CASES if one.name == name)


def ending(name: str, code: int | None = 0) -> Ending:
    """The defended run as it should be."""
    report = (REPORTED[name],) if name in REPORTED else ()
    return Ending(code, SEEN[name], report, Path("stderr"))


@pytest.mark.parametrize("name", [one.name for one in CASES])
def test_defended_as_it_should_be(name: str) -> None:
    verdict = case(name).judge_defended(ending(name), EXPECTED)
    assert verdict.status == case(name).defended, verdict.reason


def _without_report(good: Ending) -> Ending:
    return dataclasses.replace(good, violations=())


def _twice(good: Ending) -> Ending:
    return dataclasses.replace(good, violations=good.violations * 2)


def _crash(good: Ending) -> Ending:
    return dataclasses.replace(good, code=-signal.SIGSEGV)


def _no_end(good: Ending) -> Ending:
    return dataclasses.replace(good, code=None)


def _other_kind(good: Ending) -> Ending:
    return dataclasses.replace(good, violations=({**good.violations[0], "violation": "forged"},))


def _unnoticed(good: Ending) -> Ending:
    return dataclasses.replace(good, line={**good.line, "violation": None})


@pytest.mark.parametrize("spoil", [_without_report, _twice, _crash, _no_end, _other_kind, _unnoticed])
@pytest.mark.parametrize("name", list(REPORTED))
def test_a_crash_or_half_a_report_is_no_stop(name: str, spoil: Callable[[Ending], Ending]) -> None:
    verdict = case(name).judge_defended(spoil(ending(name)), EXPECTED)
    assert verdict.status == "failed"
    assert verdict.reason


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cve-2022-37434", {"neighbour_changed": 1}),
        ("quiet-overflow", {"changed": True}),
        ("stale-address", {"changed": True}),
        ("use-after-free", {"changed": True}),
    ],
)
def test_changed_memory_is_corrupted_whatever_was_reported(name: str, change: dict[str, Any]) -> None:
    spoilt = dataclasses.replace(ending(name), line={**SEEN[name], **change})
    assert case(name).judge_defended(spoilt, EXPECTED).status == "corrupted"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cve-2022-37434", {"others_changed": 3}),
        ("cve-2022-37434", {"sha256_afterwards": "0"}),
        ("quiet-overflow", {"filled": 23}),
        ("use-after-free", {"leaked": True}),
        ("honest", {"sha256": "0"}),
        ("honest", {"zlib": "1.3.1"}),
    ],
)
def test_what_the_program_saw_counts(name: str, change: dict[str, Any]) -> None:
    spoilt = dataclasses.replace(ending(name), line={**SEEN[name], **change})
    verdict = case(name).judge_defended(spoilt, EXPECTED)
    assert verdict.status == "failed"
    assert next(iter(change)) in verdict.reason


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cve-2022-37434", {"function": "inflateInit2_"}),
        ("cve-2022-37434", {"lease": None}),
        ("cve-2022-37434", {"lease": {"index": 7, "bound": 63}}),
        ("quiet-overflow", {"offset": 23}),
        ("stale-address", {"address": "0x0"}),
        ("stale-address", {"key": None}),
        ("stale-address", {"key": 0}),
        ("stale-address", {"backend": "mprotect"}),
    ],
)
def test_what_the_report_names_counts(name: str, change: dict[str, Any]) -> None:
    good = ending(name)
    spoilt = dataclasses.replace(good, violations=({**good.violations[0], **change},))
    assert case(name).judge_defended(spoilt, EXPECTED).status == "failed"


def test_mprotect_has_no_key_to_name() -> None:
    report = {**REPORTED["stale-address"], "backend": "mprotect", "key": None}
    good = dataclasses.replace(ending("stale-address"), violations=(report,))
    verdict = case("stale-address").judge_defended(good, Expectation(DIGEST, "mprotect"))
    assert verdict.status == "stopped", verdict.reason


@pytest.mark.parametrize(
    ("line", "code", "status"),
    [
        ({"died": True, "neighbour_changed": 49}, -signal.SIGSEGV, "corrupted"),
        ({"died": True, "neighbour_changed": 0}, -signal.SIGSEGV, "failed"),
        ({}, -signal.SIGSEGV, "failed"),
        ({"died": True, "neighbour_changed": 49}, -signal.SIGABRT, "failed"),
    ],
)
def test_undefended_corruption_is_shown_not_inferred(line: dict[str, Any], code: int, status: str) -> None:
    verdict = case("cve-2022-37434").judge_undefended(Ending(code, line, (), Path("stderr")), EXPECTED)
    assert verdict.status == status


def test_an_attack_that_does_nothing_undefended_is_not_corrupted() -> None:
    for name in ("quiet-overflow", "stale-address", "use-after-free"):
        harmless = Ending(0, {"changed": False}, (), Path("stderr"))
        assert case(name).judge_undefended(harmless, EXPECTED).status == "ok" != case(name).undefended


def test_honest_with_a_violation_is_not_ok() -> None:
    noisy = dataclasses.replace(ending("honest"), violations=({"violation": "spatial"},))
    assert case("honest").judge_defended(noisy, EXPECTED).status == "failed"
