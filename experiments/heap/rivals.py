"""The allocators that the heap is compared with, and where they come from.

glibc is always there. mimalloc and jemalloc are Debian's libraries: those of the
system if installed, else taken out of Debian's packages into build/, without
installing anything. What cannot be had is `unavailable`, with the reason.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.workshop import BUILDS

if TYPE_CHECKING:
    from experiments.model import Options

PACKAGES = {"mimalloc": ("libmimalloc2.0", "libmimalloc.so.2"), "jemalloc": ("libjemalloc2", "libjemalloc.so.2")}
FETCHED = BUILDS / "rivals"
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Rival:
    """library: None when it cannot be had; origin says where it is from, or why not."""

    name: str
    library: Path | None
    origin: str


def _in(folder: Path, file: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"usr/lib/*/{file}"))), None)


def _fetch(package: str) -> str | None:
    """Unpacks the package under FETCHED; the reason if that fails."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "no apt-get and dpkg to fetch it with"
    FETCHED.mkdir(parents=True, exist_ok=True)
    for old in FETCHED.glob(f"{package}_*.deb"):
        old.unlink()
    try:
        done = subprocess.run(
            ["apt-get", "download", package],
            cwd=FETCHED,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        files = sorted(FETCHED.glob(f"{package}_*.deb"))
        if done.returncode != 0 or not files:
            return f"apt-get download {package} failed: {done.stderr.strip().splitlines()[-1:]}"
        unpacked = subprocess.run(["dpkg", "-x", str(files[0]), str(FETCHED)], capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return f"apt-get download {package} took more than {TIMEOUT_SECONDS} s"
    return None if unpacked.returncode == 0 else f"dpkg could not unpack {files[0].name}"


def find(options: Options) -> list[Rival]:
    """Every rival but glibc."""
    found = []
    for name, (package, file) in PACKAGES.items():
        library, origin = _in(Path("/"), file), "the system's"
        if library is None:
            library, origin = _in(FETCHED, file), f"package {package}, unpacked in {FETCHED}"
        if library is None:
            options.say(f"fetching {package}")
            failure = _fetch(package)
            library = None if failure else _in(FETCHED, file)
            origin = failure or (origin if library else f"package {package} holds no {file}")
        if library is None:
            options.say(f"{name}: unavailable, {origin}")
        found.append(Rival(name, library, origin))
    return found
