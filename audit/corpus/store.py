"""Where a corpus's results lie: reports/SLUG.json, units/SLUG.json (the record, written last), summary.jsonl and summary.txt.

Invariant: a record is there whole or not at all, and only after its report: whenever the run is killed, what has a record is
done. One run at a time writes to a folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from audit.errors import AuditError
from audit.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from audit.corpus.units import Unit

VERSION = 1
Status = Literal["audited", "partly", "failed", "crashed", "time", "memory"]


@dataclass
class Record:
    """One unit's result. status: audited; partly (it does not build, or a part cannot be read); failed (cannot be read);
    crashed; time, memory (over the limit). reason: one line, "" for audited. findings: [rule, confidence, number]. seconds:
    all together; of them build_seconds in cargo. made_by, stamp: of which galeed and of which input."""

    unit: str
    features: tuple[str, ...]
    status: Status
    reason: str
    seconds: float
    build_seconds: float
    audit_seconds: float
    peak_bytes: int
    c_modules: int
    findings: list[tuple[str, str, int]]
    report: str
    made_by: str
    stamp: str


class Store:
    """One output folder. Raises AuditError where it cannot be written, or another run writes there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            for each in ("reports", "units", "work"):
                (folder / each).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AuditError(f"{folder}: cannot be written: {error.strerror}") from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """The system lets the lock go when the run ends, however it ends."""
        with (self.folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AuditError(f"{self.folder}: another run writes there") from error
            yield

    def known(self, unit: Unit, made_by: str) -> Record | None:
        """The record of this unit, if this galeed made it of this input. What cannot be read is made anew."""
        try:
            given = json.loads((self.folder / "units" / f"{unit.slug}.json").read_bytes())
            if given.pop("version") != VERSION:
                return None
            given["features"] = tuple(given["features"])
            record = Record(**given)
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return None
        same = record.made_by == made_by and record.stamp == unit.stamp and record.unit == unit.word
        return record if same and (not record.report or (self.folder / record.report).is_file()) else None

    def keep(self, unit: Unit, record: Record, report: bytes | None) -> None:
        """The report first. Raises AuditError."""
        try:
            if report is not None:
                write_whole(self.folder / record.report, report)
            write_whole(self.folder / "units" / f"{unit.slug}.json", json.dumps({"version": VERSION, **asdict(record)}))
        except OSError as error:
            raise AuditError(f"{self.folder}: cannot be written: {error.strerror}") from error

    def summarise(self, records: Sequence[Record], text: str) -> None:
        """Raises AuditError."""
        lines = "".join(json.dumps({"version": VERSION, **asdict(each)}) + os.linesep for each in records)
        try:
            write_whole(self.folder / "summary.jsonl", lines)
            write_whole(self.folder / "summary.txt", text)
        except OSError as error:
            raise AuditError(f"{self.folder}: cannot be written: {error.strerror}") from error
