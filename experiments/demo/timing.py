"""What isolation costs the honest case: interleaved runs, medians, ratios.

Times are taken inside the program, around zlib and its calls alone. The builds
take turns, so that a slow moment of the machine hits all of them.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experiments import process
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.model import Json, Options

ROUNDS = 9
REPEATS = 5


@dataclass
class Times:
    """Of one build: for each process its median wall time and its mean user time, in ns."""

    wall_ns: list[float] = field(default_factory=list)
    user_ns: list[float] = field(default_factory=list)


def measure(executables: Mapping[str, Path], sample: Path, backend: str, options: Options) -> dict[str, Times]:
    """ROUNDS processes of each build, in turn. Raises LabError when one fails."""
    times = {way: Times() for way in executables}
    for turn in range(ROUNDS):
        options.say(f"timing the honest case on {backend}: round {turn + 1} of {ROUNDS}")
        for way, executable in executables.items():
            stem = options.output / f"timing.{backend}.{way}"
            ending = process.run([executable, "honest", sample, str(REPEATS)], backend, stem)
            found = ending.line.get("times_ns")
            if ending.code != 0 or not isinstance(found, list) or not found:
                raise LabError(f"timing {executable} failed: {ending}; see {ending.stderr}")
            times[way].wall_ns.append(statistics.median(float(str(one)) for one in found))
            times[way].user_ns.append(float(str(ending.line["user_ns"])))
    return times


def summary(times: Mapping[str, Times], text_bytes: int) -> dict[str, Json]:
    """Medians, all samples, and ratios: to plain cargo, and to the same clang unrewritten.

    ratio_of_user_time: to plain cargo, without what the kernel does (system
    calls of mprotect); a mean, for the kernel accounts in ticks.
    """
    middle = {way: statistics.median(one.wall_ns) for way, one in times.items()}
    user = {way: statistics.fmean(one.user_ns) for way, one in times.items()}
    ways: dict[str, Json] = {}
    for way, one in times.items():
        wall: list[Json] = [*one.wall_ns]
        ways[way] = {
            "median_ns": middle[way],
            "user_ns": round(user[way]),
            "mb_per_s": round(text_bytes / middle[way] * 1000, 1),
            "times_ns": wall,
        }
    return {
        "text_bytes": text_bytes,
        "rounds": ROUNDS,
        "ways": ways,
        "ratio_to_plain": round(middle["galeed"] / middle["plain"], 3),
        "ratio_to_same_clang": round(middle["galeed"] / middle["clang"], 3),
        "ratio_of_user_time": round(user["galeed"] / user["plain"], 3) if user["plain"] else None,
    }
