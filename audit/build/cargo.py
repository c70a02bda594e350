"""Builds a crate or workspace with cargo into a directory of its own, and finds the bitcode that this made.

Invariant: the project's own target directory and lock file stay as they are. A crate that does not build is
no error here: what was made before it failed is found, and the reason is one line.
Who audits a crate trusts its build scripts, as with any cargo build.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.build import compiler
from audit.build.made import Built, collect
from audit.errors import AuditError
from llvm_pass.driver.cargo_arguments import TRIPLE
from llvm_pass.driver.cargo_project import find_cargo
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The attributes that rustc gives declarations and parameters from level 1 on, every call as it was
# written (LLVM has not run), and no panic that a release build would not have.
RUSTFLAGS = (
    "--emit=llvm-bc", "--cap-lints=warn", "-Copt-level=1", "-Cno-prepopulate-passes", "-Cdebuginfo=2", "-Ccodegen-units=1",
    "-Cdebug-assertions=off", "-Coverflow-checks=off",
)  # fmt: skip
_UNREACHABLE = re.compile(r"--offline|failed to download|no matching package|failed to (?:get|load source)", re.I)
_FOLDER = re.compile(r" *\(/[^)]*\)")  # of a package, which the report names anyway
_TOLD_SECONDS = 10.0
_MADE = b'{"reason":"compiler-artifact"'



def build(
    folder: Path, features: tuple[str, ...] = (), jobs: int = 0, say: Callable[[str], None] = lambda line: None
) -> Built:
    """pre: folder holds Cargo.toml. jobs: how many of cargo's; 0: as many as it likes. say: told how far it is, where that takes
    long. Raises AuditError where there is no cargo or no clang."""
    try:
        cargo, clang = find_cargo(), find_clang()
    except DriverError as error:
        raise AuditError(f"{folder}: not built: {error}") from error
    root = _root(cargo, folder)
    target = _target(root)
    try:
        environment = _environment(target)
    except OSError as error:
        raise AuditError(f"{folder}: not built: {target} cannot be written: {error.strerror}") from error
    command = [cargo, "build", "--target", TRIPLE, "--keep-going", "--message-format=json-render-diagnostics"]
    if features:
        command += ["--features", ",".join(features)]
    if jobs:
        command += ["--jobs", str(jobs)]
    try:
        _forget_others(target, clang.command)
        with _lock_kept(root):
            status, messages, said = _run([*command, "--offline"], folder, environment, say)
            if status != 0 and _UNREACHABLE.search(said):
                status, messages, said = _run(command, folder, environment, say)
    except OSError as error:
        raise AuditError(f"{folder}: not built: {error.filename or root}: {error.strerror}") from error
    return collect(messages, folder.absolute(), target, "" if status == 0 else _reason(said))


def _root(cargo: str, folder: Path) -> Path:
    """Of the workspace, where the lock file lies."""
    answer = subprocess.run(
        [cargo, "locate-project", "--workspace", "--message-format=plain"], cwd=folder, capture_output=True, text=True
    )
    root = Path(answer.stdout.strip()).parent if answer.returncode == 0 and answer.stdout.strip() else folder
    return root.absolute()


def _target(root: Path) -> Path:
    given = os.environ.get("CARGO_TARGET_DIR")
    return (Path(given).absolute() if given else root / "target") / "galeed-audit"


def _forget_others(target: Path, clang: tuple[str, ...]) -> None:
    """Removes what another compiler of ours, or another clang, made bitcode of: cargo, which asks for the objects, finds it fresh."""
    mine = hashlib.sha256("\0".join(clang).encode() + Path(compiler.__file__).read_bytes()).hexdigest()
    stamp = target / ".compiler"
    with _locked(target):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8", errors="replace") != mine:
            shutil.rmtree(target / TRIPLE, ignore_errors=True)
            stamp.write_text(mine, encoding="utf-8")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """For one audit at a time, as far as the file system has locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _lock_kept(root: Path) -> Iterator[None]:
    """Leaves the lock file as it was, however the build ends. One audit of a workspace at a time, or one would take for the
    project's own what the other's cargo wrote."""
    path = root / "Cargo.lock"
    with _locked(root):
        kept = path.read_bytes() if path.is_file() else None
        try:
            yield
        finally:
            if kept is None:
                path.unlink(missing_ok=True)
            elif not path.is_file() or path.read_bytes() != kept:
                path.write_bytes(kept)


def _environment(target: Path) -> dict[str, str]:
    """What cargo and build scripts run with: our compilers under every name that they look at."""
    result = dict(os.environ)
    tools = target / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    for name, kind in (("CC", "c"), ("CXX", "c++")):
        path = tools / f"audit-{kind}"
        root = shlex.quote(str(Path(__file__).parents[2]))
        script = (
            f"#!/bin/sh\nPYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} "
            f'exec {shlex.quote(sys.executable)} -P -m audit.build.compiler {kind} "$@"\n'
        )
        new = tools / f".{path.name}.{os.getpid()}"  # another run's build may read the script now
        new.write_text(script, encoding="utf-8")
        new.chmod(0o755)
        new.replace(path)
        result.setdefault(f"HOST_{name}", "cc" if kind == "c" else "c++")
        for variable in (name, f"{name}_{TRIPLE}", f"{name}_{TRIPLE.replace('-', '_')}", f"TARGET_{name}"):
            result[variable] = str(path)
    given = result.pop("RUSTFLAGS", "").split()
    encoded = result.get("CARGO_ENCODED_RUSTFLAGS", "")
    result["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join([*(encoded.split("\x1f") if encoded else given), *RUSTFLAGS])
    result["CARGO_TARGET_DIR"] = result["CARGO_BUILD_BUILD_DIR"] = str(target)
    result["CARGO_INCREMENTAL"] = "0"
    return result


def _run(
    command: list[str], folder: Path, environment: dict[str, str], say: Callable[[str], None]
) -> tuple[int, list[dict[str, Any]], str]:
    messages, begun = [], time.monotonic()
    # A group of their own, so that cargo, compilers and build scripts end with us.
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        process_group=0,
    ) as cargo:  # fmt: skip
        try:
            while True:
                try:
                    out, said = cargo.communicate(timeout=_TOLD_SECONDS)
                    break
                except subprocess.TimeoutExpired as waiting:  # nothing is lost: it goes on where it was
                    made = (waiting.output or b"").count(_MADE)
                    say(f"building {folder}: {made} crates compiled after {time.monotonic() - begun:.0f} s")
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(cargo.pid, signal.SIGKILL)
            raise
    for line in out.splitlines():
        try:
            messages.append(json.loads(line))
        except ValueError:
            continue  # a compiler wrapper of the user's that prints
    return cargo.returncode, [each for each in messages if isinstance(each, dict)], said.decode(errors="replace")


def _reason(said: str) -> str:
    """The first error of the compiler, with its place, or of cargo; of a build script that fails, its own words too."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    at = next((at for at, line in enumerate(lines) if line.startswith("error")), -1)
    first = lines[at] if lines else "no reason given"
    if words := _of_script(lines) if "custom build command" in first else "":
        return f"{_FOLDER.sub('', first)[:100]}: {words}"[:300]
    place = next((line.removeprefix("--> ") for line in lines[at + 1 : at + 2] if line.startswith("--> ")), "")
    return f"{place}: {first[:200]}" if place else first[:200]


def _of_script(lines: list[str]) -> str:
    """What it panicked with, else its first error, else its last line; "" where it said nothing."""
    begin = next((at for at, line in enumerate(lines, 1) if line == "--- stderr"), len(lines))
    said = lines[begin:]
    for line, following in pairwise(said):
        if " panicked at " in line:  # the message is on the next line
            return following
    return next((line for line in said if re.search(r"\berror\b", line, re.I)), said[-1] if said else "")
