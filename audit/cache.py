"""Answers of earlier audits, by the content of all that they read.

Invariant: an answer is taken only where nothing differs that it depends on: every byte that was read (what cargo made included: a
crate is built first, and cargo knows what is fresh), galeed's own sources and the versions of what it stands on, the compilers, the
rules that are asked, the working directory (places are shown from there). Processes are never answered from here. An entry is
written whole or not at all and carries a digest; one that is damaged is said, and made anew. Baselines,
suppressions and thresholds are applied afterwards: they are no part of an answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import AuditError
from audit.facts.rust.boundary import Boundary, Drawn
from audit.facts.rust.source import read as read_source
from audit.files import write_whole
from audit.identity import own
from audit.inputs import rust_files
from audit.model import Confidence, Evidence, Finding, Location, Severity
from audit.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from audit.inputs import Input

VERSION = 1
_MOST_BYTES = 256 << 20  # of all entries; the least recently used go first
_MARK = b"galeed-audit:"  # of a suppression, which is judged anew each time


@dataclass
class Answer:
    """subject: what reports and suppressions still need of it. drawn: None where no report has asked for it."""

    findings: list[Finding]
    subject: Subject
    drawn: Drawn | None


@dataclass(frozen=True)
class Key:
    """digest: 64 hexadecimal digits. seen: the files, as they were."""

    digest: str
    seen: tuple[tuple[Path, int, int], ...]

    @property
    def holds(self) -> bool:
        """Are the files still as they were?"""
        return all(_seen(path) == (path, *rest) for path, *rest in self.seen)


def key(inputs: Sequence[Input], rules: Iterable[str]) -> Key | None:
    """None where the answer is not to be kept: something cannot be read or built, or is no file."""
    if any(each.problem or (each.built is not None and each.built.failure) for each in inputs):
        return None
    marks, seen = hashlib.sha256(), []
    about = [VERSION, own(any(each.built for each in inputs)), str(Path.cwd()), list(rules)]
    marks.update(json.dumps(about).encode())
    try:
        for each in inputs:
            marks.update(json.dumps([each.word, str(each.path), _told(each)]).encode())
            for path in _files(each):
                before = _seen(path)
                if path.exists() and not path.is_file():  # a pipe would be waited for
                    return None
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                marks.update(f"{path}\0{content}\n".encode(errors="surrogateescape"))
                seen.append(before)
    except OSError:
        return None
    return Key(marks.hexdigest(), tuple(seen))


def _told(each: Input) -> list[object]:
    """What is known of a build beside the files."""
    built = each.built
    if built is None:
        return []
    libraries = [[row.name, str(row.file), str(row.folder), str(row.made)] for row in built.libraries]
    return [libraries, sorted(map(str, built.own)), [len(each) for each in built.c], len(built.rust)]


def _files(each: Input) -> Iterator[Path]:
    """All that reading the input reads. Raises OSError for what is neither a file nor a folder."""
    if each.path.is_dir():
        yield from rust_files(each.path, _fail)
    elif each.path.is_file():
        yield each.path
    else:
        raise FileNotFoundError(each.path)
    if each.built is not None:
        for script in each.built.c:
            yield from script
        yield from each.built.rust
        for library in each.built.libraries:
            yield library.file
            for folder in (library.folder, library.made):
                yield from sorted(folder.rglob("*.rs")) if folder else ()


def _fail(error: OSError) -> None:
    raise error


def _seen(path: Path) -> tuple[Path, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path, -1, -1
    return path, found.st_size, found.st_mtime_ns


class Cache:
    """A folder of entries; several runs may use it at once. say: told what is wrong with an entry, or with the folder."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say

    def find(self, wanted: Key, drawn: bool) -> Answer | None:
        """drawn: whether the map is needed."""
        path = self._path(wanted)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(f"{path}: cannot be read, and is ignored: {error.strerror}")
            return None
        try:
            answer = _parsed(data, wanted)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, AuditError):
            self._say(f"{path}: is damaged, and is ignored")
            return None
        if drawn and answer.drawn is None:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return answer

    def keep(self, wanted: Key, answer: Answer) -> None:
        """Where it cannot be kept, that is said."""
        if not wanted.holds:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(wanted), _written(wanted, answer))
            self._prune()
        except OSError as error:
            self._say(f"{self._folder}: the answer cannot be kept there: {error.strerror}")

    def _path(self, wanted: Key) -> Path:
        return self._folder / f"{wanted.digest}.json"

    def _prune(self) -> None:
        entries = []
        for each in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):
                found = each.stat()
                entries.append((found.st_mtime_ns, found.st_size, each))
        left = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if left <= _MOST_BYTES:
                break
            left -= size
            path.unlink(missing_ok=True)


def default_folder() -> Path:
    """$XDG_CACHE_HOME/galeed/answers."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galeed" / "answers"


def _written(wanted: Key, answer: Answer) -> bytes:
    subject = answer.subject
    body = json.dumps(
        {
            "key": wanted.digest,
            "findings": [_row(each) for each in answer.findings],
            "notes": subject.notes,
            "unread": subject.unread,
            "marked": [[file.path, file.in_tests] for file in subject.sources if _MARK in file.text],
            "drawn": None if answer.drawn is None else asdict(answer.drawn),
        }
    ).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _row(finding: Finding) -> list[Any]:
    evidence = [[each.kind, each.text, *(getattr(each.location, name) for name in _PLACE)] for each in finding.evidence]
    return [finding.rule, finding.severity, finding.confidence, finding.message, finding.key, evidence]


_PLACE = ("artifact", "line", "column", "address", "symbol")


def _parsed(data: bytes, wanted: Key) -> Answer:
    digest, _, body = data.partition(b"\n")
    given = json.loads(body)
    if digest != hashlib.sha256(body).hexdigest().encode() or given["key"] != wanted.digest:
        raise ValueError("digest")
    findings = [
        Finding(
            rule, Severity(severity), Confidence(confidence), message, about,
            tuple(Evidence(kind, text, Location(*place)) for kind, text, *place in evidence),
        )
        for rule, severity, confidence, message, about, evidence in given["findings"]
    ]  # fmt: skip
    sources = [read_source(Path(path), in_tests) for path, in_tests in given["marked"]]
    return Answer(
        findings, Subject(sources=sources, notes=given["notes"], unread=given["unread"]), _drawn(given["drawn"])
    )


def _drawn(given: dict[str, Any] | None) -> Drawn | None:
    if given is None:
        return None
    files = [
        Boundary(
            each["path"], {name: tuple(types) for name, types in each["declared"].items()}, each["called"], tuple(each["exported"])
        )
        for each in given["files"]
    ]  # fmt: skip
    return Drawn(tuple(files), tuple((path, number) for path, number in given["binaries"]))
