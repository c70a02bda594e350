"""Which accesses the policy's key `structures` spares, by what !tbaa tags say of them.

The key names the structures whose objects the host lends. An access to a member of another
structure, and a pointer that is typed to point to one, is then taken for raw. Without the key
nothing is spared. Accesses by a scalar's type (bytes, integers, pointers in arrays), to unions
and to structures without a name are always asked. So is what a listed structure holds, where this
module's tags say that it does: they say nothing of structures with a flexible array, of virtual
bases, of unions behind pointers, nor of a structure that only another file mentions.

Attacker: may lend what the policy does not name. A handle is a non-canonical address, so such
an access traps. Metadata may be hostile: every node is looked at once.
Source: LLVM LangRef, "tbaa Metadata"; names as clang's CodeGenTBAA gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from llvm_pass.ir.metadata import Metadata, unescaped
from llvm_pass.ir.syntax import metadata_of

_TAG = re.compile(r"^!\{(!\d+), (!\d+), i64 \d+(?:, i64 1)?\}$")
_TYPE = re.compile(r'^!\{!"([^"]*)"((?:, !\d+, i64 \d+)*)\}$')
_MEMBER = re.compile(r"!\d+")
_POINTER = re.compile(r"^p1 (_ZTS.+)$")  # C's structures too have C++'s names there
_MANGLED = re.compile(r"^_ZTS(\d+)(.+)$")


@dataclass(frozen=True, slots=True)
class LentTypes:
    """Names of !tbaa tags. accesses: these touch memory that is not lent; pointers: these load such pointers."""

    accesses: frozenset[str] = frozenset()
    pointers: frozenset[str] = frozenset()

    def spares(self, line: str) -> bool:
        """Is the line an access to what is not lent?"""
        return bool(self.accesses) and metadata_of(line).get("tbaa") in self.accesses

    def loads_raw(self, line: str) -> bool:
        """pre: the line is a load, or its end. Is what it loads a pointer to what is not lent?"""
        return bool(self.pointers) and metadata_of(line).get("tbaa") in self.pointers


EVERYTHING = LentTypes()


def lent_types(metadata: Metadata, patterns: Iterable[str] | None) -> LentTypes:
    """patterns: names of structures (C: the tag; C++: that, or the mangled name), with stars; None: all are lent."""
    if patterns is None:
        return EVERYTHING
    types: dict[str, tuple[str, list[str]]] = {}
    tags: dict[str, tuple[str, str]] = {}
    for node, body in metadata.nodes.items():
        if tag := _TAG.match(body):
            tags[node] = tag.group(1), tag.group(2)
        elif kind := _TYPE.match(body):
            types[node] = unescaped(kind.group(1)), _MEMBER.findall(kind.group(2))
    names = tuple(patterns)
    lent = _with_members({node for node, (name, _) in types.items() if _matches(name, names)}, types)
    lent_names = {_plain(types[node][0]) for node in lent if node in types}
    accesses, pointers = set(), set()
    for tag_name, (base, accessed) in tags.items():
        if base != accessed and base not in lent and base in types and types[base][0]:
            accesses.add(tag_name)
        pointer = _POINTER.match(types[accessed][0]) if accessed in types else None
        if pointer and not _matches(pointer.group(1), names) and _plain(pointer.group(1)) not in lent_names:
            pointers.add(tag_name)
    return LentTypes(frozenset(accesses), frozenset(pointers))


def _with_members(lent: set[str], types: dict[str, tuple[str, list[str]]]) -> set[str]:
    found, work = set(lent), list(lent)
    while work:
        for member in types.get(work.pop(), ("", []))[1]:
            if member not in found:
                found.add(member)
                work.append(member)
    return found


def _plain(name: str) -> str:
    """Without C++'s prefix, when it is a name of the outermost namespace: as many bytes as the prefix says."""
    found = _MANGLED.match(name)
    return found.group(2) if found and len(found.group(2).encode()) == int(found.group(1)) else name


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(each, pattern) for pattern in patterns for each in {name, _plain(name)})
