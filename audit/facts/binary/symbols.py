"""Symbol and relocation tables of x86-64 ELF files, unpacked from their bytes in one go.

Invariant: a table is never longer than the bytes that hold it, whatever its header claims; a
name that lies outside its string table is empty.

Why not by pyelftools: a library of 150 MB has 185,000 symbols and 114,000 relocations, which
take it seconds each.

Source: [gABI], Elf64_Sym, Elf64_Rela.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SYMBOL = Struct("<IBBHQQ")
_RELOCATION = Struct("<QQq")
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1
_RELATIVE = 8  # R_X86_64_RELATIVE: names no symbol, and is nearly all of a table
_TYPES = {
    0: "notype", 1: "object", 2: "func", 3: "section", 4: "file", 5: "common", 6: "tls", 10: "gnu_ifunc",
}  # fmt: skip
_BINDINGS = {0: "local", 1: "global", 2: "weak", 10: "gnu_unique"}
_VISIBILITIES = ("default", "internal", "hidden", "protected")


class Symbol(NamedTuple):
    """address: 0 for what is imported. binding, visibility, kind: as the ELF constants end, in lower case."""

    name: str
    address: int
    bytes: int
    kind: str
    binding: str
    visibility: str
    is_defined: bool


class Relocation(NamedTuple):
    """kind: the number of the type. symbol: its name; empty where there is none."""

    address: int
    kind: int
    symbol: str


@dataclass(frozen=True)
class Table:
    """entries: the bytes of Elf64_Sym. names: the string table that they point into."""

    entries: bytes = b""
    names: bytes = b""

    def symbols(self) -> list[Symbol]:
        """All, the empty first one too."""
        return [self._symbol(each) for each in _SYMBOL.iter_unpack(_whole(self.entries, _SYMBOL))]

    def name(self, number: int) -> str:
        """Of one entry; empty when there is no such."""
        at = number * _SYMBOL.size
        if at + _SYMBOL.size > len(self.entries):
            return ""
        return self._text(int.from_bytes(self.entries[at : at + 4], "little"))

    def defines(self, wanted: Iterable[str]) -> bool:
        """Is one of these names defined? Without making a Symbol of each entry."""
        places = {place for name in wanted for place in _places(self.names, name.encode() + b"\0")}
        if not places:
            return False
        table = _SYMBOL.iter_unpack(_whole(self.entries, _SYMBOL))
        return any(name in places and section != _UNDEFINED for name, _, _, section, _, _ in table)

    def _symbol(self, entry: tuple[int, ...]) -> Symbol:
        name, info, other, section, value, size = entry
        return Symbol(
            self._text(name),
            value,
            size,
            _TYPES.get(info & 15, str(info & 15)),
            _BINDINGS.get(info >> 4, str(info >> 4)),
            _VISIBILITIES[other & 3],
            section not in (_UNDEFINED, _ABSOLUTE),
        )

    def _text(self, start: int) -> str:
        end = self.names.find(b"\0", start)
        return self.names[start:end].decode(errors="replace") if end >= 0 else ""


def relocations(entries: bytes, table: Table) -> list[Relocation]:
    """Those that name a symbol or are of another kind than RELATIVE. entries: the bytes of Elf64_Rela."""
    unpacked = _RELOCATION.iter_unpack(_whole(entries, _RELOCATION))
    return [
        Relocation(offset, info & 0xFFFFFFFF, table.name(info >> 32) if info >> 32 else "")
        for offset, info, _ in unpacked
        if info != _RELATIVE
    ]


def _whole(data: bytes, entry: Struct) -> memoryview:
    return memoryview(data)[: len(data) - len(data) % entry.size]


def _places(names: bytes, wanted: bytes) -> Iterator[int]:
    """Where a name stands, also as the tail of another: linkers let names share bytes."""
    at = names.find(wanted)
    while at >= 0:
        yield at
        at = names.find(wanted, at + 1)
