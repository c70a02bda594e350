"""The libmpk experiment: which goals its points have, and that the program says what it measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from experiments import machine
from experiments.libmpk import collect, experiment
from experiments.libmpk.collect import Point, figures, unavailable
from experiments.model import LabError, Options

if TYPE_CHECKING:
    from pathlib import Path


def test_goals_are_those_of_libmpk() -> None:
    hit, slow, sync = figures(
        [Point("pku", "hit", 1, 30, 21), Point("pku", "mprotect", 1000, 50, 100), Point("pku", "sync", 10, 2e5, 0)]
    )
    assert (hit.goal, hit.status) == (1.5, "met")
    assert (slow.value, slow.goal, slow.status) == (2.0, 3.78, "not met")
    assert (sync.goal, sync.status) == (150_000, "not met")
    assert figures([Point("mprotect", "hit", 1, 30, 21)])[0].goal is None
    assert {one.status for one in unavailable("no keys")} == {"unavailable"}


def test_it_runs_and_says_what_is_unavailable(tmp_path: Path) -> None:
    options = Options(tmp_path, ("mprotect",), True, lambda _: None)
    points = collect.measure(collect.build(options), "mprotect", options)
    cases = {point.case for point in points}
    assert cases == {"hit", "miss", "malloc", "mprotect"}
    assert [point.x for point in points if point.case == "mprotect"] == [1, 10, 100, 1000]
    assert all(point.ns > 0 for point in points)


def test_an_emulated_cpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "emulated", lambda: True)
    with pytest.raises(LabError, match="emulated"):
        experiment.run(Options(tmp_path, ("pku",), True, lambda _: None))
