"""The sweep's book-keeping: what a seed stands for, what is run again, what the summary says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine
from experiments.csmith.case import LEVELS, MODES, Case
from experiments.csmith.sweep import Sweep, failed, summary
from experiments.csmith.tools import Tools

if TYPE_CHECKING:
    import pytest

    from experiments.model import Json


def _tools(sources: str = "now") -> Tools:
    versions = {"csmith": "csmith 2.3.0", "clang": "clang version 22.1.8", "sources": sources}
    return Tools("csmith", (), ("clang",), ("galeed-cc",), Path("a"), (), versions)


def _record(seed: int, verdict: str, sources: str = "now") -> dict[str, Json]:
    outcome: dict[str, Json] = {"verdict": verdict, "note": "why", "seconds": {"build": float(seed)}}
    return {"seed": seed, "flags": ["-O1"], "sources": sources, "modes": {"checked": outcome, "lent": outcome}}


def _written(folder: Path, *records: dict[str, Json]) -> Sweep:
    sweep = Sweep(folder, _tools())
    sweep.path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return sweep


def test_a_seed_always_means_the_same() -> None:
    cases = [Case.of(seed, vectors=True) for seed in range(200)]
    assert cases == [Case.of(seed, vectors=True) for seed in range(200)]
    assert {case.flags[0] for case in cases} == set(LEVELS)
    assert any("-mavx2" in case.flags for case in cases)
    assert not any("-mavx2" in Case.of(seed, vectors=False).flags for seed in range(200))
    # Csmith mixes types behind pointers to float: strict aliasing would be undefined behaviour.
    assert all("-fno-strict-aliasing" in case.flags for case in cases if "--float" in case.generator)


def test_what_is_run_again(tmp_path: Path) -> None:
    sweep = _written(
        tmp_path,
        _record(1, "same"),
        _record(2, "different"),
        _record(3, "not built", "before"),
        _record(4, "skipped", "before"),
    )
    # 2 failed under the same sources, 3 under others; 5 was never run.
    assert sweep.missing(range(1, 6)) == [3, 5]


def test_a_line_that_a_stop_cut_off_counts_as_none(tmp_path: Path) -> None:
    sweep = _written(tmp_path, _record(1, "same"))
    with sweep.path.open("a") as file:
        file.write('{"seed": 2, "modes": {"che')
    assert list(sweep.recorded()) == [1]
    assert sweep.missing([1, 2]) == [2]


def test_the_last_record_of_a_seed_counts(tmp_path: Path) -> None:
    sweep = _written(tmp_path, _record(1, "different", "before"), _record(1, "same"))
    assert not failed(sweep.recorded()[1])
    assert sweep.missing([1]) == []


def test_summary() -> None:
    records = [_record(1, "same"), _record(2, "different"), _record(3, "slow", "before")]
    result = summary(records, _tools(), MODES)
    assert (result["programs"], result["judged_by_other_sources"]) == (3, 1)
    modes = result["modes"]
    assert isinstance(modes, dict) and isinstance(modes["lent"], dict)
    assert modes["lent"]["verdicts"] == {"same": 1, "different": 1, "slow": 1}
    assert modes["lent"]["slowest_build_s"] == 3.0
    assert result["failures"] == {"2": "checked: different (why); lent: different (why)"}


def test_asking_a_version_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """csmith --version writes platform.info where it stands."""
    here = tmp_path / "here"
    here.mkdir()
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n: >left\necho tool 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(here)
    assert machine.first_line(str(program)) == "tool 1"
    assert list(here.iterdir()) == []
