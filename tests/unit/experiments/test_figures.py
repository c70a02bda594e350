"""Figures, micro-benchmark series and timing sums: arithmetic and honesty about what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import machine, process
from experiments.bench import experiment as bench
from experiments.bench.figures import Figure, as_table
from experiments.demo import timing
from experiments.micro.collect import OPERATIONS, SHAPES, Key, collect, medians, ratio
from experiments.micro.plot import box_plot
from experiments.model import LabError, Options


@pytest.mark.parametrize(
    ("value", "goal", "at_most", "status"),
    [
        (1.4, 1.5, True, "met"),
        (1.5, 1.5, True, "met"),
        (1.51, 1.5, True, "not met"),
        (60_000.0, 50_000.0, False, "met"),
        (40_000.0, 50_000.0, False, "not met"),
        (None, 1.5, True, "unavailable"),
        (7.0, None, True, "measured"),
    ],
)
def test_status(value: float | None, goal: float | None, at_most: bool, status: str) -> None:
    figure = Figure("name", "pku", value, goal, at_most=at_most)
    assert figure.status == status
    assert figure.as_object()["status"] == status
    assert status in as_table([figure])


def test_a_value_that_is_missing_is_null_not_zero() -> None:
    assert Figure("name", "pku", None, 1.5).as_object()["value"] is None


def test_bench_refuses_an_emulated_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "emulated", lambda: True)
    monkeypatch.setattr(bench, "need_tools", lambda: None)
    options = Options(tmp_path, ("mprotect",), build=False, say=lambda _line: None)
    with pytest.raises(LabError, match="emulated"):
        bench.run(options)


def test_ratios_are_taken_between_medians() -> None:
    wall = {"plain": [10.0, 30.0, 20.0], "clang": [10.0, 10.0, 400.0], "galeed": [50.0, 40.0, 30.0]}
    user = {"plain": [8.0, 12.0], "clang": [9.0, 9.0], "galeed": [10.0, 20.0]}
    summed = timing.summary({way: timing.Times(wall[way], user[way]) for way in wall}, 1000)
    assert summed["ratio_of_user_time"] == 1.5
    assert summed["ratio_to_plain"] == 2.0
    assert summed["ratio_to_same_clang"] == 4.0


def _program(folder: Path, factor: float) -> Path:
    """A stand-in executable that prints series in the micro program's form."""
    series = [
        {"memory": memory, "shape": shape, "operation": operation, "ns": [factor * scale, factor * scale]}
        for scale, memory in ((1, "own"), (2, "large"), (50, "small"))
        for shape in SHAPES
        for operation in OPERATIONS
    ]
    path = folder / f"micro-{factor}"
    path.write_text(f"#!/bin/sh\necho '{json.dumps({'series': series})}'\n")
    path.chmod(0o755)
    return path


def test_micro_series_go_to_the_right_variants(tmp_path: Path) -> None:
    executables = {"clang": _program(tmp_path, 1.0), "galeed": _program(tmp_path, 10.0)}
    options = Options(tmp_path, ("mprotect",), build=False, say=lambda _line: None)
    samples = collect(executables, "mprotect", options, rounds=3)
    assert {len(values) for values in samples.values()} == {6}
    middle = medians(samples)
    expected = {"raw": 2.0, "gate": 10.0, "mapped": 20.0, "private": 500.0}
    for variant, value in expected.items():
        key = Key("mprotect", "loop", "read", variant)
        assert middle[key] == value
        assert ratio(middle, key) == value / 2
    box_plot(samples, ["mprotect"], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_program_that_fails_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "micro"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    options = Options(tmp_path, ("mprotect",), build=False, say=lambda _line: None)
    with pytest.raises(LabError, match="exit 3"):
        collect({"clang": broken}, "mprotect", options)


def test_process_keeps_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALEED_ON_VIOLATION", "abort")
    says = """echo noise; echo '{"policy": "'$GALEED_ON_VIOLATION'"}'; """
    reports = """echo '{"violation": 1}' > $GALEED_REPORT; kill -9 $$"""
    ending = process.run(["/bin/sh", "-c", says + reports], "mprotect", tmp_path / "case")
    assert ending.line == {"policy": "unwind"}
    assert ending.violations == ({"violation": 1},)
    assert ending.code == -9
    assert str(ending) == "died of SIGKILL"


def test_process_out_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TIMEOUT_SECONDS", 0.1)
    ending = process.run(["/bin/sleep", "5"], "mprotect", tmp_path / "case")
    assert ending.code is None
    assert "no end" in str(ending)


def test_process_several_lines_of_one_object(tmp_path: Path) -> None:
    ending = process.run(["/bin/echo", '{\n "a": [\n  {"b": 1}\n]}'], "mprotect", tmp_path / "case")
    assert ending.line == {"a": [{"b": 1}]}
