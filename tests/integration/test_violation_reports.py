"""What is told of violations: the published schema, allocation and freeing sites, the hook.

examples/kinds.rs commits a violation of every kind, each caught, on a named thread.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mpk import report
from tests.conftest import Run

pytestmark = pytest.mark.slow

KINDS = ("spatial", "temporal", "forged", "rights", "type", "boundary")
ABORTED = -6


@pytest.fixture(scope="session")
def schema(root: Path) -> dict[str, Any]:
    """What is published."""
    found: dict[str, Any] = json.loads((root / "mpk" / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def lines_of(path: Path, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The report's lines, each held to the schema."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        jsonschema.Draft202012Validator(schema).validate(line)
    return lines


def own_calls(told: dict[str, Any], site: str) -> list[str]:
    """Names of functions of kinds.rs in the site, innermost first."""
    functions = [place.function or "" for _, place in report.site_of(told, site)]
    return [name for name in functions if "kinds" in name]


@pytest.mark.parametrize("level", [None, "off", "sampled", "full"])
def test_every_kind_keeps_to_the_schema(
    crate_programs: dict[str, Path], run: Run, backend: str, tmp_path: Path, schema: dict[str, Any], level: str | None
) -> None:
    path = tmp_path / "report.jsonl"
    outcome = run([crate_programs["kinds"], "kinds"], env={"GALEED_REPORT": str(path), "GALEED_SITES": level})
    assert outcome.code == 0, outcome
    assert "nothing" not in outcome.stdout, outcome
    lines = lines_of(path, schema)
    assert [line["violation"] for line in lines] == [*KINDS, "temporal"]  # the last: freed twice by the host
    assert {line["thread_name"] for line in lines} == {'worker "1"'}
    assert len({line["thread"] for line in lines}) == 1
    assert {line["action"] for line in lines} == {"unwind"}
    if level in (None, "off"):
        assert all(line["allocated"] is None and line["ended"] is None for line in lines)
        assert "\n  allocated" not in outcome.stderr


def test_sites_lead_to_the_source(
    crate_programs: dict[str, Path], run: Run, backend: str, tmp_path: Path, schema: dict[str, Any]
) -> None:
    path = tmp_path / "report.jsonl"
    outcome = run([crate_programs["kinds"], "kinds"], env={"GALEED_REPORT": str(path), "GALEED_SITES": "full"})
    assert outcome.code == 0, outcome
    spatial, temporal, forged, rights, code, boundary, twice = lines_of(path, schema)
    for line in (spatial, temporal, rights, boundary, twice):
        first, second = own_calls(line, "allocated")[:2]
        assert "allocate_here" in first
        assert "violate" in second or line is twice
        assert line["allocated"]["thread"] == line["thread"]
    for line in (temporal, twice):
        assert "free_here" in own_calls(line, "ended")[0]
    for line in (spatial, rights, boundary, forged, code):
        assert line["ended"] is None
    assert forged["allocated"] is None  # nobody allocated that
    words = report.in_words(temporal, *report.locate(temporal))
    allocated, ended = words.split("  ended by thread ")
    assert "allocate_here" in allocated.split("  allocated by thread ")[1].splitlines()[1]
    assert "kinds.rs:" in ended.splitlines()[1]
    assert "free_here" in ended.splitlines()[1]
    assert words.endswith(f'thread {temporal["thread"]} (worker "1")')


def test_a_sampled_site_is_never_another_allocations(
    crate_programs: dict[str, Path], run: Run, backend: str, tmp_path: Path, schema: dict[str, Any]
) -> None:
    path = tmp_path / "report.jsonl"
    env = {"GALEED_REPORT": str(path), "GALEED_SITES": "sampled"}
    outcome = run([crate_programs["kinds"], "sampled"], env=env, timeout_seconds=300)
    assert outcome.code == 0, outcome.stderr[-2000:]
    lines = lines_of(path, schema)
    known = [line for line in lines if line["allocated"]]
    assert len(lines) == 3000
    assert 5 <= len(known) <= 300  # of one in 64 of all allocations, Rust's own in between included
    for line in known:
        where = {48: "allocate_here", 49: "allocate_there"}[line["offset"]]
        assert where in own_calls(line, "allocated")[0]


def test_with_json_each_frame_has_its_place(
    crate_programs: dict[str, Path], run: Run, backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.jsonl"
    run([crate_programs["kinds"], "kinds"], env={"GALEED_REPORT": str(path), "GALEED_SITES": "full"})
    assert report.main([str(path), "--json"]) == 1
    temporal = json.loads(capsys.readouterr().out.splitlines()[1])
    files = [frame["source_file"] or "" for frame in temporal["ended"]["frames"]]
    assert any(file.endswith("examples/kinds.rs") for file in files)


def test_the_hook_is_called_before_the_policy(crate_programs: dict[str, Path], run: Run, backend: str) -> None:
    outcome = run([crate_programs["kinds"], "hook-counts"])
    assert outcome.code == 0, outcome
    lines = outcome.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("hook:")] == list(KINDS)
    assert [line for line in lines if line.startswith("caught")] == [f"caught {kind.title()}: true" for kind in KINDS]
    assert lines[-2:] == ["calls: 6", "after: 8"]
    outcome = run([crate_programs["kinds"], "hook-counts"], env={"GALEED_ON_VIOLATION": "abort"})
    assert outcome.code == ABORTED, outcome
    assert outcome.stdout.startswith("hook: spatial violation in planted: write of 1 bytes at offset 48"), outcome
    assert outcome.stdout.count("\n") == 1


def test_a_panic_in_the_hook_ends_there(crate_programs: dict[str, Path], run: Run, backend: str) -> None:
    outcome = run([crate_programs["kinds"], "hook-panics"])
    assert outcome.code == 0, outcome
    assert outcome.stderr.count("in the hook") == len(KINDS)
    assert outcome.stdout.count(": true") == len(KINDS)
    assert outcome.stdout.endswith("calls: 6\nafter: 8\n")


def test_a_violation_in_the_hook_calls_no_hook(
    crate_programs: dict[str, Path], run: Run, backend: str, tmp_path: Path, schema: dict[str, Any]
) -> None:
    path = tmp_path / "report.jsonl"
    outcome = run([crate_programs["kinds"], "hook-violates"], env={"GALEED_REPORT": str(path)})
    assert outcome.code == ABORTED, outcome
    assert outcome.stdout.count("hook:") == 1
    assert "inside a report hook, with no galeed::catch in it" in outcome.stderr
    assert [line["action"] for line in lines_of(path, schema)] == ["unwind", "abort"]


def test_a_hook_may_catch(crate_programs: dict[str, Path], run: Run, backend: str) -> None:
    outcome = run([crate_programs["kinds"], "hook-catches"], env={"GALEED_SITES": "full"})
    assert outcome.code == 0, outcome
    assert outcome.stdout.count("inner: true") == len(KINDS)
    assert outcome.stdout.endswith("calls: 6\nafter: 8\n")


def test_a_hook_calls_no_foreign_code(crate_programs: dict[str, Path], run: Run, backend: str) -> None:
    outcome = run([crate_programs["kinds"], "hook-calls"])
    assert outcome.code == ABORTED, outcome
    assert "galeed: fatal: a gate inside a report hook" in outcome.stderr
