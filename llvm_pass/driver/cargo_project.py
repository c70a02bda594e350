"""What cargo knows of the project: packages, and whether programs depend on galeed.

Invariant: a program is refused before anything is built when none of its
dependencies could bring our allocator. (Whether it is *used* is seen after linking.)
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvm_pass
from llvm_pass.driver.cargo_arguments import TRIPLE, Arguments
from llvm_pass.driver.errors import DriverError

RUNTIME_PACKAGES = frozenset(["galeed", "galeed-mpk"])
ALLOCATOR_LINES = "#[global_allocator]\n        static HEAP: galeed::Heap = galeed::Heap;"


@dataclass(frozen=True)
class Package:
    """A package of the dependency graph."""

    name: str
    version: str
    manifest: Path
    kinds: frozenset[str]  # of its targets: bin, lib, test ...
    tested: bool  # has a target that `cargo test` builds for the target machine

    @property
    def folder(self) -> Path:
        """Where its sources are."""
        return self.manifest.parent


@dataclass(frozen=True)
class Project:
    """`cargo metadata`, understood."""

    packages: dict[str, Package]
    members: tuple[str, ...]
    default_members: tuple[str, ...]
    edges: dict[str, list[tuple[str, frozenset[str]]]]  # id: (id, kinds: "normal", "dev", "build")
    target_directory: Path
    root: Path  # of the workspace


def find_cargo() -> str:
    """cargo's path. Raises: DriverError when there is no Rust here."""
    cargo = os.environ.get("CARGO") or shutil.which("cargo")
    if not cargo or shutil.which(cargo) is None:
        raise DriverError("no cargo: install Rust (https://rustup.rs), or set CARGO")
    rustc = os.environ.get("RUSTC") or "rustc"
    try:
        answer = subprocess.run([rustc, "-vV"], capture_output=True, text=True)
    except OSError:
        raise DriverError(f"no rustc ({rustc}): install Rust (https://rustup.rs)") from None
    if answer.returncode != 0:
        raise DriverError(f"{rustc} does not work: {first_line(answer.stderr)}")
    if f"host: {TRIPLE}\n" not in answer.stdout:
        raise DriverError(f"{rustc} is for another machine: only {TRIPLE} is supported")
    return cargo


def load(cargo: str, arguments: Arguments) -> Project:
    """Asks cargo. Raises: DriverError with cargo's reason in one line."""
    command = [cargo, "metadata", "--format-version", "1", "--filter-platform", TRIPLE]
    answer = subprocess.run([*command, *arguments.for_metadata()], capture_output=True, text=True)
    if answer.returncode != 0:
        raise DriverError(_reason(answer.stderr))
    data: dict[str, Any] = json.loads(answer.stdout)
    packages = {}
    for record in data["packages"]:
        kinds = frozenset(kind for target in record["targets"] for kind in target["kind"])
        tested = any(target["test"] and "proc-macro" not in target["kind"] for target in record["targets"])
        packages[record["id"]] = Package(
            record["name"], record["version"], Path(record["manifest_path"]), kinds, tested
        )
    edges = {
        node["id"]: [
            (dep["pkg"], frozenset(kind["kind"] or "normal" for kind in dep["dep_kinds"])) for dep in node["deps"]
        ]
        for node in data["resolve"]["nodes"]
    }
    members = tuple(data["workspace_members"])
    return Project(
        packages,
        members,
        tuple(data.get("workspace_default_members", members)),
        edges,
        Path(data["target_directory"]),
        Path(data["workspace_root"]).resolve(),
    )


def check_dependencies(project: Project, arguments: Arguments) -> None:
    """Raises: DriverError when a package to build has programs but cannot have our allocator."""
    testing = arguments.command in ("test", "bench")
    for identity in selected(project, arguments):
        package = project.packages[identity]
        makes_programs = package.tested if testing else _makes_programs(package, arguments)
        if makes_programs and not _reaches_galeed(project, identity, testing):
            where = Path(llvm_pass.__file__).parent.parent / "pseudoptr" / "rust"
            shown = str(where) if where.is_dir() else "<galeed>/pseudoptr/rust"
            raise DriverError(
                f"package `{package.name}` does not depend on galeed, so its memory cannot be isolated. Add\n"
                f'    to {package.manifest}, under [dependencies]:\n        galeed = {{ path = "{shown}" }}\n'
                f"    to the program's main source file:\n        {ALLOCATOR_LINES}"
            )


def selected(project: Project, arguments: Arguments) -> list[str]:
    """The packages that this call builds programs of."""
    if arguments.flags & {"--workspace", "--all"}:
        excluded = arguments.all("--exclude")
        return [each for each in project.members if project.packages[each].name not in excluded]
    specs = arguments.all("-p", "--package")
    if specs:
        return [each for each in project.members if any(_matches(project, each, spec) for spec in specs)]
    said = arguments.last("--manifest-path")
    start = Path(arguments.last("-C") or ".").resolve()
    nearest = Path(said).resolve() if said else _nearest_manifest(start)
    if nearest != project.root / "Cargo.toml":
        here = [each for each in project.members if project.packages[each].manifest.resolve() == nearest]
        if here:
            return here
    return list(project.default_members)  # at the root of a workspace


def _nearest_manifest(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / "Cargo.toml").is_file():
            return folder / "Cargo.toml"
    return None


def _matches(project: Project, identity: str, spec: str) -> bool:
    package = project.packages[identity]
    return spec in (package.name, f"{package.name}@{package.version}", identity)


def _makes_programs(package: Package, arguments: Arguments) -> bool:
    if "--lib" in arguments.flags and not arguments.flags & {"--bins", "--all-targets"}:
        return False
    return bool(package.kinds & {"bin"})


def _reaches_galeed(project: Project, start: str, with_dev: bool) -> bool:
    seen, waiting = set(), [(start, True)]
    while waiting:
        identity, is_start = waiting.pop()
        if project.packages[identity].name == "galeed":
            return True
        for dependency, kinds in project.edges.get(identity, []):
            wanted = "normal" in kinds or (with_dev and is_start and "dev" in kinds)
            if wanted and dependency not in seen:
                seen.add(dependency)
                waiting.append((dependency, False))
    return False


def _reason(stderr: str) -> str:
    """cargo's error, its causes joined on, as one line."""
    lines = [line.strip() for line in stderr.splitlines()]
    start = next((index for index, line in enumerate(lines) if line.startswith("error")), 0)
    return " ".join(line for line in lines[start : start + 12] if line) or "cargo metadata failed without a reason"


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")
