"""What E01 to E03 share: the scanner's hits, as evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Evidence, Location
from mpk.scanner.place import Context, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Kind
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


def open_hits(subject: Subject, *gadgets: Gadget) -> Iterator[tuple[Scan, Found]]:
    """Those that whoever jumps there can use: neither guarded nor sure to fault."""
    for scan in subject.scans:
        for found in scan.found:
            if found.hit.gadget in gadgets and found.verdict is Verdict.OPEN:
                yield scan, found


def is_across(scan: Scan, found: Found) -> bool:
    """Does it begin in one mapping or segment and end in the next?"""
    for run in scan.runs:
        if run.start <= found.hit.offset < run.end:
            piece = run.piece_at(found.hit.offset)
            return found.hit.offset + found.hit.size > piece.address + piece.size
    return False


def artifact(scan: Scan) -> str:
    return f"pid:{scan.target}" if scan.kind == "process" else scan.target


def evidence(scan: Scan, found: Found) -> Evidence:
    """The bytes, what they are, and where."""
    symbol = None
    if found.function and found.function.name:
        symbol = f"{found.function.name}+{found.hit.offset - found.function.start:#x}"
    words = f"{found.code.hex(' ')} {_HOW[found.context]}"
    if found.instruction and found.context is not Context.INSTRUCTION:
        words += f" ({found.instruction})"
    kind: Kind = "process" if scan.kind == "process" else "elf"
    return Evidence(kind, words, Location(artifact(scan), address=found.hit.offset, symbol=symbol))


def key(scan: Scan, found: Found, number: int) -> str:
    """By object and function, and the how-manieth in it: addresses move with every build."""
    name = found.object or artifact(scan).rsplit("/", 1)[-1]
    function = found.function.name if found.function and found.function.name else found.section or "?"
    return f"{name}:{function}:{found.context.value}:{number}"
