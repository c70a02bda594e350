"""Findings judged by hand, and what they make of the rules: precision, recall, misses, false alarms.

Invariant: a finding counts as true only by a known bug's own file, or by a judgement with its reason; one that has
neither is *unjudged*, and no figure hides it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from audit.model import Confidence, Severity
from experiments.audit.halves import shown
from experiments.model import LabError

if TYPE_CHECKING:
    from audit.model import Finding
    from experiments.audit.halves import Audited
    from experiments.audit.pairs import Bug, Pair

JUDGEMENTS = Path(__file__).parent / "judgements.toml"
DIGITS = 16


@dataclass(frozen=True)
class Judgement:
    is_true: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """One finding of a pair, once, whichever half shows it. is_true: None where nobody has judged it. reason: or the bug.

    halves: those that show it. place: for people.
    """

    pair: Pair
    finding: Finding
    halves: tuple[str, ...]
    is_true: bool | None
    reason: str
    place: str

    @property
    def is_false_high(self) -> bool:
        """False, of severity high or above, and on the fixed half."""
        return self.is_true is False and "fixed" in self.halves and self.finding.severity >= Severity.HIGH


@dataclass(frozen=True)
class Known:
    """A known bug. seen: by default. seen_at_all: candidates included. by: the rules that say it."""

    pair: Pair
    bug: Bug
    seen: bool
    seen_at_all: bool
    by: tuple[str, ...]


@dataclass
class Scores:
    verdicts: list[Verdict] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)


def judgements(path: Path = JUDGEMENTS) -> dict[tuple[str, str], Judgement]:
    """By pair and fingerprint. Raises LabError for a file that is not as it should be."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        found: dict[tuple[str, str], Judgement] = {}
        for each in said.get("finding", ()):
            if each["verdict"] not in ("true", "false") or not each["reason"].strip():
                raise LabError(f"{path}: {each['fingerprints']}: a verdict is true or false, and has a reason")
            for fingerprint in each["fingerprints"]:
                found[each["pair"], fingerprint] = Judgement(each["verdict"] == "true", each["reason"])
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise LabError(f"{path}: {error}") from error
    return found


def score(pair: Pair, halves: dict[str, Audited], judged: dict[tuple[str, str], Judgement], scores: Scores) -> None:
    """Adds a pair. halves: buggy, and fixed where there is one."""
    buggy = halves["buggy"]
    for bug in pair.bugs:
        hits = [each for each in buggy.findings if bug.is_hit_by(each, buggy.folder)]
        sure = [each for each in hits if each.confidence >= Confidence.MEDIUM]
        rules = tuple(sorted({each.rule for each in sure or hits}))
        scores.known.append(Known(pair, bug, bool(sure), bool(hits), rules))
    first: dict[str, tuple[str, Finding]] = {}
    where: dict[str, tuple[str, ...]] = {}
    for half, audited in halves.items():
        for finding in shown(audited.findings):
            first.setdefault(finding.fingerprint, (half, finding))
            if half not in where.setdefault(finding.fingerprint, ()):
                where[finding.fingerprint] += (half,)
    for fingerprint, (half, finding) in first.items():
        is_true, reason = _verdict(pair, finding, where[fingerprint], buggy, judged)
        place = _place(finding, halves[half].folder)
        scores.verdicts.append(Verdict(pair, finding, where[fingerprint], is_true, reason, place))


def _verdict(
    pair: Pair, finding: Finding, halves: tuple[str, ...], buggy: Audited, judged: dict[tuple[str, str], Judgement]
) -> tuple[bool | None, str]:
    said = judged.get((pair.name, finding.fingerprint[:DIGITS]))
    if said is not None:
        return said.is_true, said.reason
    bug = next((each for each in pair.bugs if each.is_hit_by(finding, buggy.folder)), None)
    if bug is not None and halves == ("buggy",):  # what stays after the fix is to be judged
        return True, f"known: {bug.what}"
    return None, ""


def _place(finding: Finding, folder: Path) -> str:
    """As the finding's own file has it, without the line, which moves."""
    location = finding.location
    path = Path(location.artifact)
    file = str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name
    return f"{file}, {location.symbol}" if location.symbol else file
