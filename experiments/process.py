"""Runs one process and keeps what it said.

A case is one process: a stopped attack or a crash ends it, and nothing that it
broke can reach the next one.
"""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.workshop import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from experiments.model import Json

# An emulated CPU is slow; nothing here takes a tenth of this on a real one.
TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Ending:
    """How a process ended. code: exit code; negative: the signal; None: out of time.

    line: the last JSON object it printed, {} if none. violations: what the
    runtime wrote to GALEED_REPORT.
    """

    code: int | None
    line: Mapping[str, Json]
    violations: tuple[Mapping[str, Json], ...]
    stderr: Path

    def __str__(self) -> str:
        if self.code is None:
            return f"no end after {TIMEOUT_SECONDS:.0f} s"
        if self.code < 0:
            return f"died of {signal.Signals(-self.code).name}"
        return f"exit {self.code}"


def _parsed(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value


def _objects(text: str) -> list[dict[str, Json]]:
    """JSON objects: the whole text as one, or those that are a line each."""
    for candidates in ([text], text.splitlines()):
        found = [value for value in map(_parsed, candidates) if isinstance(value, dict)]
        if found:
            return found
    return []


def run(command: Sequence[str | Path], backend: str, stem: Path) -> Ending:
    """Runs to the end; stem: path of the kept files, to which .stderr, .stdout, .report are added."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stderr, stdout, report = (stem.with_name(f"{stem.name}.{part}") for part in ("stderr", "stdout", "report"))
    report.unlink(missing_ok=True)
    environment = clean_environment(
        {
            "GALEED_BACKEND": backend,
            "GALEED_ON_VIOLATION": "unwind",
            "GALEED_REPORT": str(report),
        }
    )
    code: int | None
    with stdout.open("wb") as out, stderr.open("wb") as err:
        try:
            code = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                timeout=TIMEOUT_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    lines = _objects(stdout.read_text(encoding="utf-8", errors="replace"))
    seen = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
    return Ending(code, lines[-1] if lines else {}, tuple(_objects(seen)), stderr)
