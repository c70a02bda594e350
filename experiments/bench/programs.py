"""Figures of whole programs: the access in a loop, and honest zlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.bench.figures import Figure
from experiments.demo import sample, timing
from experiments.demo.experiment import PROGRAM as DEMO
from experiments.micro.collect import OPERATIONS, Key, collect, medians, ratio
from experiments.micro.experiment import build_all
from experiments.workshop import WAYS, build

if TYPE_CHECKING:
    from experiments.model import Options

MAPPED_GOAL = 3.0
HONEST_GOAL = 2.5  # on pku; gates of mprotect are system calls
ROUNDS = 3


def accesses(backends: tuple[str, ...], options: Options) -> list[Figure]:
    """A mapped pseudo-pointer's access in a loop over the raw access, same clang."""
    executables = build_all(options)
    figures = []
    for backend in backends:
        middle = medians(collect(executables, backend, options, rounds=ROUNDS))
        for operation in OPERATIONS:
            key = Key(backend, "loop", operation, "mapped")
            raw = middle[Key(backend, "loop", operation, "raw")]
            figures.append(
                Figure(
                    f"mapped {operation} in a loop / raw",
                    backend,
                    ratio(middle, key),
                    MAPPED_GOAL,
                    note=f"{middle[key]:.2f} ns over {raw:.2f} ns",
                )
            )
    return figures


def honest(backends: tuple[str, ...], options: Options) -> list[Figure]:
    """Decompressing real text by zlib, over plain cargo and over the same clang unrewritten."""
    executables = {way: build(DEMO, way, options) for way in WAYS}
    text = sample.make(DEMO, options)
    figures = []
    for backend in backends:
        summed = timing.summary(timing.measure(executables, text.path, backend, options), text.text_bytes)
        goal = HONEST_GOAL if backend == "pku" else None
        note = f"{text.text_bytes / 1e6:.1f} MB of text, medians of {timing.ROUNDS} interleaved runs"
        for name, field, aim in (
            ("honest zlib / plain cargo", "ratio_to_plain", goal),
            ("honest zlib / same clang", "ratio_to_same_clang", None),
            ("honest zlib / plain cargo, user time only", "ratio_of_user_time", None),
        ):
            value = summed[field]
            figures.append(Figure(name, backend, None if value is None else float(str(value)), aim, note=note))
    return figures
