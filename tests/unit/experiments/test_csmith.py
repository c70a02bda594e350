"""The sweep's book-keeping: what a seed stands for, what is run again, what the summary says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from experiments import machine
from experiments.csmith import reduce
from experiments.csmith.case import LEVELS, MODES, Case
from experiments.csmith.sweep import Sweep, failed, recorded_sweep, summary
from experiments.csmith.tools import Tools
from experiments.model import LabError

if TYPE_CHECKING:
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


def test_a_sweep_stops_by_the_clock_and_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(tmp_path, _tools())
    monkeypatch.setattr("experiments.csmith.sweep.ProcessPoolExecutor", _Here)
    monkeypatch.setattr(
        "experiments.csmith.sweep._one", lambda seed, *_: _record(seed, "skipped" if seed == 2 else "same")
    )
    sweep.run(range(1, 4), 1, lambda _: None)
    assert sorted(sweep.recorded()) == [1, 2, 3]
    sweep.run(range(1, 9), 1, lambda _: None, seconds=0)
    assert sorted(sweep.recorded()) == [1, 2, 3]
    sweep.run(range(1, 9), 2, lambda _: None, seconds=600)
    assert sorted(sweep.recorded()) == list(range(1, 9))
    facts: dict[str, Json] = {"cpu": "c", "pku": False, "date": "d", "load_1min": 3.0}
    kept = recorded_sweep([sweep.recorded()[seed] for seed in (1, 2, 3)], _tools(), facts)
    assert kept["seeds"] == {"first": 1, "last": 3, "judged": 3}
    assert kept["modes"] == {mode: {"same": 2, "skipped": 1} for mode in MODES}
    assert kept["skipped"] == {f"{mode}: why": 1 for mode in MODES}
    assert kept["machine"] == {"cpu": "c", "pku": False, "date": "d"}
    assert "slowest" not in json.dumps(kept)


class _Here(ThreadPoolExecutor):
    """In place of processes."""

    def __init__(self, workers: int, *_: object) -> None:
        super().__init__(workers)


def test_what_a_sweep_kept_is_found_again(tmp_path: Path) -> None:
    (tmp_path / "lent.txt").write_text("-O1 -mavx2 -w\ndifferent: 3 / 4\n")
    assert reduce._failure(tmp_path) == (tmp_path / "program.c", ["-O1", "-mavx2"], "lent", "different")
    with pytest.raises(LabError, match="holds no failure"):
        reduce._failure(tmp_path / "lent.txt")


def test_only_defined_programs_are_reduced_further(tmp_path: Path) -> None:
    """A smaller program that overflows or reads what was never set would differ for reasons of its own."""
    source = tmp_path / "program.c"
    for text, sound in (
        ("int main(void) { return 0; }", True),
        ("int main(void) { return 1; }", False),
        ("int main(int n, char **v) { (void)v; return n + 2147483647 > 0 ? 0 : 0; }", False),
        ("int main(void) { int n; return n; }", False),
        ("int main(void) { return missing(); }", False),
    ):
        source.write_text(text)
        assert reduce.is_defined(source, tmp_path) is sound, text
