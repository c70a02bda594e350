"""Figure of the scanner: bytes of real code a second, on one core.

Over the executable runs of the LLVM that the pass uses, read into memory first.
Beside it the C library's memchr for a byte that is not there, over as many bytes in the
same run: how fast this machine reads at all. The fastest of several turns counts: what
else runs on the machine only ever adds.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.bench.figures import Figure
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.model import Options

GOAL_MB_PER_S = 1_500
TURNS = 7
_MEGA = 1e6
_ABSENT = 0xF7  # made absent from the copy that memchr looks through


def _code() -> bytes:
    """The executable runs of llvmlite's library, one behind the other."""
    import llvmlite.binding

    from mpk.scanner.code import ScanError
    from mpk.scanner.image import Image

    folder = Path(llvmlite.binding.__file__).parent
    try:
        library = next(iter(sorted(folder.glob("*.so"))))
        with library.open("rb") as file:
            runs = Image(file, library.stat().st_size).runs(file.fileno())
            return b"".join(run.read(run.start, run.end) for run in runs)
    except (StopIteration, OSError, ScanError) as error:
        raise LabError(f"no code to scan in {folder}: {error}") from error


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def speed(options: Options) -> list[Figure]:
    """The scanner's speed, and its time against memchr's. Raises LabError without code to scan."""
    from mpk.gadgets import scan

    code = _code()
    copy = code.translate(bytes(0 if byte == _ABSENT else byte for byte in range(256)))
    memchr = ctypes.CDLL(None).memchr
    memchr.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t]
    options.say(f"scanning {len(code) >> 20} MiB of code: {TURNS} turns")
    scanned, looked = [], []
    for _ in range(TURNS):
        scanned.append(_seconds(lambda: scan(code)))
        looked.append(_seconds(lambda: memchr(copy, _ABSENT, len(copy))))
    note = f"{len(code) / _MEGA:.0f} MB of LLVM's code, {len(scan(code))} hits"
    speed_mb = len(code) / min(scanned) / _MEGA
    return [
        Figure("gadget scanner", "any", speed_mb, GOAL_MB_PER_S, "MB/s", at_most=False, note=note),
        Figure("gadget scanner / memchr", "any", min(scanned) / min(looked), None, note="time, same bytes, same run"),
    ]
