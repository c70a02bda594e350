"""The build's own directory, and the environment that build scripts meet.

Invariant: every C object of the target machine in our directory was made by this
very version of galeed and clang; another version starts afresh. Build scripts get
our compilers under every name that the `cc` and `cmake` crates, make and configure
look at, except those that mean "for the build machine".
"""

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import llvm_pass
from llvm_pass.driver.cargo_arguments import TRIPLE, Arguments
from llvm_pass.driver.cargo_project import Project
from llvm_pass.driver.clang import Clang
from llvm_pass.driver.errors import DriverError
from llvm_pass.driver.run import write_atomic
from llvm_pass.policy import VARIABLE, Policy

STAMP = "galeed-build.json"
NO_POLICY = Policy()
LOG = "galeed-cc.jsonl"
TOOLS = {"CC": ("galeed-cc", "cc c"), "CXX": ("galeed-c++", "cc c++"), "AR": ("galeed-ar", "ar")}


@dataclass(frozen=True)
class Place:
    """Where a build goes."""

    root: Path  # CARGO_TARGET_DIR of the build

    @property
    def target(self) -> Path:
        """What is built for the program; beside it cargo keeps what runs during the build."""
        return self.root / TRIPLE

    @property
    def log(self) -> Path:
        """What became of each C file; kept over cached builds."""
        return self.root / LOG

    @property
    def tools(self) -> Path:
        """The compilers' wrappers."""
        return self.root / "galeed-tools"


def choose_place(project: Project, arguments: Arguments) -> Place:
    """--target-dir and CARGO_TARGET_DIR are taken at their word; else <target>/galeed."""
    given = arguments.last("--target-dir") or os.environ.get("CARGO_TARGET_DIR")
    return Place(Path(given).absolute() if given else project.target_directory / "galeed")


def fingerprint(clang: Clang, policy: Policy = NO_POLICY) -> str:
    """Changes whenever the same C could be compiled or rewritten differently."""
    digest = hashlib.sha256()
    package = Path(llvm_pass.__file__).parent
    headers = [*package.parent.glob("pseudoptr/include/*.h"), *package.parent.glob("mpk/csrc/*.h")]
    sources = [path for path in package.rglob("*") if path.suffix in (".py", ".c", ".ll", ".in")]
    for path in sorted([*headers, *sources]):
        digest.update(f"{path.relative_to(package.parent)}\0".encode())
        digest.update(path.read_bytes())
    digest.update(metadata.version("llvmlite").encode())
    digest.update(json.dumps(policy.rewriting(), sort_keys=True).encode())
    answer = subprocess.run([*clang.command, "--version"], capture_output=True)
    digest.update(" ".join(clang.command).encode() + answer.stdout)
    return digest.hexdigest()[:16]


def prepare(place: Place, clang: Clang, policy: Policy = NO_POLICY) -> str:
    """Makes the directory ready; returns the fingerprint.

    Raises: DriverError when the directory holds a build that is not ours.
    """
    current = fingerprint(clang, policy)
    place.root.mkdir(parents=True, exist_ok=True)
    with _locked(place.root / ".galeed-lock"):
        stamp = place.root / STAMP
        if place.target.exists() and not stamp.exists():
            raise DriverError(
                f"{place.target} was not built by cargo galeed: plain objects in it would be taken for rewritten "
                "ones; choose another --target-dir, or delete it"
            )
        if stamp.exists() and _read_stamp(stamp) != current:
            if place.target.exists():
                print("cargo-galeed: galeed, clang or the policy changed, building anew", file=sys.stderr)
            shutil.rmtree(place.target, ignore_errors=True)
            place.log.unlink(missing_ok=True)
        write_atomic(str(stamp), json.dumps({"fingerprint": current}).encode() + b"\n")
        _write_tools(place, current)
    return current


def environment(place: Place, clang: Clang, policy: Policy = NO_POLICY) -> dict[str, str]:
    """What cargo, and so every build script, runs with.

    Raises: DriverError when there is no compiler for the build machine.
    """
    result = dict(os.environ)
    host = result.get("GALEED_HOST_CC") or "cc"
    if shutil.which(shlex.split(host)[0] if shlex.split(host) else "") is None:
        raise DriverError(f"no C compiler ({host}) for galeed's runtime and for linking; on Debian: apt install gcc")
    result["GALEED_HOST_CC"] = host
    # Where host and target are one triple, the cc crate reads CC_<triple> for both;
    # galeed-cc itself then tells them apart by OUT_DIR (GALEED_BUILD_ROOT).
    result.setdefault("HOST_CC", host)
    result.setdefault("HOST_CXX", "c++")
    for name, (tool, _) in TOOLS.items():
        path = str(place.tools / tool)
        for variable in (name, f"{name}_{TRIPLE}", f"{name}_{TRIPLE.replace('-', '_')}", f"TARGET_{name}"):
            result[variable] = path
    result["CARGO_TARGET_DIR"] = str(place.root)
    result["CARGO_BUILD_BUILD_DIR"] = str(place.root)  # or a configured build-dir would mix with plain builds
    result["GALEED_BUILD_ROOT"] = str(place.root)
    result["GALEED_CC_LOG"] = str(place.log)
    # The project's, not what a dependency may have brought: build scripts run in its folder.
    result[VARIABLE] = str(Path(policy.origin).absolute()) if policy.origin else ""
    if clang.origin == "GALEED_CLANG":  # build scripts run elsewhere: a relative name would change its meaning
        result["GALEED_CLANG"] = str(Path(clang.command[0]).absolute())
    return result


def _write_tools(place: Place, current: str) -> None:
    """Wrappers that call this very interpreter and package, whatever PATH the build script has."""
    place.tools.mkdir(exist_ok=True)
    package_root = Path(llvm_pass.__file__).parent.parent
    for name, module in TOOLS.values():
        # -P: a build script's directory must not provide our modules.
        text = (
            f"#!/bin/sh\n# {current}: whoever caches by the compiler's own bytes sees another version\n"
            f"PYTHONPATH={shlex.quote(str(package_root))}${{PYTHONPATH:+:$PYTHONPATH}} "
            f'exec {shlex.quote(sys.executable)} -P -m llvm_pass.driver.{module} "$@"\n'
        )
        path = place.tools / name
        if not path.is_file() or path.read_text() != text:
            write_atomic(str(path), text.encode())
            path.chmod(0o755)


def _read_stamp(stamp: Path) -> str | None:
    try:
        return str(json.loads(stamp.read_text())["fingerprint"])
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
