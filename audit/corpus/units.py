"""What a corpus holds: units, by what the user names.

A list has one unit a line: a path or NAME==VERSION, and after blanks `features=A,B`; what begins with # is a comment. In a folder
each crate (Cargo.toml) is a unit, and outside of crates each ELF file and archive; links are not followed.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts.binary import archive, elf
from audit.facts.llvm import ir
from audit.inputs import CRATE, NOT_SOURCE
from audit.progress import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_LIST_BYTES = 16 << 20
_TOLD_BY_BYTES = 1 << 16
_SHOWN_BYTES = 80


@dataclass(frozen=True)
class Unit:
    """word: as galeed-audit takes it. features: of cargo."""

    word: str
    features: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """A file's name of its own: what can be read of the word, and a hash."""
        shown = re.sub(r"[^\w.+-]+", "-", self.word, flags=re.A).strip("-.")[-_SHOWN_BYTES:]
        return f"{shown}-{hashlib.sha256(repr((self.word, self.features)).encode()).hexdigest()[:8]}"

    @property
    def stamp(self) -> str:
        """Changes when what lies at the path does: sizes and times of its files. A published crate has one version for ever."""
        path = Path(self.word)
        if not path.exists():
            return ""
        files = _files(path) if path.is_dir() else iter([path])
        marks = hashlib.sha256()
        for each in files:
            try:
                seen = each.lstat()
            except OSError:
                continue
            marks.update(f"{each}\0{seen.st_size}\0{seen.st_mtime_ns}\n".encode(errors="surrogateescape"))
        return marks.hexdigest()


def units(words: Iterable[str]) -> list[Unit]:
    """Each once, in the order of the words. Raises AuditError for a word that means nothing."""
    found: dict[Unit, None] = {}
    for word in words:
        found.update(dict.fromkeys(_of(word)))
    if not found:
        raise AuditError("no unit: name a list, a folder with crates or binaries, or NAME==VERSION")
    return list(found)


def _of(word: str) -> Iterator[Unit]:
    path = Path(word)
    if CRATE.fullmatch(word) and not path.exists():
        yield Unit(word)
    elif path.is_dir():
        yield from _below(path)
    elif path.is_file():
        yield from [Unit(word)] if _is_code(path) else _listed(path)
    else:
        raise AuditError(f"{word}: no such file or folder, and no NAME==VERSION")


def _is_code(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_TOLD_BY_BYTES)
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    return path.suffix == ".rs" or head.startswith((elf.MAGIC, archive.MAGIC, archive.THIN)) or ir.is_ir(head)


def _listed(path: Path) -> Iterator[Unit]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_LIST_BYTES).decode("utf-8")
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise AuditError(f"{path}: is no list of units, ELF file, archive or LLVM IR") from error
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        features = words[1].removeprefix("features=") if len(words) == 2 else ""
        if len(words) > 2 or (len(words) == 2 and not words[1].startswith("features=")):
            raise AuditError(f"{path}:{number}: a line is a path or NAME==VERSION, and perhaps features=A,B")
        if not CRATE.fullmatch(words[0]) and not Path(words[0]).exists():
            raise AuditError(f"{path}:{number}: {words[0][:200]}: no such file or folder, and no NAME==VERSION")
        yield Unit(words[0], tuple(each for each in features.split(",") if each))


def _below(folder: Path) -> Iterator[Unit]:
    """Crates, and binaries outside of them, in order of name."""
    if (folder / "Cargo.toml").is_file():
        yield Unit(str(folder))
        return
    found = False
    for path, folders, names in os.walk(folder, onerror=_unreadable):
        here = Path(path)
        inside = sorted(each for each in folders if each not in NOT_SOURCE)
        own = [each for each in inside if not (here / each).is_symlink()]
        crates = [each for each in own if (here / each / "Cargo.toml").is_file()]
        folders[:] = [each for each in inside if each not in crates]
        files = (here / each for each in sorted(names))
        binaries = (each for each in files if not each.is_symlink() and each.is_file() and _is_binary(each))
        for unit in (*(here / each for each in crates), *binaries):
            found = True
            yield Unit(str(unit))
    if not found:
        raise AuditError(f"{folder}: holds no crate, ELF file or archive")


def _unreadable(error: OSError) -> None:
    tell(f"{error.filename}: {error.strerror}; what lies below it is left out")


def _is_binary(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(archive.MAGIC)).startswith((elf.MAGIC, archive.MAGIC))
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each not in NOT_SOURCE)
        yield from (Path(path) / each for each in sorted(names))
