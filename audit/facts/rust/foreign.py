"""What Rust source declares foreign: names, places, and which pointers it calls const."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.rust.calls import signatures
from audit.facts.rust.source import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit.facts.rust.source import RustFile

_FN = re.compile(rb"\bfn\s+([A-Za-z_]\w*)")
_MODULE = "(mod_item (visibility_modifier) @seen name: (identifier) @name)"


@dataclass(frozen=True)
class Declaration:
    """One function of an extern block. parameters: their types as they are written."""

    name: str
    path: str
    line: int
    parameters: tuple[str, ...]

    @property
    def place(self) -> tuple[str, int]:
        return self.path, self.line


def declarations(files: Iterable[RustFile]) -> dict[str, Declaration]:
    """By name; the first of each."""
    found: dict[str, Declaration] = {}
    for file in files:
        if b"extern" not in file.text:
            continue
        for match in signatures(file):
            types = [
                each.child_by_field_name("type")
                for each in match["parameters"].named_children
                if each.type == "parameter"
            ]
            words = tuple(text_of(each) if each else "" for each in types)
            name = text_of(match["name"])
            line = match["function"].start_point.row + 1
            found.setdefault(name, Declaration(name, file.path, line, words))
    return found


def maybe_declared(file: RustFile) -> set[str]:
    """Every name of a function in it: what a macro makes foreign is seen only by its name."""
    return {match[1].decode() for match in _FN.finditer(file.text)} if b"extern" in file.text else set()


def public_modules(file: RustFile) -> set[str]:
    """The names of its modules that are pub."""
    found = {text_of(match["name"]) for match in file.matches(_MODULE) if text_of(match["seen"]) == "pub"}
    return {each for each in found if each.isidentifier()}
