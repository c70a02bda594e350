"""Figures of the C runtime: what a gate costs, what the heap costs.

Both compare with something bare in the same run: two WRPKRU, glibc's malloc.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from experiments import process
from experiments.bench.figures import Figure
from experiments.model import LabError
from experiments.workshop import BUILDS, ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.model import Options

GATE_GOAL = 1.5
HEAP_GOAL = 1.0
COMPILE = ("cc", "-std=gnu11", "-O2", "-pthread", "-Impk/csrc")


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


def _heap_program() -> Path:
    """The heap's own benchmark, linked with the runtime's sources as they are."""
    program = BUILDS / "heap"
    program.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(one for one in (ROOT / "mpk" / "csrc").iterdir() if one.suffix in (".c", ".S"))
    command = [*COMPILE, "experiments/bench/heap.c", *map(str, sources), "-o", str(program)]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise LabError(f"the heap benchmark does not compile: {first}")
    return program


def heap(backends: tuple[str, ...], options: Options) -> list[Figure]:
    """A pair of 64-byte allocation and release over glibc's; the other cases without a goal."""
    program = _heap_program()
    figures = []
    for backend in backends:
        options.say(f"measuring the heap on {backend}")
        ending = process.run([program], backend, options.output / f"heap.{backend}")
        cases = ending.line.get("cases")
        if ending.code != 0 or not isinstance(cases, list):
            raise LabError(f"the heap benchmark failed: {ending}; see {ending.stderr}")
        for case in cases:
            if not isinstance(case, dict):
                continue
            goal = HEAP_GOAL if case["case"] == "pair_64" else None
            note = f"{case['mpk_ns']} ns over {case['malloc_ns']} ns"
            figures.append(Figure(f"heap {case['case']} / glibc", backend, float(str(case["ratio"])), goal, note=note))
    return figures
