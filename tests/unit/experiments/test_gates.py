"""Figures of crossings: ratios on pku, parts alone elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from experiments import process
from experiments.gates import without_keys
from experiments.gates.experiment import figures_of, rest_of
from experiments.model import LabError
from experiments.workshop import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.model import Json

# A budget, so that a crossing does not grow unnoticed; gcc 12 has 124, and 287 with AVX-512.
GATE_INSTRUCTIONS = 150
CALL_INSTRUCTIONS = 330
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


def test_an_estimate_is_called_one_and_shows_its_formula() -> None:
    line: dict[str, Json] = {"times_ns": dict(TIMES), "instructions": {"gate": 100}, "cycles_per_ns": 2.0}
    rest, estimate, *_ = rest_of(line, "overlapping")
    assert (rest.value, rest.unit, rest.status) == (4.0, "ns", "measured")
    assert estimate.status == "estimate"
    assert estimate.value == pytest.approx((2 * 23.3 + 2 * 0.5 + 8) / (2 * 23.3))
    assert "not a measurement: (2 x 23.3 + 2 x 0.5 + 8) / (2 x 23.3)" in estimate.note
    assert {one.backend for one in (rest, estimate)} == {"pku without key writes"}


def test_only_instructions_that_need_keys_are_replaced() -> None:
    text = '# "cpuid.h"\n\tcpuid\n\trdpkru\n\t77: wrpkru\n\t.string "wrpkru rdpkru"\n\tmovl %eax, %ebx\n'
    after = without_keys.replaced(text, "kept apart", says_ospke=True)
    assert after == (
        '# "cpuid.h"\n\tcpuid\n\torl $16, %ecx\n\txorl %eax, %eax\n\t77: lfence\n'
        '\t.string "wrpkru rdpkru"\n\tmovl %eax, %ebx\n'
    )


@pytest.mark.parametrize("stand_in", without_keys.STAND_INS)
def test_these_paths_run_where_there_are_no_keys(stand_in: str, tmp_path: Path) -> None:
    """Anywhere: that it runs and how many instructions it takes, not how long."""
    program = without_keys.build(ROOT / "experiments" / "gates" / "gates.c", stand_in)
    assert b"\x0f\x01\xef" not in program.read_bytes(), "a WRPKRU is left"
    ending = process.run([program], "pku", tmp_path / "gates")
    assert ending.code == 0, ending.stderr.read_text()
    counts = ending.line["instructions"]
    assert isinstance(counts, dict)
    assert 50 < int(str(counts["gate"])) <= GATE_INSTRUCTIONS
    assert int(str(counts["gate"])) < int(str(counts["call"])) <= CALL_INSTRUCTIONS
