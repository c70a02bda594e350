"""What E01 to E03 share: the scanner's hits, as evidence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from audit.model import Evidence, Location
from mpk.scanner.place import Context, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from audit.model import Finding, Kind, Rule
    from audit.subject import Subject
    from mpk.gadgets import Gadget
    from mpk.scanner.command import Scan
    from mpk.scanner.place import Found

_HOW = {
    Context.INSTRUCTION: "is an instruction of the program",
    Context.INSIDE: "hides inside another instruction",
    Context.ACROSS: "lies across two instructions",
    Context.UNKNOWN: "lies in executable memory",
}


def findings(
    rule: Rule, subject: Subject, kinds: Sequence[Gadget], words: str, across: bool = False
) -> Iterator[Finding]:
    """A finding for each hit that whoever jumps there can use: neither guarded nor sure to fault.

    words: what it does, behind "WRPKRU at f+0x2". across: those that begin in one mapping and end in the next, or the others.
    """
    numbers: Counter[str] = Counter()
    for scan in subject.scans:
        for found in scan.found:
            usable = found.hit.gadget in kinds and found.verdict is Verdict.OPEN
            if usable and _is_across(scan, found) is across:
                about = _about(scan, found)
                numbers[about] += 1
                seen = _evidence(scan, found)
                place = seen.location.symbol or f"{found.hit.offset:#x}"
                yield rule.finding(f"{found.hit.gadget.name} at {place}{words}", f"{about}:{numbers[about]}", seen)


def _is_across(scan: Scan, found: Found) -> bool:
    """Does it begin in one mapping or segment and end in the next?"""
    for run in scan.runs:
        if run.start <= found.hit.offset < run.end:
            piece = run.piece_at(found.hit.offset)
            return found.hit.offset + found.hit.size > piece.address + piece.size
    return False


def _artifact(scan: Scan) -> str:
    return f"pid:{scan.target}" if scan.kind == "process" else scan.target


def _evidence(scan: Scan, found: Found) -> Evidence:
    """The bytes, what they are, and where."""
    symbol = None
    if found.function and found.function.name:
        symbol = f"{found.function.name}+{found.hit.offset - found.function.start:#x}"
    words = f"{found.code.hex(' ')} {_HOW[found.context]}"
    if found.instruction and found.context is not Context.INSTRUCTION:
        words += f" ({found.instruction})"
    kind: Kind = "process" if scan.kind == "process" else "elf"
    return Evidence(kind, words, Location(_artifact(scan), address=found.hit.offset, symbol=symbol))


def _about(scan: Scan, found: Found) -> str:
    """Object, function and how it stands there: addresses move with every build."""
    name = found.object or _artifact(scan).rsplit("/", 1)[-1]
    function = found.function.name if found.function and found.function.name else found.section or "?"
    return f"{name}:{function}:{found.context.value}"
