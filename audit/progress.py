"""How far long work is, on stderr: at once on a terminal, elsewhere only when it takes long."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Self

from mpk.scanner.command import printable

if TYPE_CHECKING:
    from types import TracebackType

_QUIET_SECONDS = 2.0


def tell(line: str) -> None:
    """One line on stderr, whatever names and messages stand in it. Where nobody can read it, the work goes on."""
    if sys.stderr is None:  # print would take stdout then, where the report is
        return
    try:
        print(f"galeed-audit: {printable(line)}", file=sys.stderr, flush=True)
    except OSError:  # what is left in its buffer is not tried again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class Progress:
    """A context manager. Said within the first seconds, away from a terminal, a line is kept, and only the last one is shown
    when they are over."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet or sys.stderr is None
        self._lock = threading.Lock()
        self._shows, self._kept = self._quiet or sys.stderr.isatty(), ""
        self._timer = threading.Timer(_QUIET_SECONDS, self._over)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if not self._shows:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._quiet = True

    def say(self, line: str) -> None:
        """Thread-safe."""
        with self._lock:
            if self._shows:
                self._print(line)
            else:
                self._kept = line

    def _over(self) -> None:
        with self._lock:
            self._shows = True
            if self._kept:
                self._print(self._kept)

    def _print(self, line: str) -> None:
        if not self._quiet:
            tell(line)
