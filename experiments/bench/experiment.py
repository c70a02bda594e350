"""Runs every figure that the project sets itself, in one run, with machine facts.

A figure that is not met is said, not failed: times depend on the machine. What
this machine cannot measure is `unavailable`. On a CPU that is emulated in
software nothing is measured at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments import machine
from experiments.bench import programs, rewriting, runtime, scanning
from experiments.bench.figures import Figure, as_table
from experiments.heap.measure import THREADS
from experiments.model import Experiment, LabError, Report
from experiments.output import as_json, write_atomically
from experiments.workshop import need_tools

if TYPE_CHECKING:
    from experiments.model import Json, Options

ON_PKU = (
    ("gate round trip / two WRPKRU", runtime.GATE_GOAL),
    *((f"heap pair_64 / glibc, {threads} thread(s)", runtime.HEAP_GOAL) for threads in THREADS),
    ("mapped access in a loop / raw", programs.MAPPED_GOAL),
    ("honest zlib / plain cargo", programs.HONEST_GOAL),
)


def run(options: Options) -> Report:
    """Measures and writes. Raises LabError on an emulated CPU or when something cannot be built."""
    need_tools()
    if machine.emulated():
        raise LabError("this CPU is emulated in software: times taken here mean nothing")
    facts = machine.facts()
    if machine.busy():
        options.say(f"the load is {facts['load_1min']} on {facts['cpus']} CPUs: other work will blur these figures")
    figures: list[Figure] = []
    backends = options.backends
    if "pku" in backends and not machine.pku_available():
        backends = tuple(one for one in backends if one != "pku")
        why = "this CPU or kernel has no protection keys"
        options.say(f"pku: unavailable, {why}")
        figures += [Figure(name, "pku", None, goal, note=why) for name, goal in ON_PKU]
    figures += [runtime.gate(backend, options) for backend in backends if backend == "pku"]
    figures += runtime.heap(backends, options)
    figures += programs.accesses(backends, options)
    figures += programs.honest(backends, options)
    figures.append(rewriting.speed(options))
    figures += scanning.speed(options)
    items: list[Json] = [figure.as_object() for figure in figures]
    result: dict[str, Json] = {"machine": facts, "figures": items}
    file = options.output / "result.json"
    write_atomically(file, as_json(result))
    return Report(result, as_table(figures), files=(file,))


EXPERIMENT = Experiment(
    name="bench",
    claim="Gates, heap, accesses, whole programs and the rewriting itself are as fast as the project says",
    source="[ERIM] for gates; [Galeed] for accesses",
    expected="each figure met; never a failure, for times depend on the machine",
    run=run,
)
