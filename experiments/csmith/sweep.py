"""Many cases, in parallel, recorded as they end, so that a sweep goes on where it was stopped.

results.jsonl has a line a case: seed, options, flags, verdicts, seconds, and a digest of
the sources that it was built by. A case is not run again unless it failed under other
sources; the summary says how many were judged by sources other than today's.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.csmith.case import FAILURES, MODES, SKIPPED, Case, judge
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from experiments.csmith.tools import Tools
    from experiments.model import Json

RESULTS = "results.jsonl"
NICE = 5


@dataclass
class Sweep:
    """Cases in one folder."""

    folder: Path
    tools: Tools
    modes: Sequence[str] = MODES

    @property
    def path(self) -> Path:
        """The record."""
        return self.folder / RESULTS

    def recorded(self) -> dict[int, dict[str, Json]]:
        """The last record of each seed. A line that a stop cut off counts as none."""
        found: dict[int, dict[str, Json]] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                    found[int(record["seed"])] = record
                except (ValueError, KeyError, TypeError):
                    continue
        return found

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Seeds without a record, and those that failed under other sources."""
        known = self.recorded()
        now = self.tools.versions["sources"]
        return [
            seed for seed in seeds if seed not in known or (failed(known[seed]) and known[seed].get("sources") != now)
        ]

    def run(self, seeds: Iterable[int], jobs: int, say: Callable[[str], None], seconds: float | None = None) -> None:
        """Judges what is missing. seconds: begin no program after that time. Raises LabError when the record
        cannot be written."""
        todo, end = self.missing(seeds), None if seconds is None else time.monotonic() + seconds
        say(f"{len(todo)} programs to judge, {jobs} at a time")
        self.folder.mkdir(parents=True, exist_ok=True)
        done = 0
        try:
            with (
                self.path.open("a", encoding="utf-8") as record,
                ProcessPoolExecutor(jobs, get_context("spawn"), os.nice, (NICE,)) as pool,
            ):
                waiting = iter(todo)
                running: set[Future[dict[str, Json]]] = set()

                def begin() -> bool:
                    late = end is not None and time.monotonic() >= end
                    seed = None if late else next(waiting, None)
                    if seed is not None:
                        running.add(pool.submit(_one, seed, self.tools, self.modes, self.folder / "failures"))
                    return seed is not None

                try:
                    while True:
                        while len(running) < jobs and begin():
                            pass
                        if not running:
                            break
                        ready, _ = wait(running, return_when=FIRST_COMPLETED)
                        running -= ready
                        for future in ready:
                            line = future.result()
                            record.write(json.dumps(line) + "\n")
                            record.flush()
                            done += 1
                            if failed(line):
                                say(f"seed {line['seed']}: {_words(line)}")
                            if done % 50 == 0:
                                say(f"{done} of {len(todo)} judged")
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        except OSError as error:
            raise LabError(f"{self.path}: {error.strerror}") from error


def _one(seed: int, tools: Tools, modes: Sequence[str], keep: Path) -> dict[str, Json]:
    case = Case.of(seed, tools.vectors)
    outcomes = judge(case, tools, modes, keep)
    return {
        "seed": seed,
        "generator": list(case.generator),
        "flags": list(case.flags),
        "sources": tools.versions["sources"],
        "modes": {mode: outcome.facts() for mode, outcome in outcomes.items()},
    }


def _modes(record: dict[str, Json]) -> dict[str, dict[str, Json]]:
    modes = record.get("modes")
    return {name: value for name, value in modes.items() if isinstance(value, dict)} if isinstance(modes, dict) else {}


def failed(record: dict[str, Json]) -> bool:
    """Is the verdict of some mode a failure of ours?"""
    return any(value.get("verdict") in FAILURES for value in _modes(record).values())


def _words(record: dict[str, Json]) -> str:
    return "; ".join(
        f"{mode}: {value['verdict']} ({value.get('note', '')})"
        for mode, value in _modes(record).items()
        if value.get("verdict") in FAILURES
    )


def summary(records: Sequence[dict[str, Json]], tools: Tools, modes: Sequence[str]) -> dict[str, Json]:
    """Counts of verdicts in each mode, the slowest build and run, and the failures."""
    counts: dict[str, Json] = {}
    for mode in modes:
        outcomes = [_modes(record)[mode] for record in records if mode in _modes(record)]
        times: dict[str, list[float]] = {"build": [], "run": []}
        for outcome in outcomes:
            seconds = outcome.get("seconds")
            for name, values in times.items():
                if isinstance(seconds, dict) and name in seconds:
                    values.append(float(str(seconds[name])))
        counts[mode] = {
            "verdicts": dict(Counter(str(outcome["verdict"]) for outcome in outcomes)),
            **{f"slowest_{name}_s": max(values, default=0.0) for name, values in times.items()},
            **{
                f"median_{name}_s": sorted(values)[len(values) // 2] if values else 0.0
                for name, values in times.items()
            },
        }
    levels = Counter(str(flags[0]) for record in records if isinstance(flags := record.get("flags"), list))
    return {
        "programs": len(records),
        "judged_by_other_sources": sum(record.get("sources") != tools.versions["sources"] for record in records),
        "versions": dict(tools.versions),
        "levels": dict(sorted(levels.items())),
        "modes": counts,
        "failures": {str(record["seed"]): _words(record) for record in records if failed(record)},
    }


def recorded_sweep(records: Sequence[dict[str, Json]], tools: Tools, facts: dict[str, Json]) -> dict[str, Json]:
    """What is kept of a sweep beside the sources: seeds, versions, counts, failures; no programs and no times.

    facts: of the machine (experiments.machine).
    """
    whole = summary(records, tools, MODES)
    seeds = [int(str(record["seed"])) for record in records]
    reasons: Counter[str] = Counter()
    modes: dict[str, Json] = {}
    for mode in MODES:
        outcomes = [_modes(record)[mode] for record in records if mode in _modes(record)]
        modes[mode] = dict(sorted(Counter(str(outcome["verdict"]) for outcome in outcomes).items()))
        reasons.update(f"{mode}: {outcome['note']}" for outcome in outcomes if outcome["verdict"] == SKIPPED)
    return {
        "seeds": {"first": min(seeds, default=0), "last": max(seeds, default=0), "judged": len(set(seeds))},
        "versions": whole["versions"],
        "judged_by_other_sources": whole["judged_by_other_sources"],
        "machine": {name: facts[name] for name in ("cpu", "pku", "kernel", "libc", "rustc", "date") if name in facts},
        "levels": whole["levels"],
        "modes": modes,
        "skipped": dict(sorted(reasons.items())),
        "failures": whole["failures"],
    }
