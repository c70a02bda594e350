"""What isolation costs the honest case: interleaved runs, medians, ratios.

Times are taken inside the program, around zlib and its calls alone. The builds
take turns, so that a slow moment of the machine hits all of them.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from experiments import process
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.model import Json, Options

ROUNDS = 9
REPEATS = 5


def measure(executables: Mapping[str, Path], sample: Path, backend: str, options: Options) -> dict[str, list[float]]:
    """For each way the median time in ns of each of ROUNDS processes."""
    times: dict[str, list[float]] = {way: [] for way in executables}
    for turn in range(ROUNDS):
        options.say(f"timing the honest case on {backend}: round {turn + 1} of {ROUNDS}")
        for way, executable in executables.items():
            stem = options.output / f"timing.{backend}.{way}"
            ending = process.run([executable, "honest", sample, str(REPEATS)], backend, stem)
            found = ending.line.get("times_ns")
            if ending.code != 0 or not isinstance(found, list) or not found:
                raise LabError(f"timing {executable} failed: {ending}; see {ending.stderr}")
            times[way].append(statistics.median(float(str(one)) for one in found))
    return times


def summary(times: Mapping[str, list[float]], text_bytes: int) -> dict[str, Json]:
    """Medians, spread and the two ratios: to plain cargo, and to the same clang unrewritten."""
    middle = {way: statistics.median(values) for way, values in times.items()}
    ways: dict[str, Json] = {}
    for way, values in times.items():
        all_of_them: list[Json] = [*values]
        ways[way] = {
            "median_ns": middle[way],
            "mb_per_s": round(text_bytes / middle[way] * 1000, 1),
            "times_ns": all_of_them,
        }
    return {
        "text_bytes": text_bytes,
        "rounds": ROUNDS,
        "ways": ways,
        "ratio_to_plain": round(middle["galeed"] / middle["plain"], 3),
        "ratio_to_same_clang": round(middle["galeed"] / middle["clang"], 3),
    }
