"""What an audit says: findings, each with its evidence, and the rules that make them.

Invariant: a fingerprint does not change when lines move: it is made of the rule and of what the
finding is about (its key), never of a line number or an address.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit.subject import Subject

State = Literal["", "new", "unchanged", "absent"]
Kind = Literal["elf", "dwarf", "ir", "rust", "c", "process", "run"]


class Severity(IntEnum):
    """How bad, if it is as the finding says. METRIC: a count, no complaint."""

    METRIC = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(IntEnum):
    """How sure. LOW: a candidate to look at, hidden unless asked for."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(frozen=True, order=True)
class Location:
    """Where. artifact: a path, or pid:N. line, column: from 1, columns in UTF-16 code units. address: as the file
    itself counts, before loading."""

    artifact: str
    line: int | None = None
    column: int | None = None
    address: int | None = None
    symbol: str | None = None

    def __str__(self) -> str:
        text = self.artifact
        if self.line is not None:
            text += f":{self.line}" + (f":{self.column}" if self.column is not None else "")
        if self.address is not None:
            text += f" at {self.address:#x}"
        return text + (f" ({self.symbol})" if self.symbol else "")


@dataclass(frozen=True, order=True)
class Evidence:
    """One thing that was seen, and where."""

    kind: Kind
    text: str
    location: Location


@dataclass(frozen=True)
class Finding:
    """evidence: the first is where the finding is shown. key: what it is about, without lines and addresses.
    state: against a baseline, "" without one. suppressed: the reason that was given, "" if it is not; suppressed_in: SARIF's word for
    where it was."""

    rule: str
    severity: Severity
    confidence: Confidence
    message: str
    key: str
    evidence: tuple[Evidence, ...]
    state: State = ""
    suppressed: str = ""
    suppressed_in: Literal["inSource", "external"] = "external"

    @property
    def counts(self) -> bool:
        """Is it something to fail on? Not what is known, gone, or suppressed."""
        return (
            self.state not in ("unchanged", "absent") and not self.suppressed and self.severity is not Severity.METRIC
        )

    @property
    def location(self) -> Location:
        return self.evidence[0].location

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(f"{self.rule}\0{self.key}".encode()).hexdigest()

    @property
    def order(self) -> tuple[object, ...]:
        """Worst first, then by rule and place: the same for the same input."""
        place = self.location
        return (
            -self.severity, -self.confidence, self.rule, place.artifact, place.line or 0, place.address or 0, self.message,
        )  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One rule: metadata, page and check. page: Markdown, below the title and the table that are generated.

    check: yields what it finds; the subject says what there is to look at.
    """

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    cwe: int
    page: str
    check: Callable[[Rule, Subject], Iterator[Finding]]

    def finding(
        self,
        message: str,
        key: str,
        *evidence: Evidence,
        severity: Severity | None = None,
        confidence: Confidence | None = None,
    ) -> Finding:
        """One finding of this rule. pre: there is evidence."""
        sure = self.confidence if confidence is None else confidence
        bad = self.severity if severity is None else severity
        return Finding(self.id, bad, sure, message, key, evidence)
