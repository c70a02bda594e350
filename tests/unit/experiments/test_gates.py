"""Figures of crossings: ratios on pku, parts alone elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from experiments.gates.experiment import figures_of
from experiments.model import LabError

if TYPE_CHECKING:
    from experiments.model import Json

TIMES: dict[str, Json] = {"direct": 0.3, "switch": 2.0, "scrub": 8.0, "two_wrpkru": 20.0, "gate": 24.0, "call": 40.0}


def test_ratios_and_parts() -> None:
    line: dict[str, Json] = {"times_ns": dict(TIMES), "instructions": {"gate": 100, "call": 300}}
    found = {figure.name: figure for figure in figures_of(line, "pku")}
    assert found["gate, verified both ways / two WRPKRU"].value == pytest.approx(1.2)
    assert found["gate, verified both ways / two WRPKRU"].status == "met"
    assert found["mpk_call: with stack switch and scrub / two WRPKRU"].status == "not met"
    assert "300 instructions" in found["mpk_call: with stack switch and scrub / two WRPKRU"].note
    assert found["scrub of all registers"].status == "measured"


def test_no_crossing_is_told_without_keys() -> None:
    line: dict[str, Json] = {"times_ns": {"switch": 2.0, "scrub": 8.0}, "instructions": {}}
    assert [figure.unit for figure in figures_of(line, "mprotect")] == ["ns", "ns"]


def test_a_line_without_times_is_an_error() -> None:
    with pytest.raises(LabError, match="measured nothing"):
        figures_of({}, "pku")
