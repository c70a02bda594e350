"""Runs clang, and cleans up whatever ends us.

Invariant: no temporary file of ours survives an error, an interrupt or a
termination (SIGKILL excepted), and the signal that ended us is the one our caller
sees.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from llvm_pass.driver.errors import DriverError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A signal asked us to end; carries its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Runner:
    """Starts commands, saying them first when asked, and ends them with us."""

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose
        self.child: subprocess.Popen[bytes] | None = None

    def say(self, text: str) -> None:
        """A line on stderr, only with --galeed-verbose."""
        if self.verbose:
            print(f"galeed: {text}", file=sys.stderr, flush=True)

    def replace(self, command: list[str]) -> int:
        """Becomes the command. Never returns, but for the type."""
        self.say(shlex.join(command))
        if sys.stdout is not None:  # None: our caller closed it
            sys.stdout.flush()
        os.execv(command[0], command)

    def start(self, command: list[str]) -> None:
        """Starts the command; `wait` must follow."""
        self.say(shlex.join(command))
        self.child = subprocess.Popen(command)

    def wait(self) -> int:
        """The exit status of the command started last; 128 + n when signal n ended it."""
        assert self.child is not None
        status = self.child.wait()
        self.child = None
        return status if status >= 0 else 128 - status

    def run(self, command: list[str]) -> int:
        """`start` and `wait`."""
        self.start(command)
        return self.wait()

    def stop(self) -> None:
        """Ends a command that still runs, and waits for it, so that it cleans up first."""
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            self.child.wait()


def with_signals(runner: Runner, body: Callable[[], int]) -> int:
    """Calls `body` so that a signal unwinds it; then dies of that very signal."""

    def unwind(number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)  # cleaning up is not to be interrupted
        raise Terminated(number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, unwind)
    try:
        return body()
    except Terminated as ended:
        runner.stop()
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
        return 128 + ended.number


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory of our own that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="galeed-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def is_ordinary(path: str) -> bool:
    """May the output be replaced? Not a device, a pipe or standard output."""
    return path != "-" and (Path(path).is_file() or not Path(path).exists())


def write_atomic(path: str, data: bytes) -> None:
    """Writes a file that is either whole or not there; devices and `-` are just written.

    Raises: DriverError when standard output is closed, OSError.
    """
    if path == "-":
        if sys.stdout is None:
            raise DriverError("standard output is closed; name a file with -o")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if not is_ordinary(path):
        with Path(path).open("wb") as stream:
            stream.write(data)
        return
    final = Path(path).resolve()  # a symbolic link stays one
    partial = final.with_name(f".{final.name}.galeed-{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
