"""By which C functions a host enters: what Rust names, what C gives out by address, what is only declared.

Invariant: in doubt a function is one that the host may call: who is left out of a policy's entries and called
nevertheless ends the process. So every mention of a name in the audited crate's own source counts, in tests too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.build.probe import PREFIX
from audit.facts.llvm.flow import place_of
from audit.facts.rust.calls import signatures
from audit.facts.rust.source import attributes, text_of
from llvm_pass.driver.cargo_project import RUNTIME_PACKAGES
from llvm_pass.ir.syntax import bare, mentions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit.facts.llvm.ir import Module, Place
    from audit.facts.rust.source import RustFile

_LINK_NAME = re.compile(r'link_name\s*=\s*"([^"\\]+)"')
_WORD = re.compile(rb"[A-Za-z_]\w*")
_VIRTUAL = ("_ZTV", "_ZTC", "_ZTT")  # C++ finds virtual functions there, Rust does not
_START = "main"  # a probe's, or a program's own
_RUNTIME = frozenset(each.replace("-", "_") for each in RUNTIME_PACKAGES)


@dataclass(frozen=True)
class Entry:
    """A C function that the host may call. text: why, place: where that was seen."""

    name: str
    text: str
    place: Place | None


def is_runtime(module: Module) -> bool:
    """Is it galeed's own, which comes with programs that use it?"""
    parts = Path(module.path).parts
    made = parts[parts.index("out") - 1] if "out" in parts else Path(module.path).stem
    return made.rpartition("-")[0].replace("-", "_") in _RUNTIME


def foreign(modules: Iterable[Module]) -> list[Module]:
    return [each for each in modules if each.language in ("c", "c++") and not is_runtime(each)]


def host(modules: Iterable[Module]) -> list[Module]:
    """Those of Rust that somebody wrote."""
    wanted = (each for each in modules if each.language == "rust" and not is_runtime(each))
    return [each for each in wanted if not Path(each.path).name.startswith(PREFIX)]


def defined(modules: Iterable[Module]) -> frozenset[str]:
    """The functions of C and C++ that a linker finds."""
    return frozenset(each.name for module in modules for each in module.defined if each.is_seen and each.name != _START)


def linked_names(files: Iterable[RustFile]) -> dict[str, str]:
    """What is declared foreign: its name in Rust, and that which the linker looks for."""
    found: dict[str, str] = {}
    for file in files:
        for match in signatures(file) if b"extern" in file.text else ():
            said = _LINK_NAME.search(" ".join(attributes(match["function"])))
            name = text_of(match["name"])
            found.setdefault(name, said[1] if said else name)
    return found


def called(rust: Iterable[Module], names: frozenset[str]) -> Iterator[Entry]:
    """What Rust's IR refers to, by a call or by its address."""
    for module in rust:
        wanted = {each.name for each in module.functions.values() if not each.is_defined} & names
        calls = (call for function in module.defined for call in function.calls) if wanted else ()
        for call in calls:
            if call.callee in wanted and call.place:
                wanted.discard(call.callee)
                yield Entry(call.callee, "called", call.place)
        for name in sorted(wanted):
            yield Entry(name, f"used in {Path(module.path).name}", None)


def named(files: Iterable[RustFile], links: dict[str, str], names: frozenset[str]) -> Iterator[Entry]:
    """What the crate's own source names; a declaration too, which others may call."""
    for file in files:
        seen: set[str] = set()
        for match in _WORD.finditer(file.text):
            word = match[0].decode()
            name = links.get(word, word)
            if name in names and name not in seen:
                seen.add(name)
                yield Entry(name, "named", (file.path, file.text.count(b"\n", 0, match.start()) + 1))


def given_out(modules: Iterable[Module]) -> Iterator[Entry]:
    """The functions whose address C uses for more than a call: it may come to the host by a result or a field."""
    modules = list(modules)
    known = {each.name for module in modules for each in module.defined}
    for module in modules:
        for name, body in module.constants.items():
            if not bare(name).startswith((*_VIRTUAL, "llvm.")):
                for other in _taken(body, known):
                    yield Entry(other, f"its address is in {bare(name)}", None)
        for function in module.defined:
            for number, line in enumerate(function.body):
                for other in _taken(line, known) if "@" in line else ():
                    yield Entry(other, f"{function.name} uses its address", place_of(function, number))


def _taken(line: str, known: set[str]) -> Iterator[str]:
    for name, is_called in mentions(line):
        if not is_called and bare(name) in known:
            yield bare(name)


def unique(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The first of each name, by name."""
    found: dict[str, Entry] = {}
    for each in entries:
        found.setdefault(each.name, each)
    return dict(sorted(found.items()))
