"""Builds an experiment's Rust program in each of its ways, with progress.

`plain` is what `cargo build --release` gives; `galeed` what `cargo galeed build
--release` gives; `clang` is plain cargo with the very clang that galeed-cc
uses, so that rewriting and the change of compiler can be told apart.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.model import Options

ROOT = Path(__file__).resolve().parent.parent
BUILDS = ROOT / "build" / "lab"
WAYS = ("plain", "clang", "galeed")
OFFLINE = re.compile(r"failed to download|[Cc]ould ?n.t resolve host|failed to query replaced source|offline")


def clean_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without its GALEED_* policy; the venv's commands first in PATH."""
    ambient = ("GALEED_BACKEND", "GALEED_FOREIGN_RIGHTS", "GALEED_ON_VIOLATION", "GALEED_REPORT", "GALEED_SITES")
    result = {name: value for name, value in os.environ.items() if name not in ambient}
    result["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), result.get("PATH", os.defpath)])
    result.update(changes or {})
    return result


@dataclass(frozen=True)
class Program:
    """A Rust program of an experiment. folder: where its Cargo.toml is."""

    folder: Path
    binary: str

    def path(self, way: str) -> Path:
        """Where the executable lies once it is built that way."""
        return BUILDS / way / "release" / self.binary


def need_tools() -> None:
    """Raises LabError when something that every build needs is missing."""
    if not (ROOT / "pseudoptr" / "rust" / "Cargo.toml").is_file():
        raise LabError("this installation has no Rust sources; clone the project and use `make demo` there")
    for tool, advice in (
        ("cargo", "install Rust from https://rustup.rs"),
        ("cc", "on Debian: apt install gcc"),
    ):
        if shutil.which(tool) is None:
            raise LabError(f"no {tool} in PATH; {advice} and try again")


def _command(way: str) -> tuple[list[str], dict[str, str]]:
    words = ["build", "--release", "--locked"]
    if way == "galeed":
        if shutil.which("cargo-galeed", path=clean_environment()["PATH"]) is None:
            raise LabError("no cargo-galeed beside this Python; install the project with `make setup`")
        return ["cargo", "galeed", *words], {}
    return ["cargo", *words], {"CC": str(_clang_script())} if way == "clang" else {}


def clang_words() -> tuple[str, ...]:
    """The clang that galeed-cc uses, as a command. Raises LabError when there is none."""
    from llvm_pass.driver.clang import find_clang
    from llvm_pass.driver.errors import DriverError

    try:
        return find_clang().command
    except DriverError as error:
        raise LabError(str(error)) from error


def _clang_script() -> Path:
    """That clang as a command of one word, for build scripts: nothing is rewritten."""
    script = BUILDS / "clang-unrewritten"
    script.parent.mkdir(parents=True, exist_ok=True)
    text = f'#!/bin/sh\nexec {shlex.join(clang_words())} "$@"\n'
    if not script.is_file() or script.read_text() != text:
        script.write_text(text)
        script.chmod(0o755)
    return script


def build(program: Program, way: str, options: Options) -> Path:
    """The executable, built now unless options.build is off. Raises LabError with the first error."""
    executable = program.path(way)
    if not options.build:
        if not executable.is_file():
            raise LabError(f"{executable} was not built before; run without --no-build")
        return executable
    need_tools()
    command, environment = _command(way)
    options.say(f"building {program.binary} ({way}): {shlex.join(command)}")
    target = BUILDS / way
    log = options.output / f"build-{program.binary}-{way}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment["CARGO_TARGET_DIR"] = str(target)
    lines: list[str] = []
    with log.open("w", encoding="utf-8") as record:
        process = subprocess.Popen(
            command,
            cwd=program.folder,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        with process:
            for line in process.stdout:
                record.write(line)
                lines.append(line.strip())
                options.say(f"    {line.rstrip()}")
    if process.returncode != 0:
        raise LabError(_why(lines, way, log))
    if not executable.is_file():
        raise LabError(f"the build ended well but {executable} is not there; see {log}")
    return executable


def _why(lines: list[str], way: str, log: Path) -> str:
    if any(OFFLINE.search(line) for line in lines):
        return f"cargo could not fetch the crates: is there a network? (see {log})"
    first = next((line for line in lines if re.match(r"(error|galeed|cargo-galeed)\b", line)), "no error line")
    return f"the {way} build failed: {first} (see {log})"
