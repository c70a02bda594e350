"""One trial in a process of its own: LLVM has its assertions on, and what is odd may end it."""

from __future__ import annotations

import os
import resource
import signal
import traceback
from collections.abc import Callable

SECONDS = 60
BYTES = 4 << 30


class Ended(Exception):
    """The process ended without an answer: by LLVM's hand, or out of time."""


def alone(work: Callable[[], list[str]]) -> list[str] | None:
    """What work says, by a fork; None when LLVM refused the module (RuntimeError).

    Raises Ended. pre: this process has no other threads.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        code = 1
        try:
            code = _work(work, theirs)
        finally:
            os._exit(code)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 3:
        return None
    if code != 0:
        raise Ended(f"signal {-code}" if code < 0 else f"status {code}")
    return said.splitlines()


def _work(work: Callable[[], list[str]], pipe: int) -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    signal.alarm(SECONDS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # LLVM's last words
    try:
        found = work()
    except RuntimeError:
        return 3
    except Exception:
        found = [" ".join(traceback.format_exc(limit=-3).split())]
    with os.fdopen(pipe, "wb") as stream:
        stream.write("\n".join(found).encode())
    return 0
