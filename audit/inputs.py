"""From what the user names to a subject: what a path holds is told by its content, not by its name."""

from __future__ import annotations

import errno
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.build import cargo, registry
from audit.build.probe import probe
from audit.errors import AuditError
from audit.facts.binary import archive, elf
from audit.facts.llvm import ir, linking
from audit.facts.rust import source
from audit.facts.rust.foreign import maybe_declared, public_modules
from audit.subject import Subject
from mpk.scanner.code import ScanError
from mpk.scanner.command import printable, scan_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from audit.build.made import Built, Library

_TESTS = frozenset({"test", "tests", "examples", "benches", "fuzz"})
NOT_SOURCE = frozenset({"target", ".git", "node_modules", ".venv"})
CRATE = re.compile(r"([\w-]+)==([\w.+-]+)")
# Every Rust function for C that may panic calls it; an own crate with such is judged whether C is here or not.
_GUARD = b"panic_cannot_unwind"


@dataclass(frozen=True)
class Choices:
    """build: whether a crate is built for its IR. features: of cargo, with which. jobs: how much at once; 0: a job for each CPU."""

    build: bool = True
    features: tuple[str, ...] = ()
    jobs: int = 0


@dataclass(frozen=True)
class Input:
    """What a word names. built: what building it made, if it was to be built. problem: why it could not be, "" if it could."""

    word: str
    path: Path
    built: Built | None = None
    problem: str = ""
    is_named: bool = True  # False: the word means nothing that is here


def load(
    words: Iterable[str], pids: Iterable[int], say: Callable[[str], None], choices: Choices = Choices()
) -> Subject:
    """Builds and reads everything. What cannot be read is a note; nothing at all is an AuditError."""
    return read(prepare(words, say, choices), pids, say, choices.jobs)


def prepare(words: Iterable[str], say: Callable[[str], None], choices: Choices = Choices()) -> list[Input]:
    """Finds what the words name, and builds what is a crate."""
    return [_prepared(word, say, choices) for word in words]


def read(inputs: Iterable[Input], pids: Iterable[int], say: Callable[[str], None], jobs: int = 0) -> Subject:
    """Reads everything. What cannot be read is a note; nothing at all is an AuditError."""
    subject = Subject()
    read = 0
    for each in inputs:
        say(f"reading {each.word}")
        try:
            if not each.is_named:
                raise AuditError(each.problem)
            if each.problem:
                subject.notes.append(each.problem)
                subject.unread += 1
            if each.built is not None:
                _built(each.path, each.built, subject, say, jobs)
            _one(each.path, subject)
            read += 1
        except AuditError as error:
            subject.notes.append(str(error))
            subject.unread += 1
    for pid in pids:
        say(f"reading process {pid}")
        try:
            if pid <= 0:
                raise ScanError("there is no such process")
            subject.scans.append(scan_target(str(pid)))
            read += 1
            _mapped(pid, subject)
        except (ScanError, OSError) as error:
            gone = isinstance(error, OSError) and error.errno in (errno.ESRCH, errno.ENOENT, errno.EIO)
            subject.notes.append(f"process {pid}: {'it ended while it was read' if gone else error}")
            subject.unread += 1
    if not read:
        raise AuditError(subject.notes[0] if subject.notes else "nothing to audit: name a file, a folder or --pid")
    return subject


def _prepared(word: str, say: Callable[[str], None], choices: Choices) -> Input:
    """A path, or name==version of a crate in the local registry cache."""
    path, crate, features = Path(word), CRATE.fullmatch(word), choices.features
    if crate and not path.exists():
        try:
            path = registry.crate(crate[1], crate[2])
        except AuditError as error:
            return Input(word, path, problem=str(error), is_named=False)
        features = features or registry.own_library(path)
    if not choices.build or not (path / "Cargo.toml").is_file():
        return Input(word, path)
    say(f"building {path}" + (f" with {', '.join(features)}" if features else ""))
    try:
        return Input(word, path, cargo.build(path, features, choices.jobs, say))
    except AuditError as error:
        return Input(word, path, problem=str(error))


def _built(folder: Path, built: Built, subject: Subject, say: Callable[[str], None], jobs: int) -> None:
    """What building made: C whole, and of Rust the modules that may have to do with it."""
    if built.failure:
        subject.unread += 1
        subject.notes.append(f"{folder}: does not build ({built.failure}); judged by its source and what was built")
    subject.scripts += built.scripts
    say(f"reading {sum(map(len, built.c))} modules of C and C++ and of {len(built.rust)} crates")
    _c_modules(built.c, subject, jobs)
    defined = frozenset(subject.program.definitions)
    del subject.program  # more modules are to come
    probes = [_probed(library, defined, subject) for library in built.libraries] if defined else []
    paths = [*built.rust, *(each for each in probes if each)]
    folders = {each.file.stem.removeprefix("lib"): each.folder for each in built.libraries}
    for path in _rust_modules(paths, built.own, defined, subject, jobs):
        if path not in built.own and path.stem in folders:
            subject.callers.append(folders[path.stem])


def _probed(library: Library, defined: frozenset[str], subject: Subject) -> Path | None:
    """What a crate declares of the functions that are defined here."""
    files = []
    for folder in (library.folder, library.made):
        for path in sorted(folder.rglob("*.rs")) if folder else ():
            try:
                file = source.read(path)
            except AuditError as error:
                subject.notes.append(str(error))
                continue
            if b"extern" in file.text:
                files.append(file)
    names = defined & {name for file in files for name in maybe_declared(file)}
    if not names:
        return None
    subject.declared += files
    modules = {module for file in files for module in public_modules(file)}
    return probe(library.file, library.name, names, modules, cargo.RUSTFLAGS)


def _rust_modules(
    paths: list[Path], own: set[Path], defined: frozenset[str], subject: Subject, jobs: int
) -> list[Path]:
    """Those that declare what is defined here, and own ones with functions for C; says which. LLVM runs in children, so threads
    wait for several."""

    def one(path: Path) -> tuple[ir.Module, ir.Module] | AuditError | None:
        try:
            data = path.read_bytes()
            matters = (path in own and _GUARD in data) or ir.declares(data, defined)
            return ir.read(str(path), data) if matters else None
        except AuditError as error:
            return error
        except OSError as error:
            return AuditError(f"{path}: {error.strerror}")

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        mattering = []
        for path, found in zip(paths, pool.map(one, paths), strict=True):
            if isinstance(found, AuditError):
                subject.notes.append(str(found))
            elif found is not None:
                _keep(found, subject)
            if found is not None:
                mattering.append(path)
    return mattering


def _c_modules(scripts: list[list[Path]], subject: Subject, jobs: int) -> None:
    """What each build script made is a library. LLVM runs in children, so threads wait for several."""

    def one(paths: list[Path]) -> linking.Linked:
        return linking.read(os.path.commonpath(paths), paths) if paths else linking.Linked()

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        for found in pool.map(one, scripts):
            subject.notes += found.notes
            subject.plain += found.modules
            subject.simple += found.modules


def _keep(found: tuple[ir.Module, ir.Module], subject: Subject) -> None:
    subject.plain.append(found[0])
    subject.simple.append(found[1])


def _one(path: Path, subject: Subject) -> None:
    try:
        if path.is_dir():
            _folder(path, subject)
            return
        if path.suffix == ".rs":
            _source(path, False, subject)
            return
        if not path.is_file():
            raise AuditError(
                f"{path}: " + ("is neither a file nor a folder" if path.exists() else "no such file or folder")
            )
        with path.open("rb") as file:  # read piece by piece: a mapping faults where somebody cuts the file off
            is_elf = file.read(len(elf.MAGIC)) == elf.MAGIC
            if is_elf:
                _elf(str(path), file, subject)
            else:
                data = path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    if is_elf:
        _scan(str(path), subject)
    elif data.startswith((archive.MAGIC, archive.THIN)):
        _archive(str(path), data, subject)
    elif ir.is_ir(data):
        _keep(ir.read(str(path), data), subject)
    else:
        raise AuditError(f"{path}: is no ELF file, archive, LLVM IR, folder or Rust source")


def _elf(path: str, data: bytes | BinaryIO, subject: Subject) -> None:
    found = elf.read(path, data)
    if found.machine != elf.X86_64:
        raise AuditError(f"{path}: is code for another CPU ({found.machine.removeprefix('EM_')}), not x86-64")
    subject.elfs.append(found)
    if found.has_dwarf:
        subject.described.append((path, data if isinstance(data, bytes) else Path(path)))
    subject.notes += [f"{path}: {note}" for note in found.notes]


def _scan(path: str, subject: Subject) -> None:
    try:
        scan = scan_target(path)
    except (ScanError, OSError) as error:
        subject.notes.append(f"{path}: not scanned for gadgets: {error}")
        return
    subject.scans.append(scan)


def _mapped(pid: int, subject: Subject) -> None:
    """The files whose code a process holds, as the process sees them. Raises OSError when it has ended."""
    text = Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape")
    lines = (line.split(maxsplit=5) for line in text.split("\n"))
    code = {each[5] for each in lines if len(each) == 6 and "x" in each[1] and each[5].startswith("/")}
    for name in sorted(code - {each.path for each in subject.elfs}):
        try:
            # The process may have put a pipe there since, which would be waited for.
            descriptor = os.open(f"/proc/{pid}/root{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise AuditError("is no file any more")
                _elf(name, file, subject)
        except OSError as error:
            subject.notes.append(f"process {pid}: its file {printable(name)} cannot be read: {error.strerror}")
        except AuditError as error:
            subject.notes.append(f"process {pid}: its file {printable(str(error))}")


def _archive(path: str, data: bytes, subject: Subject) -> None:
    others = 0
    for name, body in archive.members(path, data):
        if not body.startswith(elf.MAGIC):
            others += 1
            continue
        try:
            _elf(f"{path}({name})", body, subject)
        except AuditError as error:
            subject.notes.append(str(error))
    if others:
        subject.notes.append(f"{path}: {others} members are no ELF files and were left out")


def _folder(path: Path, subject: Subject) -> None:
    """Its Rust source. A package is told by Cargo.toml, and its tests by where they lie."""
    wrong: list[str] = []

    def unreadable(error: OSError) -> None:
        wrong.append(f"{error.filename}: {error.strerror}")

    before = len(subject.sources)
    for each in rust_files(path, unreadable):
        folders = each.relative_to(path).parts[:-1]
        try:
            _source(each, bool(_TESTS & set(folders)), subject)
        except AuditError as error:  # a link that leads nowhere, as editors leave: the others are judged
            wrong.append(str(error))
    if len(subject.sources) == before:
        raise AuditError(wrong[0] if wrong else f"{path}: holds no Rust source")
    subject.notes += wrong


def rust_files(folder: Path, unreadable: Callable[[OSError], None]) -> list[Path]:
    """Those that auditing the folder reads. unreadable: told of each folder that is not; links to folders are not followed."""
    found = []
    for path, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [each for each in folders if each not in NOT_SOURCE]
        found += [Path(path) / each for each in names if each.endswith(".rs")]
    return sorted(found)


def _source(path: Path, in_tests: bool, subject: Subject) -> None:
    file = source.read(path, in_tests)
    subject.sources.append(file)
    line = None if in_tests else file.unparsed_line
    if line is not None:
        subject.notes.append(f"{path}:{line}: is no Rust that the parser knows; what it knows around it was judged")
