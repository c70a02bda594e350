"""What the sweep stands on: Csmith, clang, galeed-cc, and what rewritten programs are linked with.

Invariant: whatever is missing is said in one line before the first program is made.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine
from experiments.model import LabError
from experiments.workshop import BUILDS, ROOT, clang_words, clean_environment, need_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent
HOST = HERE / "program"
TARGET = BUILDS / "lent-host"
ADVICE = "on Debian: apt install csmith libcsmith-dev"
HEADERS = (Path("/usr/include/csmith"), Path("/usr/local/include/csmith"), Path("/usr/include/csmith-2.3.0"))
LIBRARIES = ("-lpthread", "-ldl", "-lm")
BUILD_SECONDS = 900.0


@dataclass(frozen=True)
class Tools:
    """Ready to use. version: of everything that decides what a program becomes."""

    csmith: str  # "" where only given sources are compared
    headers: tuple[Path, ...]
    clang: tuple[str, ...]
    galeed_cc: tuple[str, ...]
    standalone: Path  # the runtime of programs without a host
    lent: tuple[Path, ...]  # the instrument's C part and the host
    versions: dict[str, str]

    @property
    def vectors(self) -> bool:
        """Can programs use AVX2 here?"""
        return machine_has("avx2")


@cache
def machine_has(flag: str) -> bool:
    """Does the CPU have a feature, by its name in /proc/cpuinfo?"""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].split()
    except OSError:
        return False
    return flag in words


def _run(command: Sequence[str | Path], what: str, environment: dict[str, str] | None = None) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=HOST,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()[-1:]
        raise LabError(f"{what} does not build: {lines[0] if lines else 'no message'}")


def _digest() -> str:
    """Of all sources that decide what a rewritten program is."""
    total = hashlib.sha256()
    folders = ("llvm_pass", "pseudoptr/include", "pseudoptr/rust/src", "mpk/csrc", "experiments/csmith/program")
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".in", ".c", ".h", ".rs"):
                total.update(path.read_bytes())
    return total.hexdigest()[:12]


def find_headers() -> Path:
    """Where csmith.h is. Raises LabError."""
    for folder in HEADERS:
        if (folder / "csmith.h").is_file():
            return folder
    raise LabError(f"csmith.h is not installed; {ADVICE}")


def prepare(folder: Path, generator: bool = True) -> Tools:
    """Finds and builds everything once, into the folder. Raises LabError.

    generator: False for comparing sources that are there already; then Csmith is not needed.
    """
    csmith = shutil.which("csmith") if generator else ""
    if csmith is None:
        raise LabError(f"no csmith in PATH; {ADVICE}")
    headers = (find_headers(),) if generator else ()
    clang = clang_words()
    need_tools()
    folder.mkdir(parents=True, exist_ok=True)
    galeed_cc = (sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c")
    cargo = ["cargo", "build", "--release", "--locked", "--quiet"]
    _run(cargo, "the host of lent programs", {"CARGO_TARGET_DIR": str(TARGET)})
    instrument = folder / "lent.o"
    includes = [f"-I{ROOT / 'pseudoptr' / 'include'}", f"-I{ROOT / 'mpk' / 'csrc'}"]
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    source = HOST / "c" / "lent.c"
    _run(
        [*galeed_cc, *flags, *includes, "-c", source, "-o", instrument],
        "the instrument",
        {"PYTHONPATH": str(ROOT)},
    )
    versions = {
        "csmith": (machine.first_line(csmith, "--version") if csmith else None) or "unknown",
        "clang": machine.first_line(*clang, "--version") or "unknown",
        "sources": _digest(),
    }
    return Tools(
        csmith, headers, tuple(clang), galeed_cc, _standalone(folder), (instrument, TARGET / "release" / "liblent_host.a"),
        versions,
    )  # fmt: skip


def _standalone(folder: Path) -> Path:
    from llvm_pass.driver.clang import find_clang
    from llvm_pass.driver.errors import DriverError
    from llvm_pass.driver.link import standalone_archive
    from llvm_pass.driver.run import Runner

    try:
        return standalone_archive(find_clang(), folder, Runner())
    except DriverError as error:
        raise LabError(str(error)) from error
