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
import tempfile
import tomllib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.build import compiler
from audit.build.compiler import SUFFIX, folder_of
from audit.errors import AuditError
from llvm_pass.driver.cargo_arguments import TRIPLE
from llvm_pass.driver.cargo_build import Script
from llvm_pass.driver.cargo_project import find_cargo
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Iterator

# The attributes that rustc gives declarations and parameters from level 1 on, every call as it was
# written (LLVM has not run), and no panic that a release build would not have.
RUSTFLAGS = (
    "--emit=llvm-bc", "--cap-lints=warn", "-Copt-level=1", "-Cno-prepopulate-passes", "-Cdebuginfo=2", "-Ccodegen-units=1",
    "-Cdebug-assertions=off", "-Coverflow-checks=off",
)  # fmt: skip
# A crate that can bring its C library along is judged with it.
_OWN_LIBRARY = ("bundled", "vendored", "static")
_UNREACHABLE = re.compile(r"--offline|failed to download|no matching package|failed to (?:get|load source)", re.I)
_FOLDER = re.compile(r" *\(/[^)]*\)")  # of a package, which the report names anyway
_TABLE = "[workspace]"
_BESIDE = re.compile(r'(^\[(?:target\.[^\n]*\.)?(?:build-|dev-)?dependencies\.[^\n]*\n(?:\w[^\n]*\n)*?)path *= *"[^"\n]*"\n', re.M)


@dataclass(frozen=True)
class Library:
    """A crate that was built for the target. folder: of its source. made: what its build script made, if it has one."""

    name: str
    file: Path
    folder: Path
    made: Path | None


@dataclass
class Built:
    """rust, c: bitcode files, those of C for each build script. own: those of crates in the folder itself. scripts: what build
    scripts asked to link. failure: why the build ended early, a line; "" when it did not."""

    libraries: list[Library] = field(default_factory=list)
    rust: list[Path] = field(default_factory=list)
    own: set[Path] = field(default_factory=set)
    c: list[list[Path]] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    failure: str = ""


def build(folder: Path, features: tuple[str, ...] = (), jobs: int = 0) -> Built:
    """pre: folder holds Cargo.toml. jobs: how many of cargo's; 0: as many as it likes. Raises AuditError where there is no cargo
    or no clang."""
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
            status, messages, said = _run([*command, "--offline"], folder, environment)
            if status != 0 and _UNREACHABLE.search(said):
                status, messages, said = _run(command, folder, environment)
    except OSError as error:
        raise AuditError(f"{folder}: not built: {error.filename or root}: {error.strerror}") from error
    return _collect(messages, folder.absolute(), target, "" if status == 0 else _reason(said))


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


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, list[dict[str, Any]], str]:
    messages = []
    # A group of their own, so that cargo, compilers and build scripts end with us.
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        process_group=0,
    ) as cargo:  # fmt: skip
        try:
            out, said = cargo.communicate()
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
    """The first error of the compiler or of cargo; of a build script that fails, its own words too."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith("error")), lines[-1] if lines else "no reason given")
    words = _of_script(lines) if "custom build command" in first else ""
    return f"{_FOLDER.sub('', first)[:100]}: {words}"[:300] if words else first[:200]


def _of_script(lines: list[str]) -> str:
    """What it panicked with, else its first error, else its last line; "" where it said nothing."""
    begin = next((at for at, line in enumerate(lines, 1) if line == "--- stderr"), len(lines))
    said = lines[begin:]
    for line, following in pairwise(said):
        if " panicked at " in line:  # the message is on the next line
            return following
    return next((line for line in said if re.search(r"\berror\b", line, re.I)), said[-1] if said else "")


def _collect(messages: list[dict[str, Any]], folder: Path, target: Path, failure: str) -> Built:
    built = Built(failure=failure)
    rust: set[Path] = set()
    made = {each["package_id"]: Path(each["out_dir"]) for each in messages if each.get("reason") == "build-script-executed"}
    for message in messages:
        if message.get("reason") == "compiler-artifact":
            modules = _modules(message, target / TRIPLE)
            rust.update(modules)
            if Path(message["target"]["src_path"]).is_relative_to(folder):
                built.own |= modules
            built.libraries += _libraries(message, target / TRIPLE, made)
        elif message.get("reason") == "build-script-executed":
            out = Path(message["out_dir"])
            if out.is_relative_to(target / TRIPLE):
                beside = out.rglob(f"*{SUFFIX}")  # of an object that was compiled without OUT_DIR
                built.c.append(sorted({*folder_of(out).glob(f"*{SUFFIX}"), *beside}))
                built.scripts.append(_script(message, out))
    built.rust = sorted(rust)
    return built


def _script(message: dict[str, Any], out: Path) -> Script:
    paths = tuple(Path(each.partition("=")[2] or each) for each in message["linked_paths"])
    package = message["package_id"].rpartition("/")[2]  # path+file:///a/name#1.0.0, registry+https://host/index#name@1.0.0
    name = package.partition("#")[2].partition("@")[0] if "@" in package else package.partition("#")[0]
    return Script(name, tuple(message["linked_libs"]), paths, out)


def _libraries(message: dict[str, Any], target: Path, made: dict[str, Path]) -> list[Library]:
    files = [Path(each) for each in message["filenames"] if each.endswith(".rlib")]
    root = Path(message["target"]["src_path"]).parent
    name = message["target"]["name"].replace("-", "_")
    # The one in deps has its dependencies beside it.
    kept = [each if each.parent.name == "deps" else _beside(each, name) for each in files if each.is_relative_to(target)]
    return [Library(name, each, root, made.get(message["package_id"])) for each in kept]


def _beside(file: Path, name: str) -> Path:
    others = sorted((file.parent / "deps").glob(f"lib{name}-*.rlib"), key=lambda path: path.stat().st_mtime)
    return others[-1] if others else file


def _modules(message: dict[str, Any], target: Path) -> set[Path]:
    """The bitcode of one artifact: of a library by its hash, of a program the newest of its name."""
    found: set[Path] = set()
    name = message["target"]["name"].replace("-", "_")
    for each in map(Path, message["filenames"]):
        if not each.is_relative_to(target):
            continue
        stem = each.stem.removeprefix("lib")
        deps = each.parent if each.parent.name == "deps" else each.parent / "deps"
        exact = deps / f"{stem}.bc"
        if exact.is_file():
            found.add(exact)
        else:
            others = [path for path in deps.glob(f"{name}-*.bc") if re.fullmatch(r"[0-9a-f]{16}", path.stem[len(name) + 1 :])]
            found.update(sorted(others, key=lambda path: path.stat().st_mtime)[-1:])
    return found


def from_registry(name: str, version: str) -> Path:
    """A copy of a crate in cargo's local registry cache, where it can be built. Raises AuditError."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    found = sorted(home.glob(f"registry/src/*/{name}-{version}")) or sorted(home.glob(f"registry/src/*/{name}-{version}+*"))
    if not found:
        raise AuditError(f"{name}=={version}: is not in {home}/registry/src; `cargo fetch` in a project that uses it brings it")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galeed" / "audit"
    copy = cache / found[0].name
    if not (copy / ".complete").is_file():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".", dir=cache) as folder:
                _copied(found[0], Path(folder) / "crate", copy)
        except (OSError, shutil.Error) as error:  # a full disk is told once for each file
            raise AuditError(f"{copy}: cannot be written: {error.strerror or 'is the disk full?'}") from error
    return copy


def _copied(crate: Path, new: Path, copy: Path) -> None:
    """Whole or not at all: others may do the same at this moment, or build in it."""
    shutil.copytree(crate, new)
    manifest = new / "Cargo.toml"
    # What the registry has no folder for: of manifests older than cargo's rewriting of them.
    text = _BESIDE.sub(r"\1", manifest.read_text(encoding="utf-8"))
    if _TABLE not in text:  # it is no member of whatever lies above
        text = f"{text}\n{_TABLE}\n"
    manifest.write_text(text, encoding="utf-8")
    (new / ".complete").touch()
    if not (copy / ".complete").is_file():
        shutil.rmtree(copy, ignore_errors=True)
    try:
        new.rename(copy)
    except OSError as error:
        if not (copy / ".complete").is_file():  # else another one was first
            raise AuditError(f"{copy}: cannot be written: {error.strerror}") from error


def own_library(folder: Path) -> tuple[str, ...]:
    """The feature by which a crate brings its C library along, if it has one."""
    try:
        features = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8")).get("features", {})
    except (OSError, ValueError):
        return ()
    return tuple(each for each in _OWN_LIBRARY if each in features)[:1]
