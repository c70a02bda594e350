"""``galeed-probe --scan FILE|PID|-``: what it finds, as text or JSON.

Exit code: 0 nothing (or only what is guarded, by the file's own list and the form of the
comparison: see guards), 1 gadgets, 2 unread: what is not understood is never called clean.
"""

import json
import os
import shutil
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mpk.gadgets import Gadget
from mpk.scanner.code import Piece, Run, ScanError, hits_in
from mpk.scanner.image import MAGIC, Image
from mpk.scanner.place import Context, Found, Object, Verdict, place
from mpk.scanner.process import Process, opened

_CLAIM = (
    "guarded is what the file itself lists, where the comparison has a form of galeed's own: no proof, unless the file is "
    "galeed's own copy"
)
_PROGRESS_SECONDS = 0.2
_ARCHIVE = b"!<arch>\n"
_THIN_ARCHIVE = b"!<thin>\n"
_ARCHIVE_NOTE = (
    "it is an archive, scanned as raw bytes, so that no guard is known: scan the linked program, "
    "or extract the objects (ar x) for functions and sections"
)
_OBJECT_NOTE = "it is a relocatable object, whose guards are known only when it is linked: scan the linked program"
_PID_DIGITS = 10
_VERDICTS = {
    Verdict.OPEN: "whoever jumps here changes rights",
    Verdict.GUARDED: "guarded: what it loads is compared right behind it",
    Verdict.FAULTS: "faults in user mode",
}


@dataclass
class Scan:
    """What was scanned, and what was found. kind: "elf", "raw" or "process"."""

    target: str
    kind: str
    scanned_bytes: int = 0
    runs: list[Run] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def open_count(self) -> int:
        return sum(one.verdict is Verdict.OPEN for one in self.found)


class _Progress:
    """A line on stderr that is written over, where that is a terminal."""

    def __init__(self, total: int):
        self._total, self._done, self._shown = total, 0, time.monotonic()
        self._width = 0

    def add(self, count: int) -> None:
        self._done += count
        if sys.stderr.isatty() and time.monotonic() - self._shown > _PROGRESS_SECONDS:
            self._shown = time.monotonic()
            line = f"scanned {self._done >> 20} of {self._total >> 20} MiB"
            self._width = max(self._width, len(line))
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=sys.stderr, flush=True)


def scan_target(target: str) -> Scan:
    """FILE, PID (digits only) or - for standard input. Raises ScanError, OSError."""
    if target.isascii() and target.isdigit():
        if len(target.lstrip("0")) > _PID_DIGITS:
            raise ScanError("there is no such process")
        return _scan_process(int(target))
    with _opened_file(target) as file:
        return _scan_file(target, file)


@contextmanager
def _opened_file(target: str) -> Iterator[IO[bytes]]:
    if target == "-":
        if sys.stdin is None:
            raise ScanError("standard input is closed")
        with tempfile.TemporaryFile() as copy:  # it must be possible to seek in it
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            yield copy
        return
    # A pipe that nobody writes to is refused below, not waited for.
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ScanError("it is not a regular file; give - and send it through standard input")
        yield file


def _scan_file(target: str, file: IO[bytes]) -> Scan:
    descriptor, size = file.fileno(), os.fstat(file.fileno()).st_size
    if os.pread(descriptor, 1, size):  # as those of /proc have
        raise ScanError("it has more bytes than its size says; give - and send it through standard input")
    if os.pread(descriptor, len(MAGIC), 0) != MAGIC:
        if os.pread(descriptor, len(_THIN_ARCHIVE), 0) == _THIN_ARCHIVE:
            raise ScanError("it is a thin archive: its objects lie in other files; scan those, or the linked program")
        pieces = (Piece(0, size, descriptor, 0),) if size else ()
        scan = Scan(target, "raw", runs=[Run(pieces)] if pieces else [])
        if os.pread(descriptor, len(_ARCHIVE), 0) == _ARCHIVE:
            scan.notes.append(_ARCHIVE_NOTE)
        _find(scan, lambda hit: (None, hit.offset), bits=64)
        return scan
    image = Image(file, size)
    owner = Object(Path(target).name, image, 0)
    notes = [*([_OBJECT_NOTE] if image.is_relocatable else []), *image.notes]
    scan = Scan(target, "elf", runs=image.runs(descriptor), notes=notes)

    def locate(hit: Any) -> tuple[Object | None, int | None]:
        run = next(run for run in scan.runs if run.start <= hit.offset < run.end)
        piece = run.piece_at(hit.offset)
        return owner, piece.offset + hit.offset - piece.address

    _find(scan, locate, image.bits)
    return scan


def _scan_process(pid: int) -> Scan:
    with opened(pid) as process:
        scan = Scan(str(pid), "process", runs=process.runs, notes=process.notes)
        _find(scan, lambda hit: _locate(process, hit.offset), bits=64)
        return scan


def _locate(process: Process, address: int) -> tuple[Object | None, int | None]:
    mapping = process.mapping_at(address)
    return process.owner_of(address), mapping.offset + address - mapping.start if mapping.inode else None


def _find(scan: Scan, locate: Any, bits: int) -> None:
    progress = _Progress(sum(run.end - run.start for run in scan.runs))
    try:
        for run in scan.runs:
            for hit in hits_in(run, progress.add):
                owner, offset = locate(hit)
                scan.found.append(place(hit, run, offset, owner, bits))
            scan.scanned_bytes += run.end - run.start
        if any(one.verdict is Verdict.GUARDED and one.hit.gadget is Gadget.WRPKRU for one in scan.found):
            scan.notes.append(_CLAIM)
    finally:
        progress.end()


def as_json(scan: Scan) -> dict[str, Any]:
    """Shape: {"target", "kind", "scanned_bytes", "open", "notes", "hits": [{"gadget", "address",
    "file_offset", "bytes", "object", "section", "function", "function_offset", "context",
    "instruction", "instruction_address", "verdict"}]}. Addresses are strings "0x..."; what is unknown is null."""
    return {
        "target": scan.target,
        "kind": scan.kind,
        "scanned_bytes": scan.scanned_bytes,
        "open": scan.open_count,
        "notes": scan.notes,
        "hits": [_hit_json(one) for one in scan.found],
    }


def _hit_json(one: Found) -> dict[str, Any]:
    return {
        "gadget": one.hit.gadget.name,
        "address": hex(one.hit.offset),
        "file_offset": one.file_offset,
        "bytes": one.code.hex(" "),
        "object": one.object,
        "section": one.section,
        "function": one.function.name if one.function else None,
        "function_offset": one.hit.offset - one.function.start if one.function else None,
        "context": one.context.value,
        "instruction": one.instruction,
        "instruction_address": hex(one.instruction_address) if one.instruction_address is not None else None,
        "verdict": one.verdict.value,
    }


def render(scan: Scan) -> str:
    """Three lines a hit, then what was scanned."""
    blocks = ["\n".join(_lines(one)) for one in scan.found]
    what = {"elf": "executable bytes", "raw": "raw bytes", "process": "executable bytes of the process"}[scan.kind]
    counts = {verdict: sum(one.verdict is verdict for one in scan.found) for verdict in Verdict}
    words = {
        Verdict.OPEN: "that change rights",
        Verdict.GUARDED: "guarded by a compare",
        Verdict.FAULTS: "that fault in user mode",
    }
    told = ", ".join(f"{count} {words[verdict]}" for verdict, count in counts.items() if count) or "no gadgets"
    runs = f"{len(scan.runs)} run{'' if len(scan.runs) == 1 else 's'}"
    summary = f"{printable(scan.target)}: {scan.scanned_bytes} {what} in {runs}: {told}"
    return "\n".join([*blocks, *(f"note: {note}" for note in scan.notes), summary])


def printable(name: str) -> str:
    """A name that somebody else chose, as one piece of a line: what cannot be shown is escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in name)


def _lines(one: Found) -> Iterator[str]:
    place_in_file = f", file offset 0x{one.file_offset:x}" if one.file_offset is not None else ""
    yield f"{one.hit.gadget.name} at 0x{one.hit.offset:x}{place_in_file}: {one.code.hex(' ')}"
    where = [printable(one.object)] if one.object else []
    if one.function:
        name = printable(one.function.name or "") or f"a function without a name at 0x{one.function.start:x}"
        where.append(f"{name}+0x{one.hit.offset - one.function.start:x}")
    elif one.section:
        where.append(f"section {printable(one.section)}")
    if where:
        yield f"  in    {', '.join(where)}"
    if one.context is Context.INSTRUCTION:
        yield f"  is    {one.instruction}"
    elif one.context is not Context.UNKNOWN:
        words = "inside" if one.context is Context.INSIDE else "across"
        yield f"  lies  {words} {one.instruction} (at 0x{one.instruction_address:x})"
    yield f"  so    {_VERDICTS[one.verdict]}"


def run(target: str, json_wanted: bool) -> tuple[str, int]:
    """The text to print and the exit code. Raises ScanError with one line, target included."""
    try:
        scan = scan_target(target)
    except (ScanError, OSError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise ScanError(f"{printable(target)}: {what}") from error
    except (ValueError, ArithmeticError, LookupError, MemoryError, RecursionError, struct.error) as error:
        raise ScanError(f"{printable(target)}: it cannot be understood ({type(error).__name__})") from error
    text = json.dumps(as_json(scan), indent=2) if json_wanted else render(scan)
    return text, 1 if scan.open_count else 0
