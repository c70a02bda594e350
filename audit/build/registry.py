"""Crates of cargo's local registry cache, each in a copy of its own that can be built."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path

from audit.errors import AuditError

# A crate that can bring its C library along is judged with it.
_OWN_LIBRARY = ("bundled", "vendored", "static")
_TABLE = "[workspace]"
_BESIDE = re.compile(r'(^\[(?:target\.[^\n]*\.)?(?:build-|dev-)?dependencies\.[^\n]*\n(?:\w[^\n]*\n)*?)path *= *"[^"\n]*"\n', re.M)


def crate(name: str, version: str) -> Path:
    """A copy of a crate in cargo's local registry cache, where it can be built. Raises AuditError."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    found = sorted(home.glob(f"registry/src/*/{name}-{version}")) or sorted(home.glob(f"registry/src/*/{name}-{version}+*"))
    if not found:
        raise AuditError(f"{name}=={version}: is not in {home}/registry/src; `cargo fetch` in a project that uses it brings it")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galeed" / "audit"
    copy = cache / found[0].name
    if not (copy / ".complete").is_file():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".", dir=cache) as folder:
                _copied(found[0], Path(folder) / "crate", copy)
        except (OSError, shutil.Error) as error:  # a full disk is told once for each file
            raise AuditError(f"{copy}: cannot be written: {error.strerror or 'is the disk full?'}") from error
    return copy


def _copied(crate: Path, new: Path, copy: Path) -> None:
    """Whole or not at all: others may do the same at this moment, or build in it."""
    shutil.copytree(crate, new)
    manifest = new / "Cargo.toml"
    # What the registry has no folder for: of manifests older than cargo's rewriting of them.
    text = _BESIDE.sub(r"\1", manifest.read_text(encoding="utf-8"))
    if _TABLE not in text:  # it is no member of whatever lies above
        text = f"{text}\n{_TABLE}\n"
    manifest.write_text(text, encoding="utf-8")
    (new / ".complete").touch()
    if not (copy / ".complete").is_file():
        shutil.rmtree(copy, ignore_errors=True)
    try:
        new.rename(copy)
    except OSError as error:
        if not (copy / ".complete").is_file():  # else another one was first
            raise AuditError(f"{copy}: cannot be written: {error.strerror}") from error


def own_library(folder: Path) -> tuple[str, ...]:
    """The feature by which a crate brings its C library along, if it has one."""
    try:
        features = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8")).get("features", {})
    except (OSError, ValueError):
        return ()
    return tuple(each for each in _OWN_LIBRARY if each in features)[:1]
