"""Runs the micro program's two builds in turn and gathers ns per access.

Variants, for each operation and backend:

- raw: the C as it is, compiled by the same clang, same kind of memory;
- gate: rewritten C on memory of its own, so that only gate and checks count;
- mapped: a lease of a page or more, accessed directly after the check;
- private: a smaller lease, accessed through the runtime with the domain open.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments import process
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.model import Json, Options

ROUNDS = 5
SAMPLES = 101
OPERATIONS = ("read", "write", "read-write")
SHAPES = ("call", "loop")
# Variant: the build it is measured in, and the program's kind of memory.
VARIANTS = {
    "raw": ("clang", "large"),
    "gate": ("galeed", "own"),
    "mapped": ("galeed", "large"),
    "private": ("galeed", "small"),
}


@dataclass(frozen=True, order=True)
class Key:
    """One series. shape: `call` (one access a call) or `loop` (many a call)."""

    backend: str
    shape: str
    operation: str
    variant: str


def _series(line: Mapping[str, Json]) -> dict[tuple[str, str, str], list[float]]:
    """The program's JSON line by (memory, shape, operation)."""
    found: dict[tuple[str, str, str], list[float]] = {}
    items = line.get("series")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and isinstance(item["ns"], list):
            name = (str(item["memory"]), str(item["shape"]), str(item["operation"]))
            found[name] = [float(str(one)) for one in item["ns"]]
    return found


def collect(
    executables: Mapping[str, Path], backend: str, options: Options, rounds: int = ROUNDS
) -> dict[Key, list[float]]:
    """All samples of one backend, in ns per access. Raises LabError when a run fails."""
    samples: dict[Key, list[float]] = {}
    for turn in range(rounds):
        options.say(f"micro-benchmarks on {backend}: round {turn + 1} of {rounds}")
        for way, executable in executables.items():
            stem = options.output / f"micro.{backend}.{way}"
            ending = process.run([executable, str(SAMPLES)], backend, stem)
            found = _series(ending.line)
            if ending.code != 0 or not found:
                raise LabError(f"{executable} on {backend} failed: {ending}; see {ending.stderr}")
            for variant, (built, memory) in VARIANTS.items():
                if built != way:
                    continue
                for shape in SHAPES:
                    for operation in OPERATIONS:
                        key = Key(backend, shape, operation, variant)
                        samples.setdefault(key, []).extend(found[memory, shape, operation])
    return samples


def medians(samples: Mapping[Key, list[float]]) -> dict[Key, float]:
    """The median of each series, in ns per access."""
    return {key: statistics.median(values) for key, values in samples.items()}


def ratio(middle: Mapping[Key, float], key: Key) -> float:
    """How many times as long as raw, in the same shape and operation."""
    return middle[key] / middle[Key(key.backend, key.shape, key.operation, "raw")]
