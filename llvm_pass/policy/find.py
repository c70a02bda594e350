"""Which galeed.toml holds: the one that is named, or the nearest one upward.

Order: what the command names, GALEED_POLICY (a file; empty: none), then galeed.toml in
the working directory or the nearest directory above it.

Attacker: another user of the machine. In a directory where everybody may write, as in
/tmp, a file that is not ours (or root's) is refused rather than obeyed. Whoever owns the
project's own directories decides about it anyway.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from llvm_pass.policy.read import Policy, PolicyError, load

NAME = "galeed.toml"
VARIABLE = "GALEED_POLICY"
_MOST_BYTES = 1 << 20


def find(named: str | None = None, start: Path | None = None) -> Policy:
    """The policy that holds in a directory (default: the working one). Raises PolicyError."""
    wanted = named if named is not None else os.environ.get(VARIABLE)
    if wanted is not None:
        return of_file(Path(wanted)) if wanted else Policy()
    try:
        folder = (start or Path.cwd()).resolve()
    except (FileNotFoundError, RuntimeError):  # the working directory was deleted
        return Policy()
    for each in (folder, *folder.parents):
        path = each / NAME
        if path.exists() or path.is_symlink():  # one that leads nowhere is a mistake to be told of
            _refuse_planted(path)
            return of_file(path)
    return Policy()


def of_file(path: Path) -> Policy:
    """Raises PolicyError, also when it cannot be read."""
    shown = os.path.relpath(path) if path.is_absolute() and path.is_relative_to(_here()) else str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PolicyError(f"{shown}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > _MOST_BYTES:
        raise PolicyError(f"{shown}: longer than {_MOST_BYTES} bytes")
    return load(data, shown, path.parent)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/nowhere")


def _refuse_planted(path: Path) -> None:
    try:
        folder, file = path.parent.stat(), path.lstat()
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}") from error
    if folder.st_mode & stat.S_IWOTH and file.st_uid not in (0, os.geteuid()):
        raise PolicyError(
            f"{path}: belongs to user {file.st_uid}, and everybody may write to {path.parent}; "
            f"set {VARIABLE} to it if you trust it, or to nothing"
        )
