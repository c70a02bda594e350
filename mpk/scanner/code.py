"""Runs of executable bytes, read by windows, and the gadgets in them.

A *piece* is a part of a file (or of a process's memory) at an address. A *run* is a
row of pieces without a gap: an instruction may begin in one and end in the next.

Invariant: what is found does not depend on the size of windows: a hit belongs to the
window in which it ends, and windows overlap by all that a hit may lie before.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mpk.gadgets import MAX_BYTES, Hit, scan

WINDOW_BYTES = 16 << 20
PAGE_BYTES = 4096

Progress = Callable[[int], None]
"""Told how many further bytes have been scanned."""


class ScanError(Exception):
    """What was asked for cannot be scanned; the message is one line."""


@dataclass(frozen=True)
class Piece:
    """size bytes at an address, the same in the file at offset; zeros behind the file's end if padded."""

    address: int
    size: int
    descriptor: int
    offset: int
    padded: bool = False

    def read(self, start: int, size: int) -> bytes:
        """Raises ScanError when they are not all there."""
        data = b""
        while len(data) < size:
            try:
                more = os.pread(self.descriptor, size - len(data), self.offset + start + len(data))
            except OSError as error:
                raise ScanError(f"cannot read at 0x{self.offset + start:x}: {error.strerror}") from error
            if not more and self.padded:
                return data + bytes(size - len(data))
            if not more:
                raise ScanError(f"it ended at 0x{self.offset + start + len(data):x} while it was read")
            data += more
        return data


@dataclass(frozen=True)
class Run:
    """Adjacent pieces, in order."""

    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        return self.pieces[0].address

    @property
    def end(self) -> int:
        return self.pieces[-1].address + self.pieces[-1].size

    def read(self, start: int, end: int) -> bytes:
        """The bytes from address start up to end, as far as the run goes. Raises ScanError."""
        parts = []
        for piece in self.pieces:
            low, high = max(start, piece.address), min(end, piece.address + piece.size)
            if low < high:
                parts.append(piece.read(low - piece.address, high - low))
        return b"".join(parts)

    def piece_at(self, address: int) -> Piece:
        return next(piece for piece in self.pieces if address < piece.address + piece.size)


def runs_of(pieces: list[Piece]) -> list[Run]:
    """Joins adjacent pieces. pre: sorted by address, not overlapping, none empty."""
    rows: list[list[Piece]] = []
    for piece in pieces:
        if rows and rows[-1][-1].address + rows[-1][-1].size == piece.address:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [Run(tuple(row)) for row in rows]


def hits_in(run: Run, progress: Progress, window_bytes: int = WINDOW_BYTES) -> Iterator[Hit]:
    """The run's gadgets in order; offsets are addresses. Raises ScanError."""
    for start in range(run.start, run.end, window_bytes):
        before = max(run.start, start - (MAX_BYTES - 1))
        window = run.read(before, start + window_bytes)
        for hit in scan(window):
            if before + hit.offset + hit.size > start:
                yield Hit(before + hit.offset, hit.gadget, hit.size)
        progress(len(window) - (start - before))
