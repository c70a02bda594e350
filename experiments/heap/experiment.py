"""Compares the heap, inside an open domain, with glibc, mimalloc and jemalloc.

The domain is open throughout: what is measured is the heap, not its gates. So one
backend will do, and pku is preferred where there is one.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from experiments import machine
from experiments.bench.figures import Figure, as_table
from experiments.heap import rivals
from experiments.heap.measure import OURS, build_rounds, collections, geometric_mean, rounds
from experiments.heap.plot import bars
from experiments.model import Experiment, Report
from experiments.output import as_json, table, write_atomically
from experiments.workshop import need_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.heap.measure import Series, Whole
    from experiments.model import Json, Options

MEAN_GOAL = 1.1
EACH_GOAL = 1.0
SCALE_GOAL = 1.8
WAITING = ("crossing", "larson")  # threads that wait for each other, and blocks that cross only with two


def _means(series: Sequence[Series], backend: str) -> list[Figure]:
    figures = []
    for threads in sorted({one.threads for one in series}):
        some = [one for one in series if one.threads == threads]
        for name in (name for name in some[0].ns if name != OURS):
            ratios = [one.ratio(name) for one in some]
            value, middle = geometric_mean(ratios), statistics.median(ratios)
            goal = MEAN_GOAL if name == "mimalloc" else None
            note = f"geometric mean of {len(some)} cases (median {middle:.2f}x), each the median of paired rounds"
            figures.append(Figure(f"heap / {name}, {threads} thread(s)", backend, value, goal, note=note))
        worst = max(some, key=lambda one: one.ratio("glibc"))
        above = [one.case for one in some if one.ratio("glibc") > EACH_GOAL]
        note = f"{worst.case}; above glibc: {', '.join(above) or 'none'}"
        name = f"heap / glibc, worst case, {threads} thread(s)"
        figures.append(Figure(name, backend, worst.ratio("glibc"), EACH_GOAL, note=note))
    return figures


def scaling(series: Sequence[Series], name: str) -> dict[str, float]:
    """Throughput of two threads over one's, by case."""
    single = {one.case: one.median(name) for one in series if one.threads == 1}
    pairs = ((one.case, one.median(name)) for one in series if one.threads == 2)
    return {case: 2 * single[case] / ns for case, ns in pairs if case in single and not case.startswith(WAITING)}


def _scale(series: Sequence[Series], backend: str) -> list[Figure]:
    figures = []
    for name in series[0].ns:
        by_case = scaling(series, name)
        least = min(by_case, key=lambda case: by_case[case])
        note = f"geometric mean of throughputs; least {by_case[least]:.2f}x in {least}"
        goal = SCALE_GOAL if name == OURS else None
        value = geometric_mean(by_case.values())
        figures.append(Figure(f"{name}: 2 threads / 1", backend, value, goal, at_most=False, note=note))
    return figures


def _whole(programs: Sequence[Whole], backend: str) -> list[Figure]:
    ours = next(one for one in programs if one.allocator == OURS)
    figures = []
    for one in programs:
        if one is ours:
            continue
        goal = EACH_GOAL if one.allocator == "glibc" else None
        note = f"{ours.ns / 1e6:.1f} ms over {one.ns / 1e6:.1f} ms of processor time"
        figures.append(Figure(f"std collections / {one.allocator}", backend, ours.ns / one.ns, goal, note=note))
        note = f"{ours.peak_kib / 1024:.1f} MiB over {one.peak_kib / 1024:.1f} MiB at its peak"
        name = f"std collections, resident / {one.allocator}"
        figures.append(Figure(name, backend, ours.peak_kib / one.peak_kib, None, note=note))
    return figures


def _rows(series: Sequence[Series]) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = []
    for one in series:
        median: dict[str, Json] = {name: round(one.median(name), 2) for name in one.ns}
        ratio: dict[str, Json] = {name: round(one.ratio(name), 3) for name in one.ns if name != OURS}
        rows.append({"case": one.case, "threads": one.threads, "median_ns": median, "ratio": ratio})
    return rows


def _case_table(series: Sequence[Series]) -> str:
    names = list(series[0].ns)
    head = ["case", "threads", *(f"{name} ns" for name in names), *(f"/ {name}" for name in names[1:])]
    cells = [
        [
            one.case,
            str(one.threads),
            *(f"{one.median(name):.1f}" for name in names),
            *(f"{one.ratio(name):.2f}x" for name in names[1:]),
        ]
        for one in series
    ]
    return table(head, cells)


def run(options: Options) -> Report:
    """Measures and writes. Raises LabError on an emulated CPU or when something cannot be built."""
    need_tools()
    facts = machine.facts_for_times(options.say)
    backend = "pku" if "pku" in options.backends and machine.pku_available() else "mprotect"
    others = rivals.find(options)
    series = rounds(build_rounds(), backend, others, options)
    figures = [
        *_means(series, backend),
        *_scale(series, backend),
        *_whole(collections(backend, others, options), backend),
    ]
    for one in others:
        if one.library is None:
            goal = MEAN_GOAL if one.name == "mimalloc" else None
            figures.append(Figure(f"heap / {one.name}", backend, None, goal, note=one.origin))
    cases: list[Json] = [*_rows(series)]
    items: list[Json] = [figure.as_object() for figure in figures]
    origins: dict[str, Json] = {one.name: one.origin for one in others}
    result: dict[str, Json] = {"machine": facts, "rivals": origins, "figures": items, "cases": cases}
    files = (options.output / "result.json", options.output / "ratios.png")
    write_atomically(files[0], as_json(result))
    bars(series, files[1])
    return Report(result, f"{_case_table(series)}\n\n{as_table(figures)}", files=files)


EXPERIMENT = Experiment(
    name="heap",
    claim="Inside an open domain the heap takes no longer than mimalloc, and less than glibc in each case",
    source="[mimalloc], [larson] for the cases that cross threads",
    expected="each figure met; never a failure, for times depend on the machine",
    run=run,
)
