"""The crate `galeed`, tested by cargo on each backend and with both foreign rights,
and what only a process of its own can show: what happens at the end of it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = pytest.mark.slow

TESTS = (
    "accessors",
    "membrane",
    "shadow",
    "shadow_model",
    "stack",
    "sharing",
    "violations",
    "unwinding",
    "report",
    "threads",
    "fork_start",
    "registers",
    "typed",
    "typed_pointers",
    "typed_serve",
    "serve",
    "serve_raw",
    "serve_library",
    "serve_differential",
)


@pytest.fixture(scope="session")
def programs(crate_programs: dict[str, Path]) -> dict[str, Path]:
    """The crate's test programs, by name."""
    return crate_programs


@pytest.mark.parametrize("rights", ["none", "read"])
def test_the_crates_own_tests(programs: dict[str, Path], run: Run, backend: str, rights: str) -> None:
    for name in TESTS:
        outcome = run([programs[name]], env={"GALEED_FOREIGN_RIGHTS": rights}, timeout_seconds=300)
        assert outcome.code == 0, f"{name} on {backend}: {outcome}"
        assert " 0 passed" not in outcome.stdout


def test_a_guards_pointer_without_a_gate_is_told(programs: dict[str, Path], run: Run, backend: str) -> None:
    outcome = run([programs["ungated"]])
    assert outcome.code == -6, outcome
    assert "survived" not in outcome.stdout
    assert "a pseudo-pointer was used as an address by host code, or by C that no gate called" in outcome.stderr
    assert "build the program by cargo galeed" in outcome.stderr


def test_the_default_policy_aborts_with_a_report(
    programs: dict[str, Path], run: Run, backend: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    outcome = run([programs["overflow"]], env={"GALEED_REPORT": str(report)})
    assert outcome.code == -6, outcome
    assert "survived" not in outcome.stdout
    lines = report.read_text().splitlines()
    assert len(lines) == 1
    violation = json.loads(lines[0])
    assert violation["violation"] == "spatial"
    assert violation["access"] == "write"
    assert violation["function"] == "planted"
    assert violation["offset"] == 64
    assert violation["lease"]["bound"] == 64
    assert violation["allocation"]["bytes"] == 64
    assert violation["backend"] == backend
    assert violation["action"] == "abort"
    assert "spatial" in outcome.stderr


def test_a_program_with_another_allocator_is_refused_at_its_first_gate(
    programs: dict[str, Path], run: Run, backend: str
) -> None:
    outcome = run([programs["other_allocator"]])
    assert outcome.code == -6, outcome
    assert "#[global_allocator]" in outcome.stderr
    assert "static HEAP: galeed::Heap = galeed::Heap;" in outcome.stderr
    assert "entered" not in outcome.stdout
