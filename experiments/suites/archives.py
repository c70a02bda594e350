"""Fetches Debian's source packages by apt-get, with lists of our own, and unpacks what their SHA-256 vouches for.

The system's own apt configuration need not name sources and is not changed. An archive that
was fetched once is not asked for again.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.workshop import BUILDS, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.suites.recipes import Archive

PLACE = BUILDS / "suites"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = f"""Types: deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: {KEYRING}
"""
FETCH_SECONDS = 600.0


def _apt_get(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    own = PLACE / "apt"
    (own / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (own / "parts").mkdir(exist_ok=True)
    (own / "parts" / "bookworm.sources").write_text(SOURCES, encoding="utf-8")
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": str(own / "parts"),
        "Dir::State::lists": str(own / "lists"),
        "APT::Sandbox::User": "root",  # the folder need not be open to others
        "Acquire::Retries": "3",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    try:
        return subprocess.run(
            ["apt-get", *options, *words], cwd=folder, env=clean_environment({"LC_ALL": "C"}),
            capture_output=True, text=True, check=False, timeout=FETCH_SECONDS,
        )  # fmt: skip
    except FileNotFoundError:
        raise LabError("no apt-get in PATH: the suites' sources are Debian's") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"apt-get does not end within {FETCH_SECONDS:.0f} s: is there a network?") from None


def sha256(path: Path) -> str:
    """Of the whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(archive: Archive) -> Path:
    """The archive, fetched if it was not. Raises LabError: no network, no such file, another SHA-256."""
    folder = PLACE / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / archive.file
    with (PLACE / ".lock").open("w") as lock:  # apt-get's lists serve one at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                _checked(_download(archive, Path(scratch)), archive).rename(path)
    return _checked(path, archive)


def _checked(path: Path, archive: Archive) -> Path:
    if sha256(path) != archive.sha256:
        raise LabError(f"{path.name} is not the file that was tried: its SHA-256 is {sha256(path)}")
    return path


def _download(archive: Archive, to: Path) -> Path:
    words = ["source", "--download-only", "--tar-only", "-qq", f"{archive.package}/bookworm"]
    done = _apt_get(words, to)
    if done.returncode != 0:  # no lists yet, or old ones
        updated = _apt_get(["update", "-qq"], to)
        if updated.returncode != 0 or "Failed to fetch" in updated.stderr:
            raise LabError(f"apt-get cannot fetch Debian's list of sources, for {archive.package}: is there a network?")
        done = _apt_get(words, to)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["no message"]
        raise LabError(f"apt-get cannot fetch the sources of {archive.package}: {lines[0]}")
    if not (to / archive.file).is_file():
        raise LabError(f"Debian's {archive.package} no longer holds {archive.file}")
    return to / archive.file


def unpack(archive: Archive, to: Path) -> Path:
    """The archive's one folder, unpacked anew as `to`. Raises LabError."""
    path = fetch(archive)
    shutil.rmtree(to, ignore_errors=True)
    scratch = to.with_name(f".{to.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with tarfile.open(path) as file:
        file.extractall(scratch, filter="data")
    inside = list(scratch.iterdir())
    if len(inside) != 1:
        raise LabError(f"{path.name} holds {len(inside)} things at its top, not one folder")
    inside[0].rename(to)
    scratch.rmdir()
    return to
