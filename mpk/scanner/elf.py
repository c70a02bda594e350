"""The three tables of an ELF file, read as strictly as the kernel and the linkers do.

Invariant: what a header says is believed only where every loader of such a file reads
it alike, and each table lies inside the file: its size bounds every loop. Whatever
does not fit raises, so that nothing is called clean because it was not understood.

Attacker: chose every byte. A library for well-formed files does not serve here: it
takes the class from EI_CLASS, which execve ignores, and counts from fields that the kernel
does not know.

Source: [gABI]; execve's checks of machine, size and number of program headers.
"""

import struct
from dataclasses import dataclass
from typing import IO

from elftools.elf.enums import ENUM_E_MACHINE

from mpk.scanner.code import ScanError

RELOCATABLE, EXECUTABLE, SHARED, CORE = 1, 2, 3, 4  # e_type
LOAD, EH_FRAME, STACK = 1, 0x6474E550, 0x6474E551  # p_type
PF_X = 1
NULL, SYMTAB, NOBITS, DYNSYM = 0, 2, 8, 11  # sh_type
SHF_EXECINSTR, SHF_COMPRESSED = 4, 0x800
_MACHINES = {62: 64, 3: 32}  # EM_X86_64, EM_386: bits
_HEADER_TABLES_BYTES = 65536  # execve refuses longer tables of program headers
_MANY = 0xFFFF  # SHN_XINDEX: the number stands in the first section header
_DAMAGED = "the ELF file is cut off or damaged"


@dataclass(frozen=True)
class Segment:
    """A program header."""

    kind: int
    flags: int
    offset: int
    address: int
    file_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class Section:
    """A section header. name: None where there is none that can be read."""

    name: str | None
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Tables:
    """kind: e_type. bits: 32 or 64. sections: None when their table cannot be read."""

    def __init__(self, stream: IO[bytes], size: int):
        """Raises ScanError when the file is damaged, cut off, or for another CPU."""
        self._stream, self._size = stream, size
        header = self.read(0, min(size, 64))
        if len(header) < 52:
            raise ScanError(_DAMAGED)
        machine = int.from_bytes(header[18:20], "little")
        if machine not in _MACHINES:
            raise ScanError(f"it is code for another CPU ({_machine_name(header)}), not x86")
        self.bits = _MACHINES[machine]
        wide = self.bits == 64
        if header[4:6] != bytes((2 if wide else 1, 1)):
            raise ScanError(f"{_DAMAGED}: its class or byte order does not fit its CPU")
        if len(header) < (64 if wide else 52):
            raise ScanError(_DAMAGED)
        fields = struct.unpack_from("<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH", header, 16)
        self.kind = fields[0]
        self.segments = self._segments(fields[4], fields[9], fields[8])
        try:
            self.sections: list[Section] | None = self._sections(fields[5], fields[11], fields[10], fields[12])
        except ScanError:
            self.sections = None

    def read(self, offset: int, size: int) -> bytes:
        """Raises ScanError when they are not all in the file."""
        if offset + size > self._size:
            raise ScanError(_DAMAGED)
        self._stream.seek(offset)
        data = self._stream.read(size)
        if len(data) != size:
            raise ScanError(_DAMAGED)
        return data

    def content(self, section: Section) -> bytes:
        """Raises ScanError where there is none that could be read as it stands."""
        if section.kind == NOBITS or section.flags & SHF_COMPRESSED:
            raise ScanError(_DAMAGED)
        return self.read(section.offset, section.size)

    def _segments(self, offset: int, count: int, entry_bytes: int) -> list[Segment]:
        layout = struct.Struct("<IIQQQQQQ" if self.bits == 64 else "<IIIIIIII")
        if not count:
            return []
        if entry_bytes != layout.size or count * entry_bytes > _HEADER_TABLES_BYTES:
            raise ScanError(f"{_DAMAGED}: no kernel takes its program headers")
        found = []
        for row in layout.iter_unpack(self.read(offset, count * entry_bytes)):
            if self.bits == 64:
                kind, flags, start, address, _, file_bytes, memory_bytes, _ = row
            else:
                kind, start, address, _, file_bytes, memory_bytes, flags, _ = row
            found.append(Segment(kind, flags, start, address, file_bytes, memory_bytes))
        return found

    def _sections(self, offset: int, count: int, entry_bytes: int, names_at: int) -> list[Section]:
        layout = struct.Struct("<IIQQQQIIQQ" if self.bits == 64 else "<IIIIIIIIII")
        if not offset:
            return []
        if entry_bytes != layout.size:
            raise ScanError(_DAMAGED)
        first = layout.unpack(self.read(offset, entry_bytes))
        count = count or first[5]
        names_at = first[6] if names_at == _MANY else names_at
        rows = list(layout.iter_unpack(self.read(offset, count * entry_bytes)))
        names = b""
        if names_at < count and rows[names_at][1] != NOBITS:
            try:
                names = self.read(rows[names_at][4], rows[names_at][5])
            except ScanError:
                names = b""
        return [
            Section(text_at(names, name), kind, flags, address, start, size, link)
            for name, kind, flags, address, start, size, link, *_ in rows
        ]


def text_at(strings: bytes, offset: int) -> str | None:
    """A string of a string table."""
    end = strings.find(b"\0", offset) if offset < len(strings) else -1
    return strings[offset:end].decode(errors="replace") if end >= 0 else None


def _machine_name(header: bytes) -> str:
    number = int.from_bytes(header[18:20], "big" if header[5] == 2 else "little")
    known = {value: name for name, value in ENUM_E_MACHINE.items()}
    return str(known.get(number, f"number {number}")).removeprefix("EM_")
