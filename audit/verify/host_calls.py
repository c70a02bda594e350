"""Calls of code that was not rewritten: from the host only behind gates that `#[galeed::foreign]` wrote.

Such a gate is a closure that alone calls the function, beside a static `SHAPE` that describes it: both are told by their
names, which the macro chose. Inlined closures are told by debug information. A call whose closure cannot be seen counts as
one without a gate.
"""

from __future__ import annotations

import re
from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from audit.facts.binary.inlined import Inlined
from audit.rules.places import readable
from audit.verify.proof import some

if TYPE_CHECKING:
    from audit.facts.binary.references import Reference
    from audit.verify.proof import Built, Proof

_SHAPE = "::SHAPE"
_CLOSURE = re.compile(r"::_?\{\{closure\}\}$")
_LIBRARY = "a shared library"


def host_calls(built: Built, proof: Proof) -> bool:
    """Returns whether all that is called of shared libraries is gated, and something is."""
    names = [*built.foreign, *sorted(built.imports)]
    shapes = {readable(each.name).removesuffix(_SHAPE) for each in built.elf.symbols if "SHAPE" in each.name}
    inlined = Inlined(built.elf.path, built.data)
    gated: list[str] = []
    bare: dict[str, dict[str, list[str]]] = defaultdict(dict)  # source, function: who calls it
    for name in names:
        sites = [each for each in built.found[name] if _is_host(built, each)]
        open_sites = [each for each in sites if not _is_gated(built, each, shapes, inlined)]
        if not open_sites:
            gated += [name] if sites else []
        elif not any(fnmatchcase(name, each) for each in built.ungated):
            bare[built.foreign.get(name, _LIBRARY)][name] = [_owner(built, each) for each in open_sites]
    for source, functions in bare.items():
        who = sorted({owner for owners in functions.values() for owner in owners})
        proof.missing.append(
            f"gates: {some(sorted(functions))} of {source} {'is' if len(functions) == 1 else 'are'} called without a gate, by {some(who)}"
        )
    if gated:
        proof.seen.append(
            f"{len(gated)} functions that were not rewritten, each called behind #[galeed::foreign]: {some(gated)}"
        )
    return not bare.get(_LIBRARY) and bool(built.imports)


def _is_host(built: Built, each: Reference) -> bool:
    """Neither rewritten code, which has foreign rights, nor code of the same kind."""
    owner = built.owners.of(each.address)
    return not built.is_rewritten(each.address) and not (owner and owner.name in built.foreign)


def _owner(built: Built, each: Reference) -> str:
    owner = built.owners.of(each.address)
    return _CLOSURE.sub("", readable(owner.name)) if owner else f"code at {each.address:#x}"


def _is_gated(built: Built, each: Reference, shapes: set[str], inlined: Inlined) -> bool:
    owner = built.owners.of(each.address)
    return any(_is_gate(name, shapes) for name in [*([owner.name] if owner else []), *inlined.at(each.address)])


def _is_gate(name: str, shapes: set[str]) -> bool:
    """Is it the closure of a gate? In the newer mangling a closure has no name of its own, but its symbol says that it is one."""
    path = readable(name)
    around = _CLOSURE.sub("", path)
    return (name.startswith("_RNC") or around != path) and around in shapes
