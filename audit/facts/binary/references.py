"""Where code calls, or takes the address of, one of a few functions.

Found by the bytes of the instructions that compilers use for it, at any offset: a call or jump by distance or through
a slot, a load of a slot, an address relative to the instruction. Invariant: all of these are found; bytes that look like
one by chance need 32 bits that fit.

Not found: addresses in data, and calls of what a register holds.
Source: [SDM 2A], CALL, JMP, LEA, MOV; x86-64 psABI, "Procedure Linkage Table".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from io import BytesIO
from struct import Struct
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile

from audit.errors import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from audit.facts.binary.elf import Elf
    from audit.facts.binary.symbols import Symbol

_BY_DISTANCE = re.compile(rb"(?=[\xe8\xe9](....)|[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](....))", re.DOTALL)
_BY_SLOT = re.compile(rb"(?=\xff[\x15\x25](....)|[\x48\x4c]\x8b[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](....))", re.DOTALL)
_GLOB_DAT, _JUMP_SLOT, _RELATIVE = 6, 7, 8
_ENTRY, _WORD = Struct("<QQq"), Struct("<Q")
_STUB_BYTES = 16


@dataclass(frozen=True)
class Code:
    """One executable section."""

    name: str
    address: int
    data: bytes


@dataclass(frozen=True)
class Reference:
    """address: of the instruction. name: whom it means."""

    address: int
    name: str


def code(path: str, data: bytes) -> list[Code]:
    """The executable sections of a linked file. Raises AuditError."""
    with reading(path):
        file: Any = ELFFile(BytesIO(data))
        return [
            Code(each.name, int(each["sh_addr"]), bytes(each.data()))
            for each in file.iter_sections()
            if each["sh_flags"] & 4 and each["sh_type"] != "SHT_NOBITS"
        ]


def own_slots(path: str, data: bytes) -> dict[int, int]:
    """Where the file keeps addresses of its own functions for calls through slots (.got): slot, address. Raises AuditError."""
    found: dict[int, int] = {}
    with reading(path):
        file: Any = ELFFile(BytesIO(data))
        tables = [each for each in file.iter_sections() if each.name in (".got", ".got.plt")]
        spans = [(int(each["sh_addr"]), int(each["sh_addr"]) + int(each["sh_size"])) for each in tables]
        for table in tables:  # as they lie there: what RELR relocates, or nothing at all
            words = bytes(table.data())
            for at, (word,) in enumerate(_WORD.iter_unpack(words[: len(words) - len(words) % _WORD.size])):
                if word:
                    found[int(table["sh_addr"]) + at * _WORD.size] = word
        for section in file.iter_sections():
            if section["sh_type"] == "SHT_RELA" and section["sh_flags"] & 2:
                entries = bytes(section.data())
                for place, info, addend in _ENTRY.iter_unpack(entries[: len(entries) - len(entries) % _ENTRY.size]):
                    if info == _RELATIVE and any(low <= place < high for low, high in spans):
                        found[place] = addend
    return found


def slots(program: Elf) -> dict[int, str]:
    """Where the loader writes addresses of functions: address of the slot, name."""
    return {
        each.address: each.symbol
        for each in program.relocations
        if each.kind in (_GLOB_DAT, _JUMP_SLOT) and each.symbol
    }


def references(sections: Iterable[Code], functions: Mapping[int, str], slots: Mapping[int, str]) -> Iterator[Reference]:
    """functions: address and name. slots: the same of what the loader fills in; calls by the linker's stubs count."""
    sections = list(sections)
    stubs: dict[int, str] = {}
    for section in sections:
        if section.name.startswith(".plt"):
            for found in _found(section, _BY_SLOT, slots):
                stubs[found.address - (found.address - section.address) % _STUB_BYTES] = found.name
    targets = {**functions, **stubs}
    for section in sections:
        if not section.name.startswith(".plt"):
            yield from _found(section, _BY_DISTANCE, targets)
            yield from _found(section, _BY_SLOT, slots)


def _found(section: Code, pattern: re.Pattern[bytes], targets: Mapping[int, str]) -> Iterator[Reference]:
    if not targets:
        return
    for match in pattern.finditer(section.data):
        group = 1 if match[1] is not None else 2
        distance = int.from_bytes(match[group], "little", signed=True)
        target = section.address + match.end(group) + distance
        name = targets.get(target)
        if name is not None:
            yield Reference(section.address + match.start(), name)


class Owners:
    """Which function an address lies in."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        functions = (each for each in symbols if each.kind == "func" and each.is_defined and each.bytes)
        self._symbols = sorted(functions, key=lambda each: (each.address, each.name))
        self._starts = [each.address for each in self._symbols]

    def of(self, address: int) -> Symbol | None:
        at = bisect_right(self._starts, address) - 1
        found = self._symbols[at] if at >= 0 else None
        return found if found and address < found.address + found.bytes else None
