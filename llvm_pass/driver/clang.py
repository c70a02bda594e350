"""Finds the clang that stands at both ends of a compilation.

Invariant: the clang returned has the same LLVM major version as the pass, so that
what one writes the other reads. Order: GALEED_CLANG, clang-22 or clang in PATH,
then the clang inside PyPI's `ziglang`, which is part of the installation.

ASSUMES: whoever can write to these programs may decide what is built anyway.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from llvm_pass.driver.errors import DriverError

LLVM_MAJOR = 22


@dataclass(frozen=True)
class Clang:
    """A clang, as the words that every command with it starts with."""

    command: tuple[str, ...]
    origin: str  # for people: where it was found

    def driver(self, cxx: bool) -> list[str]:
        """The command for C or, with the C++ library linked by default, for C++."""
        return [*self.command, *(["--driver-mode=g++"] if cxx else [])]


def find_clang() -> Clang:
    """The clang to use. Raises: DriverError when there is none, or it is unfit."""
    wanted = os.environ.get("GALEED_CLANG")
    if wanted:
        path = shutil.which(wanted)
        if path is None:
            if not Path(wanted).exists():
                raise DriverError(f"GALEED_CLANG={wanted}: no such program")
            raise DriverError(f"GALEED_CLANG={wanted}: not an executable file")
        major = _major(path)
        if major is None:
            raise DriverError(f"GALEED_CLANG={wanted}: not a clang (it does not answer --version as one)")
        if major != LLVM_MAJOR:
            raise DriverError(f"GALEED_CLANG={wanted}: this is clang {major}, clang {LLVM_MAJOR} is needed")
        return Clang((path,), "GALEED_CLANG")
    for name in (f"clang-{LLVM_MAJOR}", "clang"):
        path = shutil.which(name)
        # Our own name for it may come first in PATH as `clang`: never call ourselves.
        if path and "galeed" not in Path(path).resolve().name and _major(path) == LLVM_MAJOR:
            return Clang((path,), f"PATH, {path}")
    zig = zig_directory()
    if zig is None:
        raise DriverError(
            f"no clang {LLVM_MAJOR}: install Python package ziglang 0.17 or set GALEED_CLANG to a clang {LLVM_MAJOR}"
        )
    # `zig clang`, not `zig cc`: plain clang, with the system's headers and linker.
    command = (str(zig / "zig"), "clang", "--target=x86_64-linux-gnu", "-resource-dir", str(zig / "lib"))
    return Clang(command, f"ziglang, {zig}")


def zig_directory() -> Path | None:
    """Where ziglang is installed, found without running its `__init__`."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        return None
    directory = Path(next(iter(spec.submodule_search_locations)))
    return directory if os.access(directory / "zig", os.X_OK) else None


def _major(path: str) -> int | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace", timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"clang version (\d+)\.", answer.stdout)
    return int(match[1]) if match else None
