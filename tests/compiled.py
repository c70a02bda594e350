"""Programs that tests run, compiled once and kept: build/tests/NAME-HASH.

A folder's hash covers every source, header, flag and the compiler's version, so what
is found there is what compiling would give; the C library's headers are taken to be
those of the compiler. A folder appears whole (made beside, renamed once, under a
lock), so that processes at the same time share it; folders of older sources go when
nobody has used them for an hour.

GALEED_TESTS_COMPILE=0 makes a missing folder fail instead of compiling: an emulated
CPU is far too slow for it, `pytest --setup-only` before it compiles everything.

Trusts whoever may write to the checkout.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from llvm_pass.driver.clang import find_clang
from tests.conftest import ROOT, environment

KEPT = ROOT / "build" / "tests"
CSRC = ROOT / "mpk" / "csrc"
NATIVE = ROOT / "tests" / "native"
# What a Rust program with rewritten C in it is made of.
RUST = tuple(ROOT / name for name in ("Cargo.lock", "mpk", "pseudoptr", "llvm_pass"))
UNUSED_SECONDS = 3600.0
STRICT = ("-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-pthread")
# In trap mode UBSan needs no library: undefined behaviour dies of SIGILL. Its check of
# called functions' types reads before the function, which execute-only code and the
# heap, called into on purpose, cannot have.
UBSAN = ("-O1", "-fsanitize=undefined", "-fno-sanitize=function", "-fsanitize-trap=undefined")


@dataclass(frozen=True)
class Flavour:
    """A compiler and its flags, under a name for folders."""

    name: str
    compiler: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.compiler, *STRICT, *self.flags)


def gcc(name: str = "gcc", *flags: str) -> Flavour:
    """The system's compiler, as the runtime is shipped (-O2) if no flags are given. Skips where there is none."""
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        pytest.skip("no C compiler (gcc or cc)")
    return Flavour(name, (found,), flags or ("-O2",))


def clang_ubsan() -> Flavour:
    """The clang of galeed-cc with UBSan."""
    return Flavour("clang-ubsan", tuple(find_clang().command), UBSAN)


FLAVOURS: Mapping[str, Callable[[], Flavour]] = {"gcc": gcc, "clang-ubsan": clang_ubsan}


@cache
def version(compiler: tuple[str, ...]) -> str:
    """What identifies the compiler."""
    return subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=True).stdout


def files(inputs: Iterable[Path]) -> Iterator[Path]:
    """The inputs, folders walked; what tools leave behind is none."""
    for each in inputs:
        if not each.is_dir():
            yield each
        for folder, folders, names in os.walk(each):
            folders[:] = [name for name in folders if name not in {"__pycache__", "target"}]
            yield from (Path(folder, name) for name in names if not name.endswith((".so", ".o", ".pyc")))


def digest(inputs: Iterable[Path], words: Iterable[str]) -> str:
    """The folder's hash."""
    total = hashlib.sha256()
    for word in words:
        total.update(f"{len(word)}:{word}".encode())
    for path in sorted(set(files(inputs))):
        total.update(f"\n{path.relative_to(ROOT)}:{hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return total.hexdigest()[:16]


def kept(name: str, inputs: Iterable[Path], words: Iterable[str], make: Callable[[Path], object]) -> Path:
    """The folder with what `make` puts into it (the folder exists when it is called).

    inputs: files and folders that decide what is made; words: whatever else does.
    Fails the test where make would have to run under GALEED_TESTS_COMPILE=0.
    """
    folder = KEPT / f"{name}-{digest(inputs, words)}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            if os.environ.get("GALEED_TESTS_COMPILE") == "0":
                pytest.fail(f"{folder.name} is not compiled; where it may be: pytest --setup-only {name}'s tests")
            with tempfile.TemporaryDirectory(dir=KEPT, prefix=f".{name}-") as scratch:
                new = Path(scratch) / "new"  # scratch itself is closed to others, who run some of the programs
                new.mkdir()
                make(new)
                new.rename(folder)
            forget(name, folder)
        os.utime(folder)
    return folder


def forget(name: str, current: Path) -> None:
    """Removes folders of the name that nobody uses any more."""
    for old in KEPT.glob(f"{name}-" + "[0-9a-f]" * 16):
        if old != current and time.time() - old.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def cargo_target(kind: Literal["plain", "galeed"]) -> Iterator[Path]:
    """A target folder of cargo that tests share, so that crates they have in common are compiled once: locked.

    What is built there is to be copied away: programs of two tests may have one name. kind: "galeed" for `cargo
    galeed` without a policy, whose folders hold nothing else.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f".cargo-{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield KEPT / f"cargo-{kind}"


def build(command: Sequence[object], changes: Mapping[str, str | None] | None = None) -> None:
    """Runs a compiler; what it complains of is the test's failure."""
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment(changes), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"


def build_all(commands: Iterable[Sequence[object]]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(build, commands))


def runtime(flavour: Flavour) -> list[Path]:
    """The C runtime's object files."""
    sources = sorted(CSRC.glob("*.[cS]"))

    def make(to: Path) -> None:
        build_all([*flavour.words, "-c", source, "-o", to / f"{source.stem}.o"] for source in sources)

    folder = kept(f"runtime-{flavour.name}", [CSRC], [*flavour.words, version(flavour.compiler)], make)
    return sorted(folder.glob("*.o"))


def programs(name: str, flavour: Flavour, objects: Sequence[Path] | None = None) -> Path:
    """Each C file of tests/native/NAME as a program. objects: linked with it; the whole runtime if not given."""
    linked = runtime(flavour) if objects is None else objects
    include = ["-I", CSRC, "-I", NATIVE / "core"]

    def make(to: Path) -> None:
        sources = sorted((NATIVE / name).glob("*.c"))
        build_all([*flavour.words, *include, one, *linked, "-o", to / one.stem] for one in sources)

    inputs = [CSRC, NATIVE / name, *(NATIVE / "core").glob("*.h")]
    words = [*flavour.words, version(flavour.compiler), *(path.name for path in linked)]
    return kept(f"{name}-{flavour.name}", inputs, words, make)
