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

from llvm_pass.driver import cargo_libraries, inspect_objects, log
from llvm_pass.driver.cargo_build import Build, Script
from llvm_pass.driver.cargo_environment import Place
from llvm_pass.driver.cargo_libraries import Library
from llvm_pass.driver.cargo_project import RUNTIME_PACKAGES, Project
from llvm_pass.driver.errors import DriverError

NAMES_SHOWN = 40  # of rewritten files a package; --json has them all
MISSED_SHOWN = 3  # of the forms that could not be rewritten, a source
PROBES = ("flag_check.", "detect_compiler_family.", "detect_cpp_stdlib.")  # the cc crate's, left in OUT_DIR


@dataclass
class Source:
    """One source that galeed-cc or galeed-c++ was given."""

    package: str
    source: str
    object: str | None
    rewritten: bool
    reason: str
    missed: int
    forms: list[str]  # what traps on pseudo-pointers, in words
    uncallable: list[str]  # variadic entry points; missed counts both


@dataclass
class Report:
    """The C side of one build."""

    sources: list[Source] = field(default_factory=list)
    libraries: list[Library] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # entries of the policy that no C has, in words
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
            report.sources.append(
                Source(
                    name,
                    shown,
                    entry.object,
                    entry.rewritten,
                    entry.reason,
                    entry.missed,
                    entry.forms,
                    entry.uncallable,
                )
            )
        if script.out_dir.is_relative_to(place.target):
            for said in script.libraries:
                library = cargo_libraries.judge(name, script, said)
                if library and library not in report.libraries:  # scripts repeat themselves
                    report.libraries.append(library)
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


def show(report: Report, quiet: bool) -> None:
    """The report for people, on stderr (stdout is the program's). quiet: only its warnings."""
    judged = [cargo_libraries.lines(library) for library in report.libraries]
    warnings = [f"warning: {line}" for some, _ in judged for line in some]
    warnings += [f"warning: {line}" for line in report.absent]
    lines = [] if quiet else _summary(report) + [f"  {line}" for _, some in judged for line in some]
    if not quiet:
        lines.insert(0, "galeed: C and C++ in this build" + ("" if lines or warnings else ": none"))
    lines = list(dict.fromkeys([*lines, *warnings]))
    print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr, flush=True)


def _summary(report: Report) -> list[str]:
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
                notes = filter(None, [*_missed(each), each.reason])
                lines.append(f"  {package}: note: {each.source}: {'; '.join(notes)}")
    return lines


def _missed(source: Source) -> list[str]:
    """What the pass left as it was: a part each for what traps and for what Rust cannot call."""
    parts = []
    if source.forms:
        number = cargo_libraries.count(len(source.forms), "form")
        trap = "traps" if len(source.forms) == 1 else "trap"
        forms = dict.fromkeys(source.forms)  # without debug information many look the same
        parts.append(f"{number} could not be rewritten and {trap} on pseudo-pointers: {_some(list(forms), '; ')}")
    if source.uncallable:
        parts.append(f"{_some(source.uncallable, ', ')} cannot be called from Rust (variadic)")
    return parts


def _some(names: list[str], between: str) -> str:
    more = f" and {len(names) - MISSED_SHOWN} more" if len(names) > MISSED_SHOWN else ""
    return between.join(names[:MISSED_SHOWN]) + more


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
        "absent_entries": report.absent,
        "probes": report.probes,
        "target_directory": str(place.root),
        "fingerprint": fingerprint,
        "clang": clang,
    }
