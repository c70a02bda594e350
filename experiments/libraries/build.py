"""Compiles each library by clang and by galeed-cc, and links its driver in three ways.

plain: clang's objects. raw: galeed-cc's, with the runtime of programs without a host, so
that nothing is ever lent. lent: the same objects in front of a host, whose buffers are.

Invariant: all three get the same sources, flags and clang; drivers are never rewritten.
Both compilers take turns file by file, so that what else the machine does hits both.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.libraries.recipes import recipe
from experiments.libraries.usage import Usage, measured
from experiments.model import LabError
from experiments.output import write_atomically
from experiments.workshop import BUILDS, ROOT, clang_words, clean_environment
from llvm_pass.driver import inspect_objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.libraries.recipes import Recipe
    from experiments.model import Options

HERE = Path(__file__).resolve().parent
PLACE = BUILDS / "libraries"
COMPILERS = ("clang", "galeed-cc")
WAYS = ("plain", "raw", "lent")
POLICIES = ("everything", "structures")  # what galeed-cc is told: nothing; or what hosts of the library lend
GALEED_CC = (sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c")
OPTIMISED = ("-O2", "-w")
SYSTEM = ("-lpthread", "-ldl", "-lm")
INCLUDES = (f"-I{ROOT / 'pseudoptr' / 'include'}", f"-I{ROOT / 'mpk' / 'csrc'}")


@dataclass(frozen=True)
class Compiled:
    """What both compilers made of one library. text_bytes: all executable sections. files: per source file."""

    text_bytes: Mapping[str, int]
    files: Mapping[str, Mapping[str, Usage]] = field(default_factory=dict)

    def total(self, compiler: str, what: str) -> float:
        """The sum of one of Usage's times over all files."""
        return sum(float(getattr(used[compiler], what)) for used in self.files.values())


def sources(one: Recipe, crates: Mapping[str, Path]) -> list[Path]:
    """The C files, sorted. Raises LabError when there are none."""
    folder = crates[one.crate] / one.folder
    found = sorted(path for pattern in one.sources for path in folder.glob(pattern) if path.name not in one.without)
    if not found:
        raise LabError(f"no sources of {one.name} in {folder}")
    return found


def _includes(one: Recipe, crates: Mapping[str, Path]) -> list[str]:
    folder = crates[one.crate] / one.folder
    return [f"-I{PLACE / one.name / 'include'}", *(f"-I{folder / name}" for name in one.includes)]


def flags(one: Recipe, crates: Mapping[str, Path]) -> list[str]:
    """What the library's files, and programs that use it, are compiled with."""
    words = [*one.flags, *_includes(one, crates)]
    for name in one.needs:
        words += _includes(recipe(name), crates)
    return words


def _generate(one: Recipe, crates: Mapping[str, Path]) -> None:
    own = PLACE / one.name / "include"
    own.mkdir(parents=True, exist_ok=True)
    for header, origin in one.generated.items():
        shutil.copyfile(crates[one.crate] / one.folder / origin, own / header)


def text_bytes(path: Path) -> int:
    """All executable sections of an object."""
    found = inspect_objects.sections(path.read_bytes(), path.name)
    return sum(len(each.data) for each in found if each.flags & inspect_objects.SHF_EXECINSTR)


def _object(one: Recipe, compiler: str, source: Path, crates: Mapping[str, Path]) -> Path:
    relative = source.relative_to(crates[one.crate] / one.folder)
    return PLACE / one.name / compiler / ("-".join(relative.with_suffix("").parts) + ".o")


def policy_of(one: Recipe, options: Options) -> Path | None:
    """The galeed.toml that the library is rewritten by; None for none. Raises LabError for an unknown policy."""
    wanted = options.policy or POLICIES[0]
    if wanted not in POLICIES:
        raise LabError(f"--policy {wanted!r}: there are {', '.join(POLICIES)}")
    if wanted == POLICIES[0]:
        return None
    path = PLACE / one.name / "galeed.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"structures = {json.dumps(one.structures)}\n")
    return path


def compile_library(one: Recipe, crates: Mapping[str, Path], options: Options) -> Compiled:
    """Compiles everything now, or with --no-build takes what was compiled. Raises LabError."""
    note = PLACE / one.name / "compiled.json"
    found = sources(one, crates)
    if not options.build:
        return _as_before(one, note)
    _generate(one, crates)
    policy = policy_of(one, options)
    commands = {"clang": clang_words(), "galeed-cc": (*GALEED_CC, f"--galeed-policy={policy or ''}")}
    words = [*OPTIMISED, *flags(one, crates)]
    files: dict[str, dict[str, Usage]] = {}
    sizes = dict.fromkeys(COMPILERS, 0)
    for number, source in enumerate(found):
        options.say(f"compiling {one.name}: {source.name} ({number + 1} of {len(found)})")
        files[source.name] = {}
        for compiler in COMPILERS:
            output = _object(one, compiler, source, crates)
            output.parent.mkdir(parents=True, exist_ok=True)
            command: list[str | Path] = [*commands[compiler], *words, "-c", source, "-o", output]
            files[source.name][compiler] = measured(
                command, f"{one.name}: {compiler} on {source.name}", {"PYTHONPATH": str(ROOT)}
            )
            sizes[compiler] += text_bytes(output)
    compiled = Compiled(sizes, files)
    write_atomically(note, json.dumps(asdict(compiled), indent=1) + "\n")
    return compiled


def _as_before(one: Recipe, note: Path) -> Compiled:
    if not note.is_file():
        raise LabError(f"{one.name} was not compiled before; run without --no-build")
    known = json.loads(note.read_text(encoding="utf-8"))
    files = {
        name: {compiler: Usage(**used) for compiler, used in each.items()} for name, each in known["files"].items()
    }
    return Compiled(known["text_bytes"], files)


def _run(command: Sequence[str | Path], what: str, folder: Path = ROOT) -> None:
    words = [str(word) for word in command]
    environment = clean_environment({"CARGO_TARGET_DIR": str(BUILDS / "library-host"), "PYTHONPATH": str(ROOT)})
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.splitlines()
        first = next((line for line in lines if "error" in line or "undefined" in line), lines[-1] if lines else "")
        raise LabError(f"{what} does not build: {first}")


@dataclass(frozen=True)
class Runtimes:
    """What is linked behind rewritten objects."""

    raw: Path
    lent: Path


def runtimes(options: Options) -> Runtimes:
    """Built now, or with --no-build as before. Raises LabError."""
    from llvm_pass.driver.clang import find_clang
    from llvm_pass.driver.errors import DriverError
    from llvm_pass.driver.link import STANDALONE, standalone_archive
    from llvm_pass.driver.run import Runner

    made = Runtimes(PLACE / STANDALONE, BUILDS / "library-host" / "release" / "liblibrary_host.a")
    if options.build:
        options.say("building the host's runtime")
        PLACE.mkdir(parents=True, exist_ok=True)
        _run(["cargo", "build", "--release", "--locked", "--quiet"], "the host's runtime", HERE / "host")
        try:
            standalone_archive(find_clang(), PLACE, Runner())
        except DriverError as error:
            raise LabError(str(error)) from error
    return made


def link(one: Recipe, crates: Mapping[str, Path], behind: Runtimes, options: Options) -> dict[str, Path]:
    """The driver's program for each of WAYS. Raises LabError."""
    programs = {way: PLACE / one.name / f"driver-{way}" for way in WAYS}
    if not options.build:
        if missing := [path for path in programs.values() if not path.is_file()]:
            raise LabError(f"{missing[0]} was not built before; run without --no-build")
        return programs
    needed = [one, *map(recipe, one.needs)]
    for way, program in programs.items():
        compiler = "clang" if way == "plain" else "galeed-cc"
        objects = [_object(each, compiler, source, crates) for each in needed for source in sources(each, crates)]
        drivers = HERE / "drivers"
        harness = [drivers / "harness.c", drivers / f"harness_{'lent' if way == 'lent' else 'raw'}.c"]
        runtime: list[Path] = {"plain": [], "raw": [behind.raw], "lent": [behind.lent]}[way]
        files = [drivers / one.driver, *harness, *objects, *runtime]
        words = [*OPTIMISED, *flags(one, crates), *INCLUDES]
        command = [*clang_words(), *words, *map(str, files), *SYSTEM, "-o", str(program)]
        _run(command, f"{one.name}'s driver ({way})")
    return programs
