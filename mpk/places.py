"""From an address in a program or library to function, file and line: DWARF, read by pyelftools.

An address is given as the runtime's reports give it (``module``, ``module_offset``): from
the first byte that the file has in memory. Trusts the file to be the one that ran; a build
in between is not noticed.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile

_PAGE_BYTES = 4096


class PlaceError(Exception):
    """The file cannot be read, and why."""


@dataclass(frozen=True)
class Place:
    """What is known of an address. function: the symbol around it; file, line: of the source, None without -g."""

    function: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


class Image:
    """One file's symbols and line tables. Raises PlaceError."""

    def __init__(self, path: Path) -> None:
        try:
            self._elf = ELFFile(BytesIO(path.read_bytes()))
            loads = [each["p_vaddr"] for each in self._elf.iter_segments("PT_LOAD")]
            self._dwarf: Any = self._elf.get_dwarf_info() if self._elf.has_dwarf_info() else None
        except OSError as error:
            raise PlaceError(f"{path}: {error.strerror}") from error
        except (ELFError, DWARFError) as error:
            raise PlaceError(f"{path}: {str(error) or 'is no ELF file'}") from error
        if not loads:
            raise PlaceError(f"{path}: has nothing to load")
        self._base = min(loads) // _PAGE_BYTES * _PAGE_BYTES

    def place(self, offset: int) -> Place:
        """pre: offset from the first byte in memory. Raises PlaceError for debug information that is broken."""
        address = self._base + offset
        try:
            return Place(self._function(address), *(self._line(address) or (None, None, None)))
        except (ELFError, DWARFError, KeyError, IndexError, ValueError, AttributeError) as error:
            raise PlaceError(f"the debug information cannot be read: {error}") from error

    def _function(self, address: int) -> str | None:
        for name in (".symtab", ".dynsym"):
            table: Any = self._elf.get_section_by_name(name)
            for symbol in table.iter_symbols() if table else ():
                within = symbol["st_value"] <= address < symbol["st_value"] + symbol["st_size"]
                if within and symbol["st_info"]["type"] in ("STT_FUNC", "STT_GNU_IFUNC"):
                    return str(symbol.name).removesuffix(".foreign")
        return None

    def _line(self, address: int) -> tuple[str, int, int] | None:
        if self._dwarf is None:
            return None
        for unit in self._dwarf.iter_CUs():
            if not self._holds(unit, address):
                continue
            program = self._dwarf.line_program_for_CU(unit)
            state = _state_at(program, address) if program is not None else None
            if state is not None:
                return _file(unit, program, state.file), state.line, state.column
        return None

    def _holds(self, unit: Any, address: int) -> bool:
        """May the unit have code there?"""
        top = unit.get_top_DIE().attributes
        low = top["DW_AT_low_pc"].value if "DW_AT_low_pc" in top else 0
        if "DW_AT_ranges" in top:
            base = low
            lists = self._dwarf.range_lists()
            for entry in lists.get_range_list_at_offset(top["DW_AT_ranges"].value, cu=unit):
                if isinstance(entry, BaseAddressEntry):
                    base = entry.base_address
                    continue
                start = 0 if getattr(entry, "is_absolute", False) else base
                if start + entry.begin_offset <= address < start + entry.end_offset:
                    return True
            return False
        if "DW_AT_high_pc" not in top:
            return False
        high = top["DW_AT_high_pc"]
        end = high.value if high.form == "DW_FORM_addr" else low + int(high.value)
        return bool(low <= address < end)


def _state_at(program: Any, address: int) -> Any:
    """The row of the line table that speaks for the address."""
    before = None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if before is not None and before.address <= address < state.address:
            return before
        before = None if state.end_sequence else state
    return None


def _file(unit: Any, program: Any, number: int) -> str:
    """As the compiler was told it, relative to where it ran."""
    header, five = program.header, program.header["version"] >= 5
    entry = header["file_entry"][number if five else number - 1]
    folders, at = header["include_directory"], entry["dir_index"]
    here = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
    root = here.value.decode(errors="replace") if here else ""
    folder = root if at == 0 else folders[at if five else at - 1].decode(errors="replace")
    return posixpath.normpath(posixpath.join(root, folder, entry["name"].decode(errors="replace")))


@cache
def image(path: str) -> Image:
    """The file, read once. Raises PlaceError."""
    return Image(Path(path))
