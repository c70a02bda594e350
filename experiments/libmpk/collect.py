"""Builds and runs keys.c, and turns what it says into points and figures with their goals."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import process
from experiments.bench.figures import Figure
from experiments.gates import without_keys
from experiments.model import LabError
from experiments.workshop import BUILDS, ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.model import Json, Options

COMPILE = ("cc", "-std=gnu11", "-O2", "-pthread", "-Impk/csrc")
SOURCE = Path("experiments/libmpk/keys.c")

HIT_GOAL = 1.5  # begin and end over two bare WRPKRU
MISS_GOAL_NS = 10_000.0
MALLOC_GOAL_NS = 206.0  # libmpk's own pair
SYNC_GOAL_NS = 150_000.0
SYNC_GOAL_THREADS = 10
PROTECT_GOALS = {1: 1.73, 1000: 3.78}  # times as fast as mprotect(2) [libmpk]


@dataclass(frozen=True)
class Point:
    """One measurement. x: pages or threads. rival_ns: what it is compared with; 0: nothing."""

    backend: str
    case: str
    x: int
    ns: float
    rival_ns: float


def build(options: Options) -> Path:
    """The program, linked with the runtime's sources as they are. Raises LabError with the first error."""
    program = BUILDS / "libmpk"
    program.parent.mkdir(parents=True, exist_ok=True)
    if not options.build:
        if not program.is_file():
            raise LabError(f"{program} was not built before; run without --no-build")
        return program
    options.say("building experiments/libmpk/keys.c")
    sources = sorted(one for one in (ROOT / "mpk" / "csrc").iterdir() if one.suffix in (".c", ".S"))
    command = [*COMPILE, str(SOURCE), *map(str, sources), "-o", str(program)]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise LabError(f"keys.c does not compile: {first}")
    return program


def measure(program: Path, backend: str, options: Options) -> list[Point]:
    """All cases on one backend. Raises LabError when the program fails."""
    options.say(f"measuring virtual keys on {backend}")
    ending = process.run([program], backend, options.output / f"keys.{backend}")
    points = _points(ending.line, backend)
    if ending.code != 0 or not points:
        raise LabError(f"{program} failed: {ending}; see {ending.stderr}")
    return points


def _points(line: Mapping[str, Json], backend: str) -> list[Point]:
    series = line.get("series")
    return [
        Point(backend, str(one["case"]), int(str(one["x"])), float(str(one["ns"])), float(str(one["rival_ns"])))
        for one in (series if isinstance(series, list) else [])
        if isinstance(one, dict)
    ]


def _figure(point: Point) -> Figure:
    pku = point.backend == "pku"
    over = f"{point.ns:,.0f} ns over {point.rival_ns:,.0f} ns"
    match point.case:
        case "hit":
            rival = "two bare WRPKRU" if pku else "two mprotect(2)"
            goal = HIT_GOAL if pku else None
            return Figure(f"begin + end, hit / {rival}", point.backend, point.ns / point.rival_ns, goal, note=over)
        case "miss":
            name = "begin + end, miss, one page"
            return Figure(name, point.backend, point.ns, MISS_GOAL_NS if pku else None, unit="ns")
        case "malloc":
            note = f"glibc's pair {point.rival_ns:,.0f} ns"
            return Figure("mpk_malloc + mpk_free, 64 B", point.backend, point.ns, MALLOC_GOAL_NS, unit="ns", note=note)
        case "mprotect":
            name = f"mprotect(2) / mpk_mprotect, {point.x} pages"
            goal = PROTECT_GOALS.get(point.x) if pku else None
            return Figure(name, point.backend, point.rival_ns / point.ns, goal, at_most=False, note=over)
        case _:
            goal = SYNC_GOAL_NS if point.x == SYNC_GOAL_THREADS else None
            return Figure(f"mpk_mprotect seen by {point.x} threads", point.backend, point.ns, goal, unit="ns")


def figures(points: Sequence[Point]) -> list[Figure]:
    """Each point as a figure, with the goal that it has."""
    return [_figure(point) for point in points]


def _without_keys(point: Point, cycles_per_ns: float, stand_in: str) -> list[Figure]:
    """What a point of a run without key writes says. Times of two stand-ins are told for the hit alone."""
    match point.case:
        case "hit":
            return without_keys.rest_and_estimate(
                "begin + end, hit", stand_in, point.ns - point.rival_ns, cycles_per_ns
            )
        case "mprotect":
            write_ns = without_keys.WRITE_CYCLES / cycles_per_ns
            formula = f"{point.rival_ns:,.0f} / ({point.ns:,.0f} + {write_ns:.0f}) ns, the last by [libmpk Table 1]"
            name = f"mprotect(2) / mpk_mprotect, {point.x} pages"
            note = f"an estimate, not a measurement: {formula}"
            ratio = point.rival_ns / (point.ns + write_ns)
            return [Figure(name, without_keys.BACKEND, ratio, None, at_most=False, note=note, estimate=True)]
        case "miss":
            name, note = (
                "begin + end, miss, one page",
                f"mprotect's work for pkey_mprotect's; goal {MISS_GOAL_NS:,.0f} ns",
            )
        case "sync":
            name = f"mpk_mprotect seen by {point.x} threads"
            goal = f"; goal {SYNC_GOAL_NS:,.0f} ns" if point.x == SYNC_GOAL_THREADS else ""
            note = f"the signals themselves; five key writes a thread would come to it{goal}"
        case _:
            return []
    return [Figure(name, without_keys.BACKEND, point.ns, None, unit="ns", note=note)]


def measure_without_keys(options: Options) -> list[Figure]:
    """The pku paths on a machine without keys: all but the key writes. Raises LabError when the program fails."""
    found: list[Figure] = []
    for number, stand_in in enumerate(without_keys.STAND_INS):
        options.say(f"measuring virtual keys without their key writes, {stand_in}")
        ending = process.run(
            [without_keys.build(ROOT / SOURCE, stand_in)], "pku", options.output / f"keys.without_keys.{number}"
        )
        pace = ending.line.get("cycles_per_ns")
        if ending.code != 0 or not isinstance(pace, float | int):
            raise LabError(f"the program without key writes failed: {ending}; see {ending.stderr}")
        for point in _points(ending.line, "pku"):
            if number == 0 or point.case == "hit":
                found += _without_keys(point, pace, stand_in)
    return found


def unavailable(why: str) -> list[Figure]:
    """The figures that pku would have given."""
    names: list[tuple[str, float, str, bool]] = [
        ("begin + end, hit / two bare WRPKRU", HIT_GOAL, "x", True),
        ("begin + end, miss, one page", MISS_GOAL_NS, "ns", True),
        *((f"mprotect(2) / mpk_mprotect, {pages} pages", goal, "x", False) for pages, goal in PROTECT_GOALS.items()),
        (f"mpk_mprotect seen by {SYNC_GOAL_THREADS} threads", SYNC_GOAL_NS, "ns", True),
    ]
    return [Figure(name, "pku", None, goal, unit, at_most, why) for name, goal, unit, at_most in names]
