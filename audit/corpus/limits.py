"""Runs one command with its children under limits of time and memory, and leaves none of them behind.

Invariant: every process that comes from the command is found, even one that left its group and lost its parent: this process is
the reaper of them all (PR_SET_CHILD_SUBREAPER), so it runs one command and nothing else. When whoever started this
process is gone (its end of standard input closes), everything ends.
`python -m audit.corpus.limits SECONDS MEMORY_BYTES COMMAND...` prints an Outcome as JSON.
Source: prctl(2), proc(5).
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_QUICK_SECONDS, _LOOK_SECONDS = 0.05, 0.25
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MOST_SAID_BYTES = 4000

Ended = Literal["itself", "time", "memory", "orphaned"]


@dataclass
class Outcome:
    """ended: by what. code: as of subprocess, negative for a signal. peak_bytes: the most memory of all its processes
    together that was seen, without what is only a file's. said: the end of its standard error."""

    ended: Ended
    code: int
    seconds: float
    peak_bytes: int
    said: str


def run(command: list[str], seconds: float, memory_bytes: int) -> Outcome:
    """pre: this process has no other children. Raises OSError when the command cannot be started."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
    start, peak, ended = time.monotonic(), 0, "itself"
    with open(os.memfd_create("said"), "w+b") as said:  # noqa: PTH123 (no path)
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
        parent = select.poll()
        parent.register(0, select.POLLIN | select.POLLHUP)
        wait = _QUICK_SECONDS
        while child.poll() is None:
            used = sum(map(_private_bytes, _descendants()))
            peak = max(peak, used)
            if used > memory_bytes:
                ended = "memory"
            elif time.monotonic() - start > seconds:
                ended = "time"
            elif parent.poll(0) and not os.read(0, 1):
                ended = "orphaned"
            if ended != "itself":
                break
            parent.poll(wait * 1000)
            wait = min(wait * 1.5, _LOOK_SECONDS)
        taken = time.monotonic() - start
        _end_all()
        code = child.wait()
        said.seek(max(said.seek(0, 2) - _MOST_SAID_BYTES, 0))
        words = said.read().decode(errors="replace")
    return Outcome(ended, code, round(taken, 3), peak, words)  # type: ignore[arg-type]


def _descendants() -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for each in os.listdir("/proc"):  # noqa: PTH208 (a thousand Paths, four times a second)
        if each.isdigit():
            try:
                stat = Path(f"/proc/{each}/stat").read_bytes()
            except OSError:
                continue
            children[int(stat[stat.rindex(b")") + 4 :].split(maxsplit=1)[0])].append(int(each))
    found, queue = [], [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _private_bytes(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/statm").read_bytes().split()
    except OSError:
        return 0
    return (int(words[1]) - int(words[2])) * _PAGE_BYTES if len(words) > 2 else 0


def _end_all() -> None:
    """Again and again, since what runs may fork meanwhile. A zombie is waited for by whoever is its parent."""
    while living := [each for each in _descendants() if not _is_zombie(each)]:
        for each in living:
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] in b"ZX"


def main() -> int:
    """The command."""
    seconds, memory, *command = sys.argv[1:]
    print(json.dumps(asdict(run(command, float(seconds), int(memory)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
