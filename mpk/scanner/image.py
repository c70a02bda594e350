"""ELF images: their executable runs, their functions, and the sites that our gates guard.

Works on anything that can be sought in: a file, or the bytes of a vDSO. Symbols are
read when first asked for, all at once: the tables may be large.

Invariant: the runs hold every byte of the file that some kernel or linker makes
executable, or the image is refused. Names are a convenience: those that are damaged are lost.

Source: [gABI] segments and symbols; [LSB 10.6.2] the sorted table of functions; execve.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from typing import IO

from mpk.scanner import elf
from mpk.scanner.code import PAGE_BYTES, Piece, Run, ScanError, runs_of

MAGIC = b"\x7fELF"
_SITES = "galeed_wrpkru"  # pkru.h
_CODE_SYMBOLS = frozenset({0, 2, 10})  # STT_NOTYPE, STT_FUNC, STT_GNU_IFUNC
_TABLE_ENCODINGS = b"\x01\x1b\x03\x3b"  # version, and how linkers write the table
# What linkers put into executable segments by its name, whatever its flags are.
_CODE_NAMES = (".text", ".init", ".fini", ".plt", ".stub", ".gnu.warning", ".gnu.linkonce.t")
EXECUTABLE_STACK = "it asks for an executable stack, or says nothing of it: kernels may make all its memory executable, so all is scanned"


@dataclass(frozen=True)
class Function:
    """name: None where only the unwind tables know it. end: one past its last byte."""

    start: int
    end: int
    name: str | None


class Image:
    """One ELF file. Addresses are those in the file; what is loaded elsewhere has a bias."""

    def __init__(self, stream: IO[bytes], size: int):
        """Raises ScanError when it is damaged, cut off, or for another CPU."""
        self._tables = elf.Tables(stream, size)
        self._size = size
        self.bits = self._tables.bits
        self.is_relocatable = self._tables.kind == elf.RELOCATABLE
        for part in self._loaded():
            if part.offset + part.file_bytes > size:
                raise ScanError("the ELF file is cut off: a segment ends behind the end of the file")

    def _loaded(self) -> list[elf.Segment]:
        return [part for part in self._tables.segments if part.kind == elf.LOAD]

    @property
    def _sections(self) -> list[elf.Section]:
        return self._tables.sections or []  # cut off or stripped of them: the segments are what counts

    @property
    def notes(self) -> list[str]:
        """What is worth knowing of how its code is loaded."""
        return [EXECUTABLE_STACK] if self._tables.segments and self._all_executable() else []

    def _all_executable(self) -> bool:
        """READ_IMPLIES_EXEC: today's kernels set it for 32-bit programs without PT_GNU_STACK, those
        before 5.8 for all that do not forbid the executable stack. The last header counts."""
        if self._tables.kind not in (elf.EXECUTABLE, elf.SHARED):
            return False
        stacks = [part.flags for part in self._tables.segments if part.kind == elf.STACK]
        return not stacks or bool(stacks[-1] & elf.PF_X)

    def runs(self, descriptor: int) -> list[Run]:
        """Executable segments as the kernel maps them: whole pages, adjacent ones joined.

        Executable sections of what is still to be linked (object files)."""
        if self.is_relocatable:
            return self._section_runs(descriptor)
        if self._tables.kind not in (elf.EXECUTABLE, elf.SHARED, elf.CORE):
            raise ScanError("the ELF file is damaged: it is neither a program, a library nor an object")
        if not self._tables.segments:
            raise ScanError("the ELF file is damaged: it has neither segments nor sections that can be read")
        everything = self._all_executable()
        pieces: list[Piece] = []
        for part in self._loaded():  # in the kernel's order
            if not part.file_bytes or not (everything or part.flags & elf.PF_X):
                continue
            slack = part.address % PAGE_BYTES
            if part.offset % PAGE_BYTES != slack or part.address + part.file_bytes > 1 << self.bits:
                raise ScanError("the ELF file is damaged: a segment's offset and address do not fit")
            size = -(-(part.file_bytes + slack) // PAGE_BYTES) * PAGE_BYTES
            new = Piece(part.address - slack, size, descriptor, part.offset - slack, padded=True)
            pieces = [rest for old in pieces for rest in _around(old, new)]
            pieces.append(new)
        return runs_of(sorted(pieces, key=lambda piece: piece.address))

    def _section_runs(self, descriptor: int) -> list[Run]:
        """Each by itself: where they will lie is not known; addresses are offsets."""
        if not self._tables.sections:
            raise ScanError("the ELF file is damaged: it has neither segments nor sections that can be read")
        found = []
        for section in self._tables.sections:
            if section.kind in (elf.NULL, elf.NOBITS) or not section.size:
                continue
            if not section.flags & elf.SHF_EXECINSTR and not (section.name or ".text").startswith(_CODE_NAMES):
                continue
            if section.offset + section.size > self._size:
                raise ScanError("the ELF file is cut off: a section ends behind the end of the file")
            if section.flags & elf.SHF_COMPRESSED:
                raise ScanError("the ELF file has code that is compressed; it cannot be read as it stands")
            found.append(Run((Piece(section.offset, section.size, descriptor, section.offset),)))
        return found

    def address_of_offset(self, offset: int) -> int | None:
        """The address of what is mapped from the file's offset on."""
        for part in self._loaded():
            start = part.offset - part.offset % PAGE_BYTES
            if start <= offset < part.offset + part.file_bytes:
                return offset - part.offset + part.address
        return None

    @cached_property
    def span(self) -> tuple[int, int]:
        """From the first to one past the last address that is loaded."""
        loaded = self._loaded()
        low = min((part.address for part in loaded), default=0)
        high = max((part.address + part.memory_bytes for part in loaded), default=0)
        return low - low % PAGE_BYTES, -(-high // PAGE_BYTES) * PAGE_BYTES

    def section_at(self, address: int) -> str | None:
        """The name of the section there: executable segments hold data too."""
        for section in self._sections:
            if section.address and section.address <= address < section.address + section.size:
                return section.name
        return None

    @cached_property
    def guarded(self) -> frozenset[int]:
        """Addresses of the WRPKRU that this image says are compared right after: its own claim."""
        for section in self._sections:
            if section.name == _SITES:
                try:
                    data = self._tables.content(section)
                except ScanError:
                    return frozenset()
                entries = struct.iter_unpack("<i", data[: len(data) // 4 * 4])
                return frozenset(section.address + 4 * i + distance for i, (distance,) in enumerate(entries))
        return frozenset()

    @cached_property
    def _functions(self) -> list[tuple[int, int, int, bytes]]:
        """Sorted (start, size, place of the name, string table) of all symbols that may be code."""
        layout = struct.Struct("<IBBHQQ" if self.bits == 64 else "<IIIBBH")
        found: dict[int, tuple[int, int, int, bytes]] = {}
        for section in self._sections:
            if section.kind not in (elf.SYMTAB, elf.DYNSYM) or section.link >= len(self._sections):
                continue
            try:
                data, names = self._tables.content(section), self._tables.content(self._sections[section.link])
            except ScanError:
                continue
            for fields in layout.iter_unpack(data[: len(data) // layout.size * layout.size]):
                if self.bits == 64:
                    name, kind, _, section_index, start, size = fields
                else:
                    name, start, size, kind, _, section_index = fields
                if not section_index or kind & 15 not in _CODE_SYMBOLS or not size:
                    continue
                if start not in found or found[start][1] < size:
                    found[start] = (start, size, name, names)
        return sorted(found.values(), key=lambda symbol: symbol[0])

    def function_at(self, address: int) -> Function | None:
        """By symbol, else by the unwind tables."""
        symbols = self._functions
        index = bisect_right(symbols, address, key=lambda symbol: symbol[0]) - 1
        if index >= 0 and address < symbols[index][0] + symbols[index][1]:
            start, size, place, names = symbols[index]
            return Function(start, start + size, elf.text_at(names, place))
        return self._unwound_at(address)

    def _bytes_at(self, address: int, size: int) -> bytes:
        for part in self._loaded():
            if part.address <= address and address + size <= part.address + part.file_bytes:
                return self._tables.read(part.offset + address - part.address, size)
        return b""

    @cached_property
    def _unwinding(self) -> list[tuple[int, int]]:
        """Sorted (start of a function, address of its record)."""
        for part in self._tables.segments:
            if part.kind != elf.EH_FRAME:
                continue
            table = self._bytes_at(part.address, part.file_bytes)
            if len(table) < 12 or table[:4] != _TABLE_ENCODINGS:
                return []
            count = (len(table) - 12) // 8
            rows = struct.iter_unpack("<ii", table[12 : 12 + 8 * count])
            return sorted((part.address + start, part.address + record) for start, record in rows)
        return []

    def _unwound_at(self, address: int) -> Function | None:
        entries = self._unwinding
        index = bisect_right(entries, address, key=lambda entry: entry[0]) - 1
        record = self._bytes_at(entries[index][1], 16) if index >= 0 else b""
        if len(record) != 16:
            return None
        start, size = entries[index][0], struct.unpack("<IIiI", record)[3]
        return Function(start, start + size, None) if address < start + size else None


def _around(old: Piece, new: Piece) -> list[Piece]:
    """What is left of a mapping when another one is put over it."""
    end, new_end = old.address + old.size, new.address + new.size
    if end <= new.address or new_end <= old.address:
        return [old]
    left = []
    if old.address < new.address:
        left.append(replace(old, size=new.address - old.address))
    if new_end < end:
        moved = new_end - old.address
        left.append(replace(old, address=new_end, size=end - new_end, offset=old.offset + moved))
    return left
