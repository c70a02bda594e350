"""What is evaluated: pairs of a buggy half and a fixed one, and which bugs are known in the buggy one.

Invariant: what counts as finding a bug stands in the pair's own file (projects/*/expected.toml, published.toml), which was
written from the bug's description, not from what the tool says.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.model import LabError

if TYPE_CHECKING:
    from audit.model import Finding

HERE = Path(__file__).parent
PROJECTS = HERE / "projects"
HALVES = ("buggy", "fixed")


@dataclass(frozen=True)
class Bug:
    """One known bug. rule: the class that it belongs to. also: rules by which the same bug may be said as well.

    file: in the half's folder, "" where the bug is in C, or in what was linked. function: or type, or static; several with |.
    """

    rule: str
    also: tuple[str, ...]
    file: str
    function: str
    what: str

    @property
    def rules(self) -> tuple[str, ...]:
        return (self.rule, *self.also)

    def is_hit_by(self, finding: Finding, folder: Path) -> bool:
        """Does a finding on the half in this folder name this bug? One of its rules says so at its place."""
        if finding.rule not in self.rules:
            return False
        name = re.compile(rf"(?<![A-Za-z_])({self.function})(?![A-Za-z_])")
        if not self.file:
            words = [finding.message, finding.location.artifact, *(each.text for each in finding.evidence)]
            words += [each.location.symbol or "" for each in finding.evidence]
            return any(name.search(word) for word in words)
        lines = span(folder / self.file, self.function)
        return any(
            name.search(each.location.symbol or "") is not None
            or (each.location.artifact.endswith(self.file) and (each.location.line or 0) in lines)
            for each in finding.evidence
        )


def span(path: Path, name: str) -> frozenset[int]:
    """The lines, from 1, of each function, type or static of this name, with attributes before it; and of impls for it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error
    starts = re.compile(rf"\b(fn|struct|union|enum|static mut|static|type) ({name})\b|\bimpl\b.* for ({name})\b")
    found: set[int] = set()
    for number, line in enumerate(text, 1):
        if not starts.search(line):
            continue
        first = number
        while first > 1 and text[first - 2].lstrip().startswith(("#[", "///")):
            first -= 1
        last = number
        while not text[last - 1].rstrip().endswith((";", "{", "}")) and last < len(text):
            last += 1
        if text[last - 1].rstrip().endswith("{"):
            indent = len(line) - len(line.lstrip())
            closing = re.compile(rf"^ {{{indent}}}\}}")
            last = next((at for at in range(last + 1, len(text) + 1) if closing.match(text[at - 1])), len(text))
        found.update(range(first, last + 1))
    return frozenset(found)


@dataclass(frozen=True)
class Pair:
    """A project of ours, or two versions of a published crate. fixed: None where nobody has fixed it.

    buggy, fixed: versions; of a project the halves' names. source_only: why it is not built, "" when it is.
    packages: Debian's, that building needs. has_artifacts: the linked program is judged too.
    """

    name: str
    about: str
    bugs: tuple[Bug, ...]
    crate: str = ""
    buggy: str = "buggy"
    fixed: str | None = "fixed"
    advisory: str = ""
    features: tuple[str, ...] = ()
    source_only: str = ""
    packages: tuple[str, ...] = ()
    has_artifacts: bool = False

    @property
    def is_published(self) -> bool:
        return bool(self.crate)


def _bug(table: dict[str, Any]) -> Bug:
    return Bug(table["class"], tuple(table.get("also", ())), table.get("file", ""), table["function"], table["what"])


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"{path}: {error}") from error


def projects() -> list[Pair]:
    """Those of ours, by name."""
    found = []
    for path in sorted(PROJECTS.glob("*/expected.toml")):
        said = _tables(path)
        bugs = tuple(map(_bug, said["bug"]))
        found.append(Pair(path.parent.name, said["about"], bugs, has_artifacts=said.get("artifacts", False)))
    return found


def published() -> list[Pair]:
    """Those of the registry, as the file has them."""
    return [
        Pair(
            f"{said['crate']} {said['buggy']}", said["about"], tuple(map(_bug, said["bug"])), said["crate"], said["buggy"],
            said.get("fixed"), said["advisory"], tuple(said.get("features", ())), said.get("source-only", ""),
            tuple(said.get("packages", ())),
        )
        for said in _tables(HERE / "published.toml")["pair"]
    ]  # fmt: skip


def pairs() -> list[Pair]:
    return [*projects(), *published()]
