"""Which compilers this machine has, and where each came from.

Looks only; the choice that a build makes is the compiler driver's.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 20.0
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Compiler:
    """One tool. version: as it says itself; problem: why it cannot be used, or None."""

    name: str
    path: str | None
    version: str | None
    source: str
    problem: str | None = None


def _first_line(argv: list[str]) -> str:
    """What a tool says first. Raises OSError or ValueError with the reason."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"gave no version within {_TIMEOUT_SECONDS:.0f} s") from None
    lines = (done.stdout or done.stderr).strip().splitlines()
    if done.returncode != 0:
        raise ValueError(f"exit code {done.returncode}" + (f": {lines[0]}" if lines else ""))
    return lines[0] if lines else ""


def _ask(name: str, argv: list[str], source: str) -> Compiler:
    try:
        line = _first_line([*argv, "--version"])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Compiler(name, argv[0], None, source, reason)
    found = _VERSION.search(line)
    return Compiler(name, argv[0], found.group() if found else line or None, source)


def _in_path(name: str, *commands: str) -> Compiler:
    for command in commands:
        path = shutil.which(command)
        if path:
            return _ask(name, [path], "PATH")
    return Compiler(name, None, None, "PATH", f"no {' or '.join(commands)} in PATH")


def _ziglang_clang() -> Compiler:
    spec = importlib.util.find_spec("ziglang")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        return Compiler("clang", None, None, "ziglang", "the Python package ziglang is not installed")
    folder = Path(folders[0])
    target = f"--target={os.uname().machine}-linux-gnu"
    argv = [str(folder / "zig"), "clang", target, "-resource-dir", str(folder / "lib")]
    return _ask("clang", argv, "ziglang")


def compilers() -> list[Compiler]:
    """Every compiler that the toolkit could use, missing ones included. Takes tens of milliseconds."""
    named = os.environ.get("GALEED_CLANG")
    return [
        *([_ask("clang", [named], "GALEED_CLANG")] if named else []),
        _in_path("clang", "clang-22", "clang"),
        _ziglang_clang(),
        _in_path("rustc", "rustc"),
        _in_path("cargo", "cargo"),
        _in_path("cc", "cc", "gcc"),
    ]
