"""Figures of the C runtime: what a gate costs, what the heap costs.

Both compare with something bare in the same run: two WRPKRU, glibc's malloc.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from experiments import process
from experiments.bench.figures import Figure
from experiments.heap.measure import OURS, build_rounds, rounds
from experiments.model import LabError

if TYPE_CHECKING:
    from experiments.model import Options

GATE_GOAL = 1.5
HEAP_GOAL = 1.0
HEAP_CASES = ("pair_64", "churn_512", "growth_1048576")


def gate(backend: str, options: Options) -> Figure:
    """A gate's round trip over two bare WRPKRU, as galeed-probe measures them."""
    name = "gate round trip / two WRPKRU"
    options.say(f"measuring gates on {backend}")
    ending = process.run([sys.executable, "-m", "mpk.probe", "--json"], backend, options.output / f"gate.{backend}")
    costs = ending.line.get("costs_ns")
    if ending.code != 0 or not isinstance(costs, dict):
        raise LabError(f"galeed-probe failed: {ending}; see {ending.stderr}")
    round_trip, bare = costs.get("gate_round_trip"), costs.get("wrpkru")
    if not isinstance(round_trip, float | int) or not isinstance(bare, float | int):
        raise LabError(f"galeed-probe measured no gate on {backend}")
    note = f"{round_trip:.1f} ns over 2 x {bare:.1f} ns"
    return Figure(name, backend, round_trip / (2 * bare), GATE_GOAL, note=note)


def heap(backends: tuple[str, ...], options: Options) -> list[Figure]:
    """A pair of allocation and release over glibc's. The experiment `heap` has all cases and rivals."""
    program = build_rounds()
    figures = []
    for backend in backends:
        for one in rounds(program, backend, (), options, HEAP_CASES):
            goal = HEAP_GOAL if one.case == HEAP_CASES[0] else None
            note = f"{one.median(OURS):.1f} ns over {one.median('glibc'):.1f} ns"
            name = f"heap {one.case} / glibc, {one.threads} thread(s)"
            figures.append(Figure(name, backend, one.ratio("glibc"), goal, note=note))
    return figures
