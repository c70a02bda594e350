"""Says which C and C++ of a build was rewritten, which was not, and why.

Invariant: what is linked is judged by the linked files themselves (an object that
holds code outside the rewritten section is named); the compilers' log only tells
sources and reasons.
"""

import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llvm_pass.driver import inspect_objects, log
from llvm_pass.driver.cargo_build import Build, Script
from llvm_pass.driver.cargo_environment import Place
from llvm_pass.driver.cargo_project import RUNTIME_PACKAGES, Project
from llvm_pass.driver.errors import DriverError

NAMES_SHOWN = 40  # of rewritten files a package; --json has them all
UNREWRITTEN = "not rewritten: called from Rust, it runs with Rust's rights"
PROBES = ("flag_check.", "detect_compiler_family.", "detect_cpp_stdlib.")  # the cc crate's, left in OUT_DIR
# The C library that Rust's own standard library stands on.
C_LIBRARY = frozenset("c m pthread dl rt util resolv gcc_s gcc gcc_eh".split())


@dataclass
class Source:
    """One source that galeed-cc or galeed-c++ was given."""

    package: str
    source: str
    object: str | None
    rewritten: bool
    reason: str
    missed: int


@dataclass
class Library:
    """One native library that a build script asked for."""

    package: str
    name: str
    path: str | None
    rewritten: bool
    detail: str
    objects: list[str] = field(default_factory=list)  # those with code that was not rewritten


@dataclass
class Report:
    """The C side of one build."""

    sources: list[Source] = field(default_factory=list)
    libraries: list[Library] = field(default_factory=list)
    probes: int = 0  # compiled, then thrown away by the build script: configure's questions


def collect(project: Project, build: Build, place: Place) -> Report:
    """Joins the log with what cargo's build scripts said, for the packages of this build."""
    report = Report()
    latest = {(entry.out_dir, entry.source, entry.object): entry for entry in log.read(place.log)}
    for script in build.scripts:
        package = project.packages.get(script.package)
        name = f"{package.name} {package.version}" if package else script.package
        if package and package.name in RUNTIME_PACKAGES:
            continue
        linked = _digests(script)
        for (out_dir, *_), entry in latest.items():
            if out_dir != str(script.out_dir):
                continue
            same = entry.digest is not None and entry.digest == log.digest(entry.object)
            if entry.rewritten and not same and entry.digest not in linked:
                report.probes += _thrown_away(entry, package.folder if package else script.out_dir)
                continue
            if _thrown_away(entry, package.folder if package else script.out_dir):
                report.probes += 1
                continue
            shown = _short(entry.source, package.folder if package else None, script.out_dir)
            report.sources.append(Source(name, shown, entry.object, entry.rewritten, entry.reason, entry.missed))
        if script.out_dir.is_relative_to(place.target):
            found = (_library(name, script, each) for each in script.libraries)
            report.libraries += [each for each in found if each.path or each.name not in C_LIBRARY]
    report.sources.sort(key=lambda each: (each.package, each.source))
    return report


def _digests(script: Script) -> set[str]:
    """Of all objects in the archives that a build script made: it may have deleted the objects."""
    found = set()
    for path in sorted({path for folder in {script.out_dir, *script.paths} for path in folder.glob("*.a")}):
        if path.is_relative_to(script.out_dir):
            with suppress(DriverError):  # said where the library itself is looked at
                found |= {log.digest_of(data) for _, data in inspect_objects.members(path)}
    return found


def _thrown_away(entry: log.Entry, package: Path) -> bool:
    """Was it compiled only to ask something of the compiler?"""
    source, made = Path(entry.source), entry.object
    if made in (None, "-") or str(made).startswith("/dev/") or "CMakeFiles" in source.parts:
        return True
    generated = bool(entry.out_dir) and source.is_relative_to(str(entry.out_dir))
    if generated and source.name.startswith(PROBES):
        return True
    others = not generated and not source.is_relative_to(package)  # cmake's own, for example
    return not Path(str(made)).exists() and (others or not source.exists())


def _short(source: str, package: Path | None, out_dir: Path) -> str:
    for folder in filter(None, (package, out_dir)):
        if Path(source).is_relative_to(folder):
            return str(Path(source).relative_to(folder))
    return source


def _library(package: str, script: Script, said: str) -> Library:
    """said: "[KIND[:MODIFIERS]=]NAME[:RENAME]", as build scripts print it."""
    kind, _, name = said.rpartition("=")
    kind, name = kind.split(":")[0], name.split(":")[0]
    endings = {"static": (".a",), "dylib": (".so",)}.get(kind, (".so", ".a"))
    verbatim = "+verbatim" in said
    for folder in script.paths:
        for ending in endings:
            path = folder / (name if verbatim else f"lib{name}{ending}")
            if path.is_file():
                return _inspected(package, name, path)
    if kind == "static":
        detail = f"static library outside the build script's paths: {UNREWRITTEN}"
    else:
        detail = f"the system's shared library: {UNREWRITTEN}"
    return Library(package, name, None, False, detail)


def _inspected(package: str, name: str, path: Path) -> Library:
    if path.suffix == ".so" or ".so." in path.name:
        try:
            whole = inspect_objects.rewritten(path.read_bytes(), str(path))
        except DriverError as error:
            return Library(package, name, str(path), False, f"cannot be read: {error}")
        detail = "shared library with rewritten code" if whole else f"prebuilt shared library: {UNREWRITTEN}"
        return Library(package, name, str(path), bool(whole), detail)
    left, done = [], 0
    try:
        for member, data in inspect_objects.members(path):
            verdict = inspect_objects.rewritten(data, f"{path}({member})")
            done += verdict is True
            left += [member] if verdict is False else []
    except DriverError as error:
        return Library(package, name, str(path), False, f"cannot be read: {error}")
    if left and not done:
        return Library(package, name, str(path), False, f"prebuilt static library: {UNREWRITTEN}", left)
    if left:
        return Library(
            package, name, str(path), False, f"{len(left)} of {done + len(left)} objects {UNREWRITTEN}", left
        )
    return Library(package, name, str(path), True, f"{done} objects rewritten" if done else "no code")


def show(report: Report) -> None:
    """The report for people, on stderr (stdout is the program's)."""
    lines = []
    for package in sorted({each.package for each in report.sources}):
        mine = [each for each in report.sources if each.package == package]
        done = [each for each in mine if each.rewritten]
        names = [each.source for each in done[:NAMES_SHOWN]]
        more = f" and {len(done) - NAMES_SHOWN} more" if len(done) > NAMES_SHOWN else ""
        if done:
            lines.append(f"  {package}: {len(done)} rewritten: {' '.join(names)}{more}")
        for each in mine:
            if not each.rewritten:
                lines.append(f"  {package}: not rewritten: {each.source}: {each.reason}")
            elif each.missed or each.reason:
                missed = (
                    f"{each.missed} forms could not be rewritten and trap on pseudo-pointers" if each.missed else ""
                )
                lines.append(f"  {package}: note: {each.source}: {'; '.join(filter(None, [missed, each.reason]))}")
    for library in report.libraries:
        if not library.rewritten:
            objects = f" ({' '.join(library.objects[:NAMES_SHOWN])})" if library.objects else ""
            lines.append(f"  {library.package}: library {library.name}: {library.detail}{objects}")
    print("galeed: C and C++ in this build" + ("" if lines else ": none"), file=sys.stderr)
    print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr, flush=True)


def as_json(
    report: Report, build: Build, project: Project, place: Place, fingerprint: str, clang: str
) -> dict[str, Any]:
    """The same for programs: stable keys, see `cargo galeed --help`."""
    programs = [
        {
            "path": str(program.path),
            "package": project.packages[program.package].name,
            "target": program.target,
            "kind": program.kind,
            "allocator": program.allocator,
        }
        for program in build.programs
    ]
    return {
        "programs": programs,
        "sources": [asdict(each) for each in report.sources],
        "libraries": [asdict(each) for each in report.libraries],
        "probes": report.probes,
        "target_directory": str(place.root),
        "fingerprint": fingerprint,
        "clang": clang,
    }
