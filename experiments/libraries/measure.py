"""Runs the drivers of a library in turn and keeps, of each case, the least user time of each way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experiments import process
from experiments.libraries.build import WAYS
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.model import Json, Options
    from experiments.process import Ending

REPEATS = 3


@dataclass
class Case:
    """One case of one library. user_s: by way, all runs."""

    library: str
    name: str
    check: str
    user_s: dict[str, list[float]] = field(default_factory=dict)

    def least_s(self, way: str) -> float:
        """Whatever else the machine did only ever added."""
        return min(self.user_s[way])

    def ratio(self, way: str) -> float:
        """Over plain."""
        return self.least_s(way) / self.least_s("plain")

    def as_object(self) -> dict[str, Json]:
        """For result.json."""
        return {
            "library": self.library,
            "case": self.name,
            **{f"{way}_s": round(self.least_s(way), 4) for way in WAYS},
            **{f"{way}_over_plain": round(self.ratio(way), 3) for way in WAYS if way != "plain"},
        }


def read(line: Mapping[str, Json]) -> dict[str, tuple[float, str]]:
    """A driver's JSON line: user seconds and checksum by case; {} when it said nothing of the kind."""
    items = line.get("cases")
    found = {}
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            found[str(item["case"])] = (float(str(item["user_s"])), str(item["check"]))
    return found


def add(cases: dict[str, Case], library: str, way: str, found: Mapping[str, tuple[float, str]]) -> None:
    """Adds one run. Raises LabError when a checksum is not that of the runs before."""
    for name, (user_s, check) in found.items():
        case = cases.setdefault(name, Case(library, name, check))
        if case.check != check:
            raise LabError(f"{library}, {name}: the {way} build gives {check}, another {case.check}: it is not right")
        case.user_s.setdefault(way, []).append(user_s)


def _judged(ending: Ending, library: str, way: str) -> dict[str, tuple[float, str]]:
    if ending.violations:
        raise LabError(f"{library}'s driver ({way}): a violation is reported; see {ending.stderr}")
    found = read(ending.line)
    if ending.code != 0 or not found:
        raise LabError(f"{library}'s driver ({way}) failed: {ending}; see {ending.stderr}")
    return found


def run(library: str, programs: Mapping[str, Path], backend: str, repeats: int, options: Options) -> list[Case]:
    """All cases, in the driver's order. Raises LabError when one fails or gives something else."""
    cases: dict[str, Case] = {}
    for turn in range(repeats):
        options.say(f"running {library} on {backend}: round {turn + 1} of {repeats}")
        for way in WAYS:
            stem = options.output / f"{library}.{way}"
            add(cases, library, way, _judged(process.run([programs[way]], backend, stem), library, way))
    return list(cases.values())
