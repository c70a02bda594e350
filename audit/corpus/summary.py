"""A corpus's results as text and as a page: time, memory and findings of each unit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mpk.scanner.command import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.corpus.store import Record

_LEVELS = ("high", "medium", "low")


def line(record: Record) -> str:
    """One unit, for people: its state, time, memory and findings, or what went wrong."""
    words = f"{record.status:8} {record.seconds:7.1f} s {record.peak_bytes >> 20:6} MiB  {record.unit}"
    words += f" [{','.join(record.features)}]" if record.features else ""
    words += f": {record.reason}" if record.reason else f"  {found(record) or 'nothing found'}"
    return printable(words)  # names and messages of others


def found(record: Record) -> str:
    """Findings by rule, those of low confidence apart; counts that are no complaint (S01) are left out."""
    sure, unsure = Counter[str](), Counter[str]()
    for rule, confidence, number in record.findings:
        if rule != "S01":
            (unsure if confidence == "low" else sure)[rule] += number
    text = " ".join(f"{rule}:{number}" for rule, number in sorted(sure.items()))
    low = " ".join(f"{rule}:{number}" for rule, number in sorted(unsure.items()))
    return text + (f" (low: {low})" if low else "")


def text(records: Sequence[Record]) -> str:
    """All units, a line each, and the sums."""
    return "".join(f"{line(each)}\n" for each in records) + f"{total(records)}\n"


def total(records: Sequence[Record]) -> str:
    """One line."""
    states = Counter(each.status for each in records)
    by_level = Counter[str]()
    for each in records:
        for rule, confidence, number in each.findings:
            if rule != "S01":
                by_level[confidence] += number
    counts = ", ".join(f"{number} {status}" for status, number in states.items())
    levels = ", ".join(f"{by_level[each]} {each}" for each in _LEVELS)
    seconds = sum(each.seconds for each in records)
    return f"{len(records)} unit{'s' * (len(records) != 1)}: {counts}; findings by confidence: {levels}; {seconds:.0f} s in all"
