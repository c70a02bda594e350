"""The honest file: real text, compressed by Python's gzip.

The sources of the crates that the demo itself is built from: some MB of C and
Rust that every machine that can build the demo has.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.output import write_atomically
from experiments.workshop import BUILDS, clean_environment
from llvm_pass.driver.cargo_arguments import TRIPLE

if TYPE_CHECKING:
    from experiments.model import Options
    from experiments.workshop import Program

AT_LEAST_BYTES = 2 << 20
AT_MOST_BYTES = 6 << 20
SUFFIXES = frozenset({".rs", ".c", ".h", ".md"})


@dataclass(frozen=True)
class Sample:
    """A gzip file and what it must decompress to."""

    path: Path
    digest: str
    text_bytes: int


def _crates(program: Program) -> dict[str, Path]:
    """Folders of the registry crates that the program is built from, by name, in a fixed order."""
    # What only other platforms build was not fetched.
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", TRIPLE]
    done = subprocess.run(
        command, cwd=program.folder, env=clean_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LabError(f"cargo metadata failed: {(done.stderr.splitlines() or ['no message'])[0]}")
    packages = [one for one in json.loads(done.stdout)["packages"] if one["source"] is not None]
    packages.sort(key=lambda one: str(one["id"]))
    return {one["name"]: Path(one["manifest_path"]).parent for one in packages}


def crate_folder(program: Program, name: str) -> Path:
    """Where the registry keeps the sources of a crate that the program uses. pre: it was built."""
    return _crates(program)[name]


def make(program: Program, options: Options) -> Sample:
    """The sample, made once and then found again. pre: the program was built."""
    path, note = BUILDS / "sample.gz", BUILDS / "sample.json"
    if path.is_file() and note.is_file():
        known = json.loads(note.read_text(encoding="utf-8"))
        return Sample(path, known["sha256"], known["bytes"])
    options.say("making the honest file from the crates' sources")
    text = bytearray()
    for folder in _crates(program).values():
        for file in sorted(folder.rglob("*")):
            if file.suffix in SUFFIXES and file.is_file() and len(text) < AT_MOST_BYTES:
                text += file.read_bytes()
    if len(text) < AT_LEAST_BYTES:
        raise LabError(f"the crates' sources hold only {len(text)} bytes, {AT_LEAST_BYTES} are needed")
    del text[AT_MOST_BYTES:]
    digest = hashlib.sha256(text).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(bytes(text), 6, mtime=0))
    write_atomically(note, json.dumps({"sha256": digest, "bytes": len(text)}) + "\n")
    return Sample(path, digest, len(text))
