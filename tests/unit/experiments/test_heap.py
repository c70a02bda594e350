"""The heap experiment: arithmetic, what a ratio is, and rivals that cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from experiments.heap import rivals
from experiments.heap.experiment import scaling
from experiments.heap.measure import Series, geometric_mean
from experiments.model import Options

if TYPE_CHECKING:
    from pathlib import Path


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine was slow in the second and third round: medians alone would say 2.
    series = Series("pair_8", 1, {"mpk": [1.0, 20.0, 20.0], "glibc": [2.0, 40.0, 10.0]})
    assert series.ratio("glibc") == 0.5
    assert series.median("mpk") == 20.0


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_scaling_is_throughput_and_leaves_out_threads_that_wait() -> None:
    series = [
        Series("pair_8", 1, {"mpk": [10.0]}),
        Series("pair_8", 2, {"mpk": [12.5]}),
        Series("larson_500", 1, {"mpk": [10.0]}),
        Series("larson_500", 2, {"mpk": [90.0]}),
        Series("crossing_64", 2, {"mpk": [50.0]}),
    ]
    assert scaling(series, "mpk") == {"pair_8": 1.6}


def test_a_rival_that_cannot_be_had_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    monkeypatch.setattr(rivals, "PACKAGES", {"nobody": ("no-such-package-of-debian", "libnobody.so.9")})
    monkeypatch.setattr(rivals, "FETCHED", tmp_path / "rivals")
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = rivals.find(Options(tmp_path, ("mprotect",), build=False, say=said.append))
    assert found.library is None
    assert "apt-get" in found.origin
    assert any("unavailable" in line for line in said)
