"""Published crates as they are audited: one version's source, in a folder of its own, with a lock file that is ours.

Invariant: what is audited does not depend on what else lies in cargo's cache, or on when it is done: versions of
dependencies are those of the lock file beside this module. cargo fetches; nothing else asks the registry.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.output import write_atomically
from experiments.workshop import OFFLINE, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCKS = Path(__file__).parent / "locks"
TRIPLE = "x86_64-unknown-linux-gnu"
_DONE = ".complete"
_DEFAULT = re.compile(r"^default = \[.*?\]", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"^path = .*\n|\bpath = \"[^\"]*\", *", re.MULTILINE)
_SECTION = re.compile(r"^\[.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


def _cargo(words: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        ["cargo", *words], cwd=folder, capture_output=True, text=True, env=clean_environment(), check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        unreachable = ": is there a network?" if OFFLINE.search(done.stderr) else f": {last}"
        raise LabError(f"cargo {words[0]} in {folder}{unreachable}")
    return done.stdout


def _downloaded(name: str, version: str, folder: Path) -> Path:
    """Where cargo keeps the source. A version that was withdrawn is had by an exact update."""
    write_atomically(folder / "src" / "lib.rs", "")
    package = '[package]\nname = "fetched"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
    write_atomically(folder / "Cargo.toml", f'{package}{name} = {{ version = "*", default-features = false }}\n')
    _cargo(["generate-lockfile"], folder)
    _cargo(["update", "--package", name, "--precise", version], folder)
    said = json.loads(_cargo(["metadata", "--format-version=1", f"--filter-platform={TRIPLE}"], folder))
    for package_said in said["packages"]:
        if package_said["name"] == name:
            return Path(package_said["manifest_path"]).parent
    raise LabError(f"cargo says nothing of {name}")


def manifest(text: str, features: Sequence[str]) -> str:
    """A crate's own: without what only its tests need, these features by default, no member of anything."""
    kept = _SECTION.sub(lambda section: "" if "dev-dependencies" in section[0].split("\n", 1)[0] else section[0], text)
    kept = _SECTION.sub(lambda section: _PATH.sub("", section[0]) if "dependencies" in section[0] else section[0], kept)
    default = f"default = {json.dumps(list(features))}"
    if _DEFAULT.search(kept):
        kept = _DEFAULT.sub(default, kept, count=1)
    elif "[features]" in kept:
        kept = kept.replace("[features]", f"[features]\n{default}", 1)
    elif features:
        raise LabError("a crate without features was asked for some")
    return kept if "[workspace]" in kept else f"{kept.rstrip()}\n\n[workspace]\n"


def prepare(name: str, version: str, features: Sequence[str], folder: Path) -> Path:
    """The crate in `folder`, with all that its build needs in cargo's cache. Raises LabError where that cannot be had."""
    copy, lock = folder / f"{name}-{version}", LOCKS / f"{name}-{version}.lock"
    if (copy / _DONE).is_file():
        return copy
    kept = _downloaded(name, version, folder / f"{name}-{version}.fetch")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(kept, copy, ignore=shutil.ignore_patterns("Cargo.lock", ".cargo", ".cargo-ok"))
    own = copy / "Cargo.toml"
    write_atomically(own, manifest(own.read_text(encoding="utf-8"), features))
    if lock.is_file():
        shutil.copyfile(lock, copy / "Cargo.lock")
    else:  # somebody adds a crate to the table: the lock file is to be committed
        _cargo(["generate-lockfile"], copy)
        shutil.copyfile(copy / "Cargo.lock", lock)
    _cargo(["fetch", "--locked", "--target", TRIPLE], copy)
    (copy / _DONE).touch()
    return copy
