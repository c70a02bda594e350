"""Builds and runs the programs of this experiment, and sums up their samples.

A ratio is the median, over the rounds, of ours over the rival's in the same round:
rounds are interleaved, so noise of the machine hits both sides alike.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.workshop import BUILDS, ROOT, Program, build, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from experiments.heap.rivals import Rival
    from experiments.model import Options

HERE = Path(__file__).resolve().parent
OURS = "mpk"
CASES = (
    *(f"pair_{size}" for size in (8, 64, 512, 4096, 32768, 262144, 1048576)),
    *("calloc_64", "calloc_65536", "burst_64", "burst_512", "churn_512", "churn_8192", "churn_262144"),
    *("larson_500", "crossing_64", "crossing_8192", "growth_1048576"),
)
THREADS = (1, 2)
ROUNDS = 31
PROGRAM_ROUNDS = 5
PROGRAM_RUNS = 5
NO_SUCH_CASE = 3
TIMEOUT_SECONDS = 600
COMPILE = ("cc", "-std=gnu11", "-O2", "-pthread", "-Impk/csrc")
COLLECTIONS = {way: Program(HERE / "program", f"collections-{way}") for way in ("system", "domain")}
# jemalloc wants more static thread-local storage than glibc keeps for libraries loaded later.
TUNABLES = {"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=16384"}


@dataclass(frozen=True)
class Series:
    """ns per operation and thread, by allocator, one for each round."""

    case: str
    threads: int
    ns: Mapping[str, Sequence[float]]

    def median(self, name: str) -> float:
        """Of one allocator's rounds."""
        return statistics.median(self.ns[name])

    def ratio(self, name: str) -> float:
        """Ours over the rival's."""
        return statistics.median(a / b for a, b in zip(self.ns[OURS], self.ns[name], strict=True))


def geometric_mean(values: Iterable[float]) -> float:
    """pre: at least one, all positive."""
    return math.exp(statistics.fmean(map(math.log, values)))


def build_rounds() -> Path:
    """The C program, linked with the runtime's sources as they are. Raises LabError."""
    program = BUILDS / "heap-rounds"
    program.parent.mkdir(parents=True, exist_ok=True)
    runtime = sorted(one for one in (ROOT / "mpk" / "csrc").iterdir() if one.suffix in (".c", ".S"))
    sources = [HERE / "rounds.c", HERE / "cases.c", *runtime]
    command = [*COMPILE, *map(str, sources), "-ldl", "-o", str(program)]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise LabError(f"the heap's rounds do not compile: {first}")
    return program


def _run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=clean_environment(environment),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end after {TIMEOUT_SECONDS} s: {' '.join(command)}") from error


def rounds(
    program: Path, backend: str, rivals: Sequence[Rival], options: Options, cases: Sequence[str] = CASES
) -> list[Series]:
    """Each case with every number of threads that it has. Raises LabError when one fails."""
    libraries = [f"{one.name}={one.library}" for one in rivals if one.library]
    series = []
    for threads in THREADS:
        for case in cases:
            options.say(f"measuring {case} with {threads} thread{'s' if threads > 1 else ''}")
            command = [str(program), case, str(threads), str(ROUNDS), *libraries]
            done = _run(command, {"GALEED_BACKEND": backend, **TUNABLES})
            if done.returncode == NO_SUCH_CASE:
                continue
            if done.returncode != 0:
                raise LabError(f"{case} ended with {done.returncode}: {done.stderr.strip()}")
            series.append(Series(case, threads, json.loads(done.stdout)["ns"]))
    return series


@dataclass(frozen=True)
class Whole:
    """A program of std collections on one allocator. ns: of processor time a round."""

    allocator: str
    ns: float
    peak_kib: float


def collections(backend: str, rivals: Sequence[Rival], options: Options) -> list[Whole]:
    """The Rust program on each allocator, runs interleaved. Raises LabError."""
    built = {way: build(program, "plain", options) for way, program in COLLECTIONS.items()}
    ways: dict[str, tuple[Path, dict[str, str]]] = {OURS: (built["domain"], {}), "glibc": (built["system"], {})}
    for one in rivals:
        if one.library:
            ways[one.name] = (built["system"], {"LD_PRELOAD": str(one.library)})
    ns: dict[str, list[float]] = {name: [] for name in ways}
    peak: dict[str, list[float]] = {name: [] for name in ways}
    sums = set()
    for _ in range(PROGRAM_RUNS):
        for name, (executable, environment) in ways.items():
            done = _run([str(executable), str(PROGRAM_ROUNDS)], {"GALEED_BACKEND": backend, **environment})
            if done.returncode != 0:
                raise LabError(f"{executable.name} on {name} ended with {done.returncode}: {done.stderr.strip()}")
            line = json.loads(done.stdout)
            ns[name] += line["ns"]
            peak[name].append(line["peak_kib"])
            sums.add(line["checksum"])
    if len(sums) != 1:
        raise LabError("the program's result depends on the allocator")
    return [Whole(name, statistics.median(ns[name]), statistics.median(peak[name])) for name in ways]
