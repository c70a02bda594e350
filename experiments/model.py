"""What an experiment is, and what running one gives.

An experiment states its claim, its source and what must come out before it runs;
the verdict compares. `deviations` is empty exactly when everything came out as
stated (or was marked unavailable).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

CHOICES = ("only", "policy", "repeat")


class LabError(Exception):
    """The environment or the usage is at fault: one line for people, exit 2."""


@dataclass(frozen=True)
class Options:
    """How to run. output: results go there. backends: those asked for, in order.

    build: False takes the programs as they were built before. say: progress. The others are for
    experiments that take them; None: not said. only: which rows. policy: which level. repeat:
    how many runs of each, at least 1.
    """

    output: Path
    backends: tuple[str, ...]
    build: bool
    say: Callable[[str], None]
    only: tuple[str, ...] | None = None
    policy: str | None = None
    repeat: int | None = None


class Named(Protocol):
    """A row of an experiment's table."""

    @property
    def name(self) -> str:
        """What --only says."""


Row = TypeVar("Row", bound=Named)


def chosen(table: Sequence[Row], only: tuple[str, ...] | None, what: str) -> list[Row]:
    """The rows of these names, in the table's order; None: all. Raises LabError for a name that none has."""
    names = [one.name for one in table]
    for name in only or ():
        if name not in names:
            raise LabError(f"no {what} {name!r}; there are: {', '.join(names)}")
    return [one for one in table if only is None or one.name in only]


@dataclass(frozen=True)
class Report:
    """What came out: `result` is what result.json holds, `table` is for people."""

    result: Mapping[str, Json]
    table: str
    deviations: tuple[str, ...] = ()
    files: tuple[Path, ...] = field(default=())


@dataclass(frozen=True)
class Experiment:
    """One claim and the means to test it. source: paper section, CVE or CWE.

    takes: those of CHOICES that it knows.
    """

    name: str
    claim: str
    source: str
    expected: str
    run: Callable[[Options], Report]
    takes: tuple[str, ...] = ()
