"""ELF images: their executable runs, their functions, and the sites that our gates guard.

Works on anything that pyelftools can seek in: a file, or the bytes of a vDSO. Symbols
are read when first asked for, all at once: the tables may be large.

Source: [gABI] segments and symbols; [LSB 10.6.2] the sorted table of functions.
"""

import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from mpk.scanner.code import PAGE_BYTES, Piece, Run, ScanError, runs_of

MAGIC = b"\x7fELF"
_BITS = {"EM_X86_64": 64, "EM_386": 32}
_EXECUTABLE = 1  # PF_X
_CODE_SECTION = 4  # SHF_EXECINSTR
_SITES = "galeed_wrpkru"  # pkru.h
_CODE_SYMBOLS = frozenset({0, 2, 10})  # STT_NOTYPE, STT_FUNC, STT_GNU_IFUNC
# What pyelftools raises for files that are damaged.
_DAMAGE = (ELFError, ConstructError, ValueError, TypeError, AttributeError, OverflowError, MemoryError, zlib.error)
_TABLE_ENCODINGS = b"\x01\x1b\x03\x3b"  # version, and how linkers write the table


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
        self._stream = stream
        self._size = size
        try:
            self._elf = ELFFile(stream)
            machine = str(self._elf["e_machine"])
            self._segments = [segment.header for segment in self._elf.iter_segments()]
        except _DAMAGE as error:
            raise ScanError("the ELF file is cut off or damaged") from error
        if machine not in _BITS:
            raise ScanError(f"it is code for another CPU ({machine.removeprefix('EM_')}), not x86")
        self.bits = 64 if machine == "EM_X86_64" else 32
        self.is_relocatable = str(self._elf["e_type"]) == "ET_REL"
        for part in self._loaded():
            if part["p_offset"] + part["p_filesz"] > size:
                raise ScanError("the ELF file is cut off: a segment ends behind the end of the file")

    def _loaded(self) -> list[Any]:
        return [part for part in self._segments if part["p_type"] == "PT_LOAD"]

    def runs(self, descriptor: int) -> list[Run]:
        """Executable segments as the kernel maps them: whole pages, adjacent ones joined.

        Executable sections of what has no segments yet (object files)."""
        if not self._segments:
            if not self._sections():
                raise ScanError("the ELF file is damaged: it has neither segments nor sections that can be read")
            return self._section_runs(descriptor)
        pieces: list[Piece] = []
        code = (part for part in self._loaded() if part["p_flags"] & _EXECUTABLE and part["p_filesz"])
        for part in sorted(code, key=lambda part: int(part["p_vaddr"])):
            slack = part["p_vaddr"] % PAGE_BYTES
            start, offset = part["p_vaddr"] - slack, part["p_offset"] - slack
            size = -(-(part["p_filesz"] + slack) // PAGE_BYTES) * PAGE_BYTES
            if offset < 0:
                raise ScanError("the ELF file is damaged: a segment's offset and address do not fit")
            if pieces and pieces[-1].address + pieces[-1].size > start:  # the later mapping wins
                last = pieces.pop()
                if last.address < start:
                    pieces.append(Piece(last.address, start - last.address, descriptor, last.offset, padded=True))
            pieces.append(Piece(start, size, descriptor, offset, padded=True))
        return runs_of(pieces)

    def _section_runs(self, descriptor: int) -> list[Run]:
        """Each by itself: where they will lie is not known; addresses are offsets."""
        found = []
        for section in self._sections():
            header = section.header
            if header["sh_flags"] & _CODE_SECTION and header["sh_type"] == "SHT_PROGBITS" and header["sh_size"]:
                found.append(Run((Piece(header["sh_offset"], header["sh_size"], descriptor, header["sh_offset"]),)))
        return found

    def _sections(self) -> list[Any]:
        try:
            return list(self._elf.iter_sections())
        except _DAMAGE:
            return []  # cut off or stripped of them: the segments are what counts

    def address_of_offset(self, offset: int) -> int | None:
        """The address of what is mapped from the file's offset on."""
        for part in self._loaded():
            start = part["p_offset"] - part["p_offset"] % PAGE_BYTES
            if start <= offset < part["p_offset"] + part["p_filesz"]:
                return int(offset - part["p_offset"] + part["p_vaddr"])
        return None

    @cached_property
    def span(self) -> tuple[int, int]:
        """From the first to one past the last address that is loaded."""
        loaded = self._loaded()
        low = min((int(part["p_vaddr"]) for part in loaded), default=0)
        high = max((int(part["p_vaddr"] + part["p_memsz"]) for part in loaded), default=0)
        return low - low % PAGE_BYTES, -(-high // PAGE_BYTES) * PAGE_BYTES

    def section_at(self, address: int) -> str | None:
        """The name of the section there: executable segments hold data too."""
        for section in self._sections():
            header = section.header
            if header["sh_addr"] and header["sh_addr"] <= address < header["sh_addr"] + header["sh_size"]:
                return str(section.name)
        return None

    @cached_property
    def guarded(self) -> frozenset[int]:
        """Addresses of the WRPKRU that the runtime in this image compares right after."""
        for section in self._sections():
            if section.name == _SITES:
                try:
                    data, base = section.data(), int(section["sh_addr"])
                except _DAMAGE:
                    return frozenset()
                entries = struct.iter_unpack("<i", data[: len(data) // 4 * 4])
                return frozenset(base + 4 * i + distance for i, (distance,) in enumerate(entries))
        return frozenset()

    @cached_property
    def _functions(self) -> list[tuple[int, int, int, bytes]]:
        """Sorted (start, size, place of the name, string table) of all symbols that may be code."""
        layout = "<IBBHQQ" if self._elf.elfclass == 64 else "<IIIBBH"
        found: dict[int, tuple[int, int, int, bytes]] = {}
        for section in self._sections():
            if section.header["sh_type"] not in ("SHT_SYMTAB", "SHT_DYNSYM"):
                continue
            data, names = section.data(), self._elf.get_section(section.header["sh_link"]).data()
            for fields in struct.iter_unpack(
                layout, data[: len(data) // struct.calcsize(layout) * struct.calcsize(layout)]
            ):
                if layout == "<IBBHQQ":
                    name, kind, _, section_index, start, size = fields
                else:
                    name, start, size, kind, _, section_index = fields
                if (
                    section_index
                    and kind & 15 in _CODE_SYMBOLS
                    and size
                    and (start not in found or found[start][1] < size)
                ):
                    found[start] = (start, size, name, names)
        return sorted(found.values(), key=lambda symbol: symbol[0])

    def function_at(self, address: int) -> Function | None:
        """By symbol, else by the unwind tables."""
        try:
            symbols = self._functions
        except (*_DAMAGE, struct.error):
            symbols = []
        index = bisect_right(symbols, address, key=lambda symbol: symbol[0]) - 1
        if index >= 0 and address < symbols[index][0] + symbols[index][1]:
            start, size, place, names = symbols[index]
            return Function(start, start + size, names[place : names.find(b"\0", place)].decode(errors="replace"))
        return self._unwound_at(address)

    def _bytes_at(self, address: int, size: int) -> bytes:
        for part in self._loaded():
            if part["p_vaddr"] <= address and address + size <= part["p_vaddr"] + part["p_filesz"]:
                self._stream.seek(part["p_offset"] + address - part["p_vaddr"])
                return self._stream.read(size)
        return b""

    def _unwound_at(self, address: int) -> Function | None:
        for part in self._segments:
            if part["p_type"] != "PT_GNU_EH_FRAME":
                continue
            base = int(part["p_vaddr"])
            table = self._bytes_at(base, part["p_filesz"])
            if len(table) < 12 or table[:4] != _TABLE_ENCODINGS:
                return None
            entries = [
                (base + start, base + fde)
                for start, fde in struct.iter_unpack("<ii", table[12 : len(table) // 8 * 8 + 4])
            ]
            index = bisect_right(entries, address, key=lambda entry: entry[0]) - 1
            record = self._bytes_at(entries[index][1], 16) if index >= 0 else b""
            if len(record) == 16:
                start, size = entries[index][0], struct.unpack("<IIiI", record)[3]
                return Function(start, start + size, None) if address < start + size else None
        return None
