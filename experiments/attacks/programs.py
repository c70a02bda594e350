"""Builds the attack programs and runs one variant of one, in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.attacks.catalogue import SUITE
from experiments.model import LabError
from experiments.workshop import ROOT, clang_words, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.attacks.catalogue import Row
    from experiments.model import Json

FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror")
TIMEOUT_SECONDS = 300.0  # the judge gives up after 240; an emulated CPU is slow
JOBS = 2


@dataclass(frozen=True)
class Run:
    """What one run gave. evidence: the judge's whole line."""

    verdict: str
    evidence: Mapping[str, Json] = field(default_factory=dict)


def compiler() -> tuple[str, ...]:
    """gcc where there is one, else the clang that galeed-cc uses."""
    return ("gcc",) if shutil.which("gcc") else clang_words()


def _compile(words: Sequence[str | Path]) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[-200:])
        raise LabError(f"an attack program does not compile: {first}")


def build(to: Path, sources: Sequence[Path] | None = None) -> None:
    """Compiles runtime and harness once and links each program with them, into the folder.

    The library that a program is to load, libraries/PROGRAM.c, comes beside it as PROGRAM.so.
    sources: these programs only. Raises LabError with the compiler's first error.
    """
    to.mkdir(parents=True, exist_ok=True)
    csrc = ROOT / "mpk" / "csrc"
    if not csrc.is_dir():
        raise LabError("this installation has no C sources; clone the project and run it there")
    words = (*compiler(), *FLAGS, "-I", str(csrc), "-I", str(SUITE))
    with ThreadPoolExecutor(JOBS) as pool:
        objects: list[Path] = []
        commands: list[list[str | Path]] = []
        for source in [*sorted(csrc.glob("*.[cS]")), *sorted(SUITE.glob("*.c"))]:
            ours = ["-D_GNU_SOURCE"] if source.parent == SUITE else []
            objects.append(to / f"{source.parent.name}.{source.stem}.o")
            commands.append([*words, *ours, "-c", source, "-o", objects[-1]])
        list(pool.map(_compile, commands))
        chosen = sources if sources is not None else sorted((SUITE / "programs").glob("*.c"))
        # -z now: hardened programs bind at start; those that are not do so here as well.
        tail = ["-D_GNU_SOURCE", "-lpthread", "-Wl,-z,now"]
        links = [[*words, one, *objects, *tail, "-o", to / one.stem] for one in chosen]
        libraries = [SUITE / "libraries" / one.name for one in chosen]
        loaded = [[*words, "-shared", "-fPIC", one, "-o", to / f"{one.stem}.so"] for one in libraries if one.is_file()]
        list(pool.map(_compile, [*links, *loaded]))


def run(folder: Path, row: Row, policy: str, backend: str, user: str) -> Run:
    """One variant under one policy. Raises LabError when the judge itself cannot work."""
    words = [str(folder / row.program.stem), row.variant, policy, *(["nobody"] if user == "nobody" else [])]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=clean_environment({"GALEED_BACKEND": backend}),
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        line = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{' '.join(words)}: no verdict ({error})") from error
    return Run(str(line["verdict"]), line)
