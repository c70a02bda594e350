"""Reproduces libmpk's figures on this runtime: ratios, plots, machine facts.

A figure that is not met is said, not failed: times depend on the machine. Without
protection keys the figures of pku are `unavailable`, and the same paths are measured
without their key writes (experiments/gates/without_keys.py); on a CPU that is emulated
in software nothing is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments import machine
from experiments.bench.figures import Figure, report
from experiments.libmpk.collect import Point, build, figures, measure, measure_without_keys, unavailable
from experiments.libmpk.plot import plot
from experiments.model import Experiment, Report

if TYPE_CHECKING:
    from experiments.model import Options


def run(options: Options) -> Report:
    """Builds, measures, writes. Raises LabError on an emulated CPU or when something fails."""
    facts = machine.facts_for_times(options.say)
    program = build(options)
    points: list[Point] = []
    rows: list[Figure] = []
    for backend in options.backends:
        if not machine.usable(backend, options.say):
            rows += unavailable(machine.NO_KEYS)
            rows += measure_without_keys(options)
            continue
        measured = measure(program, backend, options)
        points += measured
        rows += figures(measured)
    picture = options.output / "libmpk.png"
    plot(points, picture)
    return report(rows, facts, options.output / "result.json", picture)


EXPERIMENT = Experiment(
    name="libmpk",
    claim="Virtual keys cost little more than WRPKRU on a hit and less than mprotect, as libmpk's do",
    source="[libmpk]: begin and end, misses, mprotect over pages, synchronisation over threads, malloc",
    expected="each figure met; never a failure, for times depend on the machine",
    run=run,
)
