"""Inputs and outputs: read whole, written whole or not at all, never one over another's input."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from llvm_pass.errors import UsageError


def read(name: str) -> bytes:
    """Raises UsageError, OSError."""
    if name == "-":
        if sys.stdin is None:
            raise UsageError("stdin is closed; name an input file")
        _refuse_endless("stdin", sys.stdin.buffer)
        return sys.stdin.buffer.read()
    if Path(name).is_dir():
        raise UsageError(f"{name}: is a directory")
    with Path(name).open("rb") as stream:
        _refuse_endless(name, stream)
        return stream.read()


def _refuse_endless(name: str, stream: BinaryIO) -> None:
    """A terminal ends when the user says so, /dev/null at once; another device may never."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file of the system's
        return
    if stat.S_ISCHR(status.st_mode) and not stream.isatty() and status.st_rdev != os.makedev(1, 3):
        raise UsageError(f"{name}: is a device")


def write(name: str, data: bytes) -> None:
    """A file appears whole or not at all; a device or pipe is written as it is. Raises UsageError, OSError."""
    path = Path(name)
    if not name:
        raise UsageError("the output's name is empty")
    if name == "-":
        if sys.stdout is None:
            raise UsageError("stdout is closed; use -o FILE")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        if path.is_dir():
            raise UsageError(f"{name}: is a directory")
        try:
            path.write_bytes(data)
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}") from error
    else:
        try:
            whole = path.resolve()
        except RuntimeError as error:  # what Python 3.11 makes of a loop of symbolic links
            raise UsageError(f"{name}: too many symbolic links") from error
        _replace(whole, data)


def _replace(path: Path, data: bytes) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no directory {path.parent}")
    try:
        handle, temporary = tempfile.mkstemp(prefix=".galeed-", dir=path.parent)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def outputs(inputs: list[str], output: str | None, text: bool) -> list[str]:
    """The output of each input. Raises UsageError when they would meet, or replace an input.

    One input may be replaced by its own output where that is said, as with opt.
    """
    place = "-" if output is None else output
    folder = place not in ("", "-") and (place.endswith("/") or Path(place).is_dir())
    if len(inputs) == 1 and not folder and "%s" not in place:
        return [place]
    if "-" in inputs and len(inputs) > 1:
        raise UsageError("stdin can only be the one input")
    if not folder and "%s" not in place:
        raise UsageError("several inputs need -o DIRECTORY, or -o with %s for the input's name")
    stems = ["stdin" if name == "-" else Path(name).stem for name in inputs]
    pattern = str(Path(place) / ("%s.ll" if text else "%s.bc")) if folder else place
    made = [pattern.replace("%s", stem) for stem in stems]
    owners: dict[Path, str] = {}
    sources = {Path(name).resolve(): name for name in inputs if name != "-"}
    for name, path in zip(inputs, map(_resolved, made), strict=True):
        if path in owners:
            raise UsageError(f"{name} and {owners[path]} would both be written to {path}")
        if path in sources:
            raise UsageError(f"{name}: its output would replace the input {sources[path]}")
        owners[path] = name
    return made


def _resolved(name: str) -> Path:
    try:
        return Path(name).resolve()
    except RuntimeError as error:
        raise UsageError(f"{name}: too many symbolic links") from error
