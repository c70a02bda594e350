"""Figures of the table: what a lease costs to begin and end, and a handle to be resolved.

Beside what the hardware itself takes in the same run: an uncontended atomic exchange, a
load from the L1 cache that waits for the one before. Medians of interleaved rounds.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import process
from experiments.bench.figures import Figure
from experiments.model import LabError
from experiments.workshop import Program, build

if TYPE_CHECKING:
    from experiments.model import Json, Options

PROGRAM = Program(Path(__file__).resolve().parent / "program", "table-cost")
LEND_GOAL_NS = 60.0
RESOLVE_GOAL_NS = 2.0
CASES = (
    ("lend and revoke a small object", "lend_revoke", LEND_GOAL_NS, "exchange", "atomic exchange"),
    ("resolve a mapped lease inline", "resolve", RESOLVE_GOAL_NS, "load", "dependent L1 load"),
    ("the same in a chain of such accesses", "resolve_chain", RESOLVE_GOAL_NS, "load", "dependent L1 load"),
)


def _rounds(line: dict[str, Json], case: str) -> list[float]:
    found = line.get(case)
    if not isinstance(found, list) or not found:
        raise LabError(f"{PROGRAM.binary} printed no {case}")
    return [float(str(ns)) for ns in found]


def table(backends: tuple[str, ...], options: Options) -> list[Figure]:
    """Each in ns, against its goal, and over the hardware's own. Raises LabError when a run fails."""
    executable = build(PROGRAM, "plain", options)
    figures = []
    for backend in backends:
        options.say(f"timing leases on {backend}")
        ending = process.run([executable], backend, options.output / f"leases.{backend}")
        if ending.code != 0:
            raise LabError(f"{executable} on {backend} failed: {ending}; see {ending.stderr}")
        line = dict(ending.line)
        for name, case, goal, reference, word in CASES:
            ours, bare = _rounds(line, case), _rounds(line, reference)
            ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
            note = f"{statistics.median(ours):.2f} ns over {statistics.median(bare):.2f} ns"
            figures.append(Figure(name, backend, statistics.median(ours), goal, "ns", note=note))
            figures.append(Figure(f"{name} / {word}", backend, ratio, None, note=note))
    return figures
