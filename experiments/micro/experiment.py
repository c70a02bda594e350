"""Runs the micro-benchmarks: CSV of every sample, JSON of medians and ratios, box plot."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine
from experiments.micro.collect import OPERATIONS, SHAPES, VARIANTS, Key, collect, medians, ratio
from experiments.micro.plot import box_plot
from experiments.model import Experiment, Report
from experiments.output import as_json, table, write_atomically
from experiments.workshop import Program, build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.model import Json, Options

PROGRAM = Program(Path(__file__).resolve().parent / "program", "micro")


def build_all(options: Options) -> dict[str, Path]:
    """The executables that are compared: the same clang, C as it is and C rewritten."""
    return {way: build(PROGRAM, way, options) for way in ("clang", "galeed")}


def _csv(samples: Mapping[Key, list[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("backend", "shape", "operation", "variant", "ns"))
    for key, values in samples.items():
        writer.writerows((key.backend, key.shape, key.operation, key.variant, value) for value in values)
    return text.getvalue()


def _place(key: Key) -> tuple[str, ...]:
    """Order of the rows: the constants' own, not the alphabet's."""
    places = (SHAPES.index(key.shape), OPERATIONS.index(key.operation), list(VARIANTS).index(key.variant))
    return (key.backend, *map(str, places))


def _rows(samples: Mapping[Key, list[float]]) -> list[dict[str, Json]]:
    middle = medians(samples)
    return [
        {
            "backend": key.backend,
            "shape": key.shape,
            "operation": key.operation,
            "variant": key.variant,
            "median_ns": round(middle[key], 3),
            "samples": len(samples[key]),
            "ratio": round(ratio(middle, key), 2),
        }
        for key in sorted(samples, key=_place)
    ]


def run(options: Options) -> Report:
    """Builds, measures, writes. Raises LabError when a program cannot be built or run."""
    executables = build_all(options)
    samples: dict[Key, list[float]] = {}
    measured: list[str] = []
    unavailable: list[Json] = []
    for backend in options.backends:
        if not machine.usable(backend, options.say):
            unavailable.append(backend)
            continue
        if machine.emulated():
            options.say("this CPU is emulated in software: the times below mean nothing")
        samples.update(collect(executables, backend, options))
        measured.append(backend)
    rows = _rows(samples)
    items: list[Json] = [*rows]
    result: dict[str, Json] = {"machine": machine.facts(), "unavailable": unavailable, "series": items}
    files = tuple(options.output / name for name in ("result.json", "samples.csv", "access.png"))
    write_atomically(files[0], as_json(result))
    write_atomically(files[1], _csv(samples))
    box_plot(samples, measured, files[2])
    head = ("backend", "shape", "operation", "variant", "ns per access", "ratio to raw")
    cells = [
        [*(str(row[name]) for name in head[:4]), f"{row['median_ns']:.2f}", f"{row['ratio']:.2f}x"] for row in rows
    ]
    cells += [[str(backend), *["unavailable"] * 3, "", ""] for backend in unavailable]
    return Report(result, table(head, cells), files=files)


EXPERIMENT = Experiment(
    name="micro",
    claim="What gate, mapped and private pseudo-pointers cost per access, against the raw access",
    source="[Galeed]: read, write and read-write, with and without",
    expected="no verdict: samples, medians, ratios and a box plot for each backend",
    run=run,
)
