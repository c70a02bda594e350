"""Files that others may read while they are written: whole, or as they were. And how files are named."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path


def shown(name: str) -> str:
    """A path relative to the working directory where it lies below it."""
    path = Path(name)
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return (path.relative_to(Path.cwd()) if inside else path).as_posix()


def write_out(path: Path, data: bytes) -> None:
    """Whole or as it was where that is a file, or none yet, whose rights stay; into what a pipe or a device is. A link stays
    one. Raises OSError."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    write_whole(path, data)
    if mode is not None:
        path.chmod(mode)


def write_whole(path: Path, content: str | bytes) -> None:
    """By another file in the same folder, on the disk before it takes the name: a crash leaves no half. Raises OSError."""
    data = content.encode() if isinstance(content, str) else content
    new = path.parent / f".{secrets.token_hex(8)}.new"
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
