"""Runs every figure that the project sets itself, in one run, with machine facts.

A figure that is not met is said, not failed: times depend on the machine. What
this machine cannot measure is `unavailable`. On a CPU that is emulated in
software nothing is measured at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments import machine
from experiments.bench import leases, programs, rewriting, runtime, scanning
from experiments.bench.figures import Figure, report
from experiments.heap.measure import THREADS
from experiments.model import Experiment, Report
from experiments.workshop import need_tools

if TYPE_CHECKING:
    from experiments.model import Options

ON_PKU = (
    ("gate round trip / two WRPKRU", runtime.GATE_GOAL),
    *((f"heap pair_64 / glibc, {threads} thread(s)", runtime.HEAP_GOAL) for threads in THREADS),
    ("mapped access in a loop / raw", programs.MAPPED_GOAL),
    ("honest zlib / plain cargo", programs.HONEST_GOAL),
)


def run(options: Options) -> Report:
    """Measures and writes. Raises LabError on an emulated CPU or when something cannot be built."""
    need_tools()
    facts = machine.facts_for_times(options.say)
    figures: list[Figure] = []
    backends = tuple(one for one in options.backends if machine.usable(one, options.say))
    if backends != options.backends:
        figures += [Figure(name, "pku", None, goal, note=machine.NO_KEYS) for name, goal in ON_PKU]
        figures += [Figure(case[0], "pku", None, case[2], "ns", note=machine.NO_KEYS) for case in leases.CASES]
    figures += [runtime.gate(backend, options) for backend in backends if backend == "pku"]
    figures += runtime.heap(backends, options)
    figures += leases.table(backends, options)
    figures += programs.accesses(backends, options)
    figures += programs.honest(backends, options)
    figures.append(rewriting.speed(options))
    figures += scanning.speed(options)
    return report(figures, facts, options.output / "result.json")


EXPERIMENT = Experiment(
    name="bench",
    claim="Gates, heap, accesses, whole programs and the rewriting itself are as fast as the project says",
    source="[ERIM] for gates; [Galeed] for accesses",
    expected="each figure met; never a failure, for times depend on the machine",
    run=run,
)
