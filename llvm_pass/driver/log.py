"""The drivers' log: one JSON line for each source compiled, in $GALEED_CC_LOG.

Invariant: a line is appended with one write, so parallel compilations do not mix.
The log reports; nothing about safety is decided by it (`cargo galeed` looks into
the objects themselves). An entry tells of a file only while that file has the bytes
that the entry says: a build script may since have used another compiler.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llvm_pass.driver.errors import DriverError


@dataclass
class Entry:
    """What became of one source."""

    source: str
    object: str | None
    rewritten: bool
    reason: str  # why not, or what is special; "" otherwise
    language: str | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    missed: int = 0  # forms that the pass could not rewrite: they trap
    forms: list[str] = field(default_factory=list)  # which: "function, line: reason"
    uncallable: list[str] = field(default_factory=list)  # counted too: entry points that Rust cannot call (variadic)
    directory: str = ""
    out_dir: str | None = None  # the build script's OUT_DIR, when cargo runs us
    package: str | None = None
    digest: str | None = None  # of a rewritten object, as it was when we had written it


def write(entry: Entry) -> None:
    """Appends the entry when a log is wanted. Raises: DriverError when it cannot be written."""
    path = os.environ.get("GALEED_CC_LOG")
    if not path:
        return
    entry.directory = str(Path.cwd())
    entry.out_dir = os.environ.get("OUT_DIR")
    entry.package = os.environ.get("CARGO_PKG_NAME")
    entry.source = _absolute(entry.source)
    entry.object = entry.object and _absolute(entry.object)
    entry.digest = digest(entry.object) if entry.rewritten else None
    line = json.dumps(asdict(entry), sort_keys=True, default=str) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DriverError(f"GALEED_CC_LOG={path}: {error.strerror}") from error


def read(path: Path) -> list[Entry]:
    """The entries of a log, oldest first; lines that are none are left out."""
    entries = []
    names = set(Entry.__dataclass_fields__)
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
            entries.append(Entry(**{key: value for key, value in record.items() if key in names}))
        except (ValueError, TypeError, AttributeError):
            continue  # a full disk may have cut a line short
    return entries


def digest(path: str | None) -> str | None:
    """Of a file's bytes; None when it is none that could be read again."""
    if path is None or not Path(path).is_file():
        return None
    return digest_of(Path(path).read_bytes())


def digest_of(data: bytes) -> str:
    """Of an object, wherever it lies."""
    return hashlib.sha256(data).hexdigest()


def _absolute(path: str) -> str:
    return path if path == "-" else os.path.normpath(Path.cwd() / path)
