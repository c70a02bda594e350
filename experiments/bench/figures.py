"""A figure: what was measured, what was to be reached, and whether it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.model import Report
from experiments.output import as_json, table, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from experiments.model import Json


@dataclass(frozen=True)
class Figure:
    """One figure. value: None when this machine cannot give it; note says why, or how it was taken.

    goal: None where none is set. at_most: whether smaller is better. estimate: computed from
    something measured and something published; the note has the formula.
    """

    name: str
    backend: str
    value: float | None
    goal: float | None
    unit: str = "x"
    at_most: bool = True
    note: str = ""
    estimate: bool = False

    @property
    def status(self) -> str:
        """met, not met, measured (no goal), estimate or unavailable."""
        if self.value is None:
            return "unavailable"
        if self.estimate:
            return "estimate"
        if self.goal is None:
            return "measured"
        good = self.value <= self.goal if self.at_most else self.value >= self.goal
        return "met" if good else "not met"

    def as_object(self) -> dict[str, Json]:
        """For result.json."""
        return {
            "figure": self.name,
            "backend": self.backend,
            "value": None if self.value is None else round(self.value, 3),
            "unit": self.unit,
            "goal": self.goal,
            "better": "smaller" if self.at_most else "larger",
            "status": self.status,
            "note": self.note,
        }

    def cells(self) -> list[str]:
        """For the table."""
        goal = "" if self.goal is None else f"{'<=' if self.at_most else '>='} {_number(self.goal, self.unit)}"
        value = "" if self.value is None else _number(self.value, self.unit)
        return [self.name, self.backend, value, goal, self.status, self.note]


def _number(value: float, unit: str) -> str:
    if unit == "x":
        return f"{value:.2f}x"
    return f"{value:.2f} ns" if unit == "ns" else f"{value:,.0f} {unit}"


def as_table(figures: Sequence[Figure]) -> str:
    """Every figure, one a line."""
    return table(("figure", "backend", "value", "goal", "status", "note"), [figure.cells() for figure in figures])


def report(figures: Sequence[Figure], facts: Mapping[str, Json], file: Path, *more: Path) -> Report:
    """Writes the figures, with the machine's facts, as `file`; more: what else was written."""
    items: list[Json] = [figure.as_object() for figure in figures]
    result: dict[str, Json] = {"machine": dict(facts), "figures": items}
    write_atomically(file, as_json(result))
    return Report(result, as_table(figures), files=(file, *more))
