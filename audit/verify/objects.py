"""Is all C and C++ of the program rewritten, and what does it load?"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from audit.facts.platform import LIBRARIES
from audit.verify.proof import is_rewritable, own_sources

if TYPE_CHECKING:
    from audit.verify.proof import Built, Proof

_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C", ".S", ".s", ".asm")
_LINKERS = frozenset({"crtstuff.c"})  # what every program is linked to


def objects(built: Built, proof: Proof) -> None:
    """By the DWARF of each unit; where one has none, by the symbol table's names of sources."""
    if built.why_no_units:
        proof.missing.append(f"objects: not proven{built.why_no_units}")
        return
    _undescribed(built, proof)
    low, high = built.rewritten
    done = 0
    for unit in filter(is_rewritable, built.units):
        if all(low <= begin and end <= high for begin, end in unit.ranges):
            done += 1
        elif any(fnmatchcase(unit.name, each) for each in built.meant):
            proof.seen.append(f"{unit.name} is not rewritten, as expected")
        else:
            why = " (assembler)" if unit.is_assembler else ""
            proof.missing.append(f"objects: {unit.name}{why} is not rewritten; compiled in {unit.folder}")
    if not any(unit.is_rust for unit in built.units):
        proof.missing.append("objects: not proven, no DWARF of its Rust code: C may lack it too")
    if done:
        proof.seen.append(f"{done} C and C++ sources with debug information, all of their code rewritten")


def _undescribed(built: Built, proof: Proof) -> None:
    """Sources that the symbol table names and DWARF does not: compiled without debug information."""
    known = {PurePosixPath(each.name).name for each in built.units} | _LINKERS | own_sources()
    files: dict[str, list[bool]] = {}  # of each its functions: are they rewritten?
    name = ""
    for symbol in built.elf.symbols:
        if symbol.kind == "file":
            name = PurePosixPath(symbol.name).name
            if name.endswith(_SOURCES) and name not in known:
                files.setdefault(symbol.name, [])
        elif symbol.kind == "func" and symbol.binding == "local" and name:
            for file, functions in files.items():
                if PurePosixPath(file).name == name:
                    functions.append(built.is_rewritten(symbol.address))
    for file, functions in files.items():
        if any(fnmatchcase(file, each) for each in built.meant):
            proof.seen.append(f"{file} is not rewritten, as expected")
        elif not functions or not all(functions):
            proof.missing.append(f"objects: {file}: not proven, it was compiled without debug information")


def libraries(built: Built, gated: bool, proof: Proof) -> None:
    """gated: is each function of theirs called behind a gate?"""
    for name in built.elf.needed:
        if name.startswith(LIBRARIES):
            continue
        if gated:
            proof.seen.append(f"{name} is not rewritten; what Rust calls of it is gated")
        elif any(fnmatchcase(name, each) for each in built.meant):
            proof.seen.append(f"{name} is not rewritten, as expected")
        else:
            proof.missing.append(f"libraries: {name} is loaded, and is none that was rewritten here")
