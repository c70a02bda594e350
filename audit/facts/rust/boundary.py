"""The boundary as a Rust file draws it: what it declares of C, calls of it, gives to it, and which pointers cross."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, is_foreign, last_name, signatures
from audit.facts.rust.source import is_test, text_of

if TYPE_CHECKING:
    from audit.facts.rust.source import RustFile

_FOR_C = "(function_item (function_modifiers (extern_modifier)) name: (identifier) @name) @item"
_POINTER = re.compile(r"\*\s*(?:mut|const)\s+[^,()=;{}]+|&\s*(?:mut\s+)?[\w:]+|\bfn\s*\(|NonNull<[^>]*>")


@dataclass(frozen=True)
class Boundary:
    """declared: each foreign function with the types of the pointers in its signature. called: with the number of calls.
    exported: functions that C can call."""

    path: str
    declared: dict[str, tuple[str, ...]]
    called: dict[str, int]
    exported: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.declared or self.called or self.exported)


@dataclass(frozen=True)
class Drawn:
    """The map of all that is audited. binaries: path, and how many functions it exports."""

    files: tuple[Boundary, ...] = ()
    binaries: tuple[tuple[str, int], ...] = ()


def of(file: RustFile, foreign: frozenset[str]) -> Boundary:
    """foreign: the names of all foreign functions that are read."""
    declared: dict[str, tuple[str, ...]] = {}
    for found in signatures(file):
        words = (re.sub(r"\s+", " ", each).strip() for each in _POINTER.findall(text_of(found["function"])))
        declared[text_of(found["name"])] = tuple("fn" if each.startswith("fn") else each for each in words)
    called: dict[str, int] = {}
    for found in file.matches(CALLS):
        if is_foreign(found["function"], foreign) and not is_test(found["call"]):
            name = last_name(found["function"])
            called[name] = called.get(name, 0) + 1
    exported = tuple(text_of(found["name"]) for found in file.matches(_FOR_C) if not is_test(found["item"]))
    return Boundary(file.path, declared, called, exported)
