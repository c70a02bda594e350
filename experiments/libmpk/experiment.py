"""Reproduces libmpk's figures on this runtime: ratios, plots, machine facts.

A figure that is not met is said, not failed: times depend on the machine. Without
protection keys the figures of pku are `unavailable`; on a CPU that is emulated in
software nothing is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments import machine
from experiments.bench.figures import Figure, as_table
from experiments.libmpk.collect import Point, build, figures, measure, unavailable
from experiments.libmpk.plot import plot
from experiments.model import Experiment, LabError, Report
from experiments.output import as_json, write_atomically

if TYPE_CHECKING:
    from experiments.model import Json, Options


def run(options: Options) -> Report:
    """Builds, measures, writes. Raises LabError on an emulated CPU or when something fails."""
    if machine.emulated():
        raise LabError("this CPU is emulated in software: times taken here mean nothing")
    facts = machine.facts()
    if machine.busy():
        options.say(f"the load is {facts['load_1min']} on {facts['cpus']} CPUs: other work will blur these figures")
    program = build(options)
    points: list[Point] = []
    rows: list[Figure] = []
    for backend in options.backends:
        if backend == "pku" and not machine.pku_available():
            why = "this CPU or kernel has no protection keys"
            options.say(f"pku: unavailable, {why}")
            rows += unavailable(why)
            continue
        measured = measure(program, backend, options)
        points += measured
        rows += figures(measured)
    items: list[Json] = [row.as_object() for row in rows]
    result: dict[str, Json] = {"machine": facts, "figures": items}
    files = (options.output / "result.json", options.output / "libmpk.png")
    write_atomically(files[0], as_json(result))
    plot(points, files[1])
    return Report(result, as_table(rows), files=files)


EXPERIMENT = Experiment(
    name="libmpk",
    claim="Virtual keys cost little more than WRPKRU on a hit and less than mprotect, as libmpk's do",
    source="[libmpk]: begin and end, misses, mprotect over pages, synchronisation over threads, malloc",
    expected="each figure met; never a failure, for times depend on the machine",
    run=run,
)
