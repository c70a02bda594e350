"""Runs a command and says what it used: CPU time, wall time, memory, and how much of it was our own.

Own is what Python processes in the command's tree used (galeed-cc and the child in which
LLVM holds the module); the rest is clang's. The command itself is counted exactly; of its
children the samples taken last count, every SAMPLE_S. Memory is the largest sum of resident sets
seen at a time, and no less than the largest single one, which the kernel knows exactly.
Shared pages count in each process: the sum says too much rather than too little.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.workshop import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SAMPLE_S = 0.02
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
UTIME, STIME = 13, 14  # of /proc/PID/stat, counted from 0 [proc(5)]


@dataclass(frozen=True)
class Usage:
    """What one command and its children used."""

    cpu_s: float
    wall_s: float
    own_s: float
    peak_bytes: int


def _tree(root: int) -> Iterator[int]:
    yield root
    try:
        tasks = list(Path(f"/proc/{root}/task").iterdir())
        children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return  # it ended
    for child in children:
        yield from _tree(child)


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[UTIME - 2]) + int(fields[STIME - 2])) / TICKS_PER_S


def _resident_bytes(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES


class _Watch:
    """Gathers samples of one process tree."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._python: dict[int, float] = {}
        self.peak_bytes = 0

    def sample(self) -> None:
        total = 0
        for process in _tree(self._root):
            try:
                total += _resident_bytes(process)
                if "python" in Path(f"/proc/{process}/exe").readlink().name:
                    self._python[process] = _cpu_s(process)
            except OSError:
                continue  # it ended
        self.peak_bytes = max(self.peak_bytes, total)

    def ended(self) -> None:
        """pre: the command ended and nobody waited for it: its own times are final."""
        if self._root in self._python:
            self._python[self._root] = _cpu_s(self._root)

    @property
    def own_s(self) -> float:
        return sum(self._python.values())


def measured(command: Sequence[str | Path], what: str, environment: Mapping[str, str] | None = None) -> Usage:
    """Runs it to its end. Raises LabError with its first error line when it fails."""
    with tempfile.TemporaryFile() as words:
        began_s = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
        )
        watch = _Watch(process.pid)
        watch.sample()
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            time.sleep(SAMPLE_S)
            watch.sample()
        wall_s = time.perf_counter() - began_s
        watch.ended()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            words.seek(0)
            lines = words.read().decode(errors="replace").splitlines()
            first = next((line for line in lines if "error" in line), lines[-1] if lines else "no message")
            raise LabError(f"{what} failed: {first}")
    peak_bytes = max(watch.peak_bytes, used.ru_maxrss * 1024)
    return Usage(used.ru_utime + used.ru_stime, wall_s, watch.own_s, peak_bytes)
