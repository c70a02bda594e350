"""From what the user names to a subject: what a path holds is told by its content, not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts import archive, elf, source
from audit.subject import Subject
from mpk.scanner.code import ScanError
from mpk.scanner.command import scan_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TESTS = frozenset({"tests", "examples", "benches", "fuzz"})
_NOT_SOURCE = frozenset({"target", ".git", "node_modules", ".venv"})


def load(words: Iterable[str], pids: Iterable[int], say: Callable[[str], None]) -> Subject:
    """Reads everything. What cannot be read is a note; nothing at all is an AuditError."""
    subject = Subject()
    read = 0
    for word in words:
        say(f"reading {word}")
        try:
            _one(Path(word), subject)
            read += 1
        except AuditError as error:
            subject.notes.append(str(error))
    for pid in pids:
        say(f"reading process {pid}")
        try:
            subject.scans.append(scan_target(str(pid)))
            read += 1
        except (ScanError, OSError) as error:
            subject.notes.append(f"process {pid}: {error}")
    if not read:
        raise AuditError(subject.notes[0] if subject.notes else "nothing to audit: name a file, a folder or --pid")
    return subject


def _one(path: Path, subject: Subject) -> None:
    try:
        if path.is_dir():
            _folder(path, subject)
            return
        if path.suffix == ".rs":
            subject.sources.append(source.read(path))
            return
        if not path.is_file():
            raise AuditError(
                f"{path}: " + ("is neither a file nor a folder" if path.exists() else "no such file or folder")
            )
        data = path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    if data.startswith(elf.MAGIC):
        _elf(str(path), data, subject)
        _scan(str(path), subject)
    elif data.startswith((archive.MAGIC, archive.THIN)):
        _archive(str(path), data, subject)
    else:
        raise AuditError(f"{path}: is no ELF file, archive, folder or Rust source")


def _elf(path: str, data: bytes, subject: Subject) -> None:
    found = elf.read(path, data)
    if found.machine != elf.X86_64:
        raise AuditError(f"{path}: is code for another CPU ({found.machine.removeprefix('EM_')}), not x86-64")
    subject.elfs.append(found)
    subject.notes += [f"{path}: {note}" for note in found.notes]


def _scan(path: str, subject: Subject) -> None:
    try:
        scan = scan_target(path)
    except (ScanError, OSError) as error:
        subject.notes.append(f"{path}: not scanned for gadgets: {error}")
        return
    subject.scans.append(scan)


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
    found = sorted(each for each in path.rglob("*.rs") if not _NOT_SOURCE & set(each.relative_to(path).parts[:-1]))
    if not found:
        raise AuditError(f"{path}: holds no Rust source")
    for each in found:
        folders = each.relative_to(path).parts[:-1]
        subject.sources.append(source.read(each, in_tests=bool(_TESTS & set(folders))))
