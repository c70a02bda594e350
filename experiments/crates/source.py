"""A crate's own sources, as crates.io has them, with the allocator's lines added."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.crates.recipes import GALEED_LINES
from experiments.model import LabError
from experiments.output import write_atomically
from experiments.workshop import OFFLINE, ROOT, clean_environment

if TYPE_CHECKING:
    from experiments.crates.recipes import Crate


def _downloaded(crate: Crate, folder: Path) -> Path:
    """Where cargo keeps the sources. Raises LabError when they cannot be had."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "src" / "lib.rs", "")
    manifest = folder / "Cargo.toml"
    package = '[package]\nname = "fetched"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n'
    write_atomically(manifest, f'{package}[dependencies]\n{crate.name} = "={crate.version}"\n')
    words = ["cargo", "metadata", "--format-version=1", "--manifest-path", str(manifest)]
    said = subprocess.run(words, capture_output=True, text=True, env=clean_environment(), check=False)
    if said.returncode != 0:
        if OFFLINE.search(said.stderr):
            raise LabError(f"cargo could not fetch {crate.name}: is there a network?")
        raise LabError(f"cargo metadata: {said.stderr.strip().splitlines()[-1]}")
    for package_said in json.loads(said.stdout)["packages"]:
        if package_said["name"] == crate.name:
            return Path(package_said["manifest_path"]).parent
    raise LabError(f"cargo says nothing of {crate.name}")


def prepare(crate: Crate, folder: Path) -> Path:
    """A copy in `folder`, whose tests have galeed's allocator: a dependency, and two lines in each test program."""
    copy = folder / "source"
    kept = _downloaded(crate, folder / "fetch")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(kept, copy)
    manifest = copy / "Cargo.toml"
    dependency = f'\n[dev-dependencies.galeed]\npath = "{ROOT / "pseudoptr" / "rust"}"\n\n[workspace]\n'
    manifest.write_text(manifest.read_text(encoding="utf-8") + dependency, encoding="utf-8")
    library = copy / "src" / "lib.rs"
    lines = GALEED_LINES.replace("#[global_allocator]", "#[cfg(test)]\n#[global_allocator]")
    library.write_text(library.read_text(encoding="utf-8") + lines, encoding="utf-8")
    for program in (copy / "tests").glob("*.rs"):
        program.write_text(program.read_text(encoding="utf-8") + GALEED_LINES, encoding="utf-8")
    policy = f"exclusive = {json.dumps(crate.exclusive)}\n" if crate.exclusive else ""
    write_atomically(copy / "galeed.toml", policy)
    return copy
