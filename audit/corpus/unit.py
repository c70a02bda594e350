"""One unit from its name to its record: in a process of its own, below another that keeps its limits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.corpus.store import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.corpus.store import Status
    from audit.corpus.units import Unit

_MOST_REASON = 300


@dataclass(frozen=True)
class Limits:
    """For each unit. memory_bytes: of its processes together. jobs: how much of a unit at once. build: of crates."""

    seconds: float
    memory_bytes: int
    jobs: int
    build: bool


@contextmanager
def lifeline() -> Iterator[int]:
    """A descriptor that units hang on: when this process lets it go, or ends however it ends, what runs for them ends."""
    held, holder = os.pipe()
    try:
        yield held
    finally:
        os.close(holder)
        os.close(held)


def audited(unit: Unit, limits: Limits, made_by: str, work: Path, life: int) -> tuple[Record, bytes | None]:
    """The record and, where the unit could be read, its report as JSON. work: a folder for this unit alone, removed at the end.
    life: see lifeline."""
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    work.mkdir(parents=True)
    try:
        outcome = _run(unit, limits, work, life)
        measures = _read(work / "measures.json")
        report = (work / "report.json").read_bytes() if measures is not None else None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    status, reason = _judged(outcome, measures, limits)
    shown = measures or {}
    record = Record(
        unit.word, unit.features, status, reason, outcome["seconds"], shown.get("build_seconds", 0.0), shown.get("audit_seconds", 0.0),
        outcome["peak_bytes"], shown.get("c_modules", 0), [tuple(each) for each in shown.get("findings", ())],
        f"reports/{unit.slug}.json" if report is not None else "", made_by, unit.stamp,
    )  # fmt: skip
    return record, report


def _run(unit: Unit, limits: Limits, work: Path, life: int) -> dict[str, Any]:
    job = {
        "word": unit.word, "features": unit.features, "build": limits.build, "jobs": limits.jobs,
        "report": str(work / "report.json"), "measures": str(work / "measures.json"),
    }  # fmt: skip
    (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
    (work / "tmp").mkdir()
    environment = dict(
        os.environ, CARGO_TARGET_DIR=str(work.absolute() / "target"), TMPDIR=str(work.absolute() / "tmp")
    )
    command = [sys.executable, "-P", "-m", "audit.corpus.one", str(work / "job.json")]
    keeper = subprocess.run(
        [sys.executable, "-P", "-m", "audit.corpus.limits", str(limits.seconds), str(limits.memory_bytes), *command],
        stdin=life, capture_output=True, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        outcome = json.loads(keeper.stdout)
    except ValueError:
        outcome = {
            "ended": "itself",
            "code": keeper.returncode,
            "seconds": 0.0,
            "peak_bytes": 0,
            "said": keeper.stderr.decode(errors="replace"),
        }
    return dict(outcome)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _judged(outcome: dict[str, Any], measures: dict[str, Any] | None, limits: Limits) -> tuple[Status, str]:
    if outcome["ended"] == "time":
        return "time", f"took more than {limits.seconds:g} s"
    if outcome["ended"] == "memory":
        return "memory", f"took more than {limits.memory_bytes >> 20} MiB"
    lines = [line.strip() for line in outcome["said"].splitlines() if line.strip()]
    last = lines[-1][:_MOST_REASON] if lines else "no reason given"
    if outcome["code"] < 0:
        return "crashed", f"ended by signal {-outcome['code']}: {last}"
    if outcome["code"] == 2 and measures is None:
        return "failed", last
    if outcome["code"] != 0 or measures is None:
        return "crashed", last
    if measures["unread"]:
        return "partly", str(next(iter(measures["notes"]), "a part cannot be read"))[:_MOST_REASON]
    return "audited", ""
