"""The functions that an instruction was inlined from, by DWARF.

Source: [DWARF 5], sections 3.3.8 and 2.17.
"""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile

from audit.errors import AuditError, reading
from audit.facts.binary.units import indexed

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 64


class Inlined:
    """Of one file. Damaged or missing DWARF says nothing."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path, self._data = path, data

    @cached_property
    def _dwarf(self) -> Any:
        file: Any = ELFFile(BytesIO(self._data))
        return file.get_dwarf_info(relocate_dwarf_sections=False) if file.has_dwarf_info() else None

    def at(self, address: int) -> list[str]:
        """Linkage names, outermost first; the function itself is not among them."""
        try:
            with reading(self._path):
                return list(self._names(address)) if self._dwarf is not None else []
        except AuditError:
            return []

    @cached_property
    def _units(self) -> list[tuple[list[tuple[int, int]], Any]]:
        """Spans of code, and the unit that has them."""
        return [(list(self._spans(unit.get_top_DIE(), unit)), unit) for unit in self._dwarf.iter_CUs()]

    def _names(self, address: int) -> Iterator[str]:
        for spans, unit in self._units:
            if any(begin <= address < end for begin, end in spans):
                yield from self._below(unit.get_top_DIE(), address, unit, 0)

    def _below(self, die: Any, address: int, unit: Any, depth: int) -> Iterator[str]:
        for child in die.iter_children() if depth < _DEEPEST else ():
            if child.tag == "DW_TAG_inlined_subroutine" and self._holds(child, address, unit):
                yield from self._linkage_name(child)
                yield from self._below(child, address, unit, depth + 1)
            elif child.tag == "DW_TAG_namespace" or (
                child.tag in ("DW_TAG_subprogram", "DW_TAG_lexical_block", "DW_TAG_structure_type")
                and (child.tag == "DW_TAG_structure_type" or self._holds(child, address, unit))
            ):
                yield from self._below(child, address, unit, depth + 1)

    def _linkage_name(self, die: Any) -> Iterator[str]:
        for _ in range(4):
            name = die.attributes.get("DW_AT_linkage_name")
            if name is not None:
                yield bytes(name.value).decode(errors="replace")
                return
            if "DW_AT_abstract_origin" not in die.attributes and "DW_AT_specification" not in die.attributes:
                return
            origin = "DW_AT_abstract_origin" if "DW_AT_abstract_origin" in die.attributes else "DW_AT_specification"
            die = die.get_DIE_from_attribute(origin)

    def _holds(self, die: Any, address: int, unit: Any) -> bool:
        return any(begin <= address < end for begin, end in self._spans(die, unit))

    def _spans(self, die: Any, unit: Any) -> Iterator[tuple[int, int]]:
        attributes = die.attributes
        low = int(attributes["DW_AT_low_pc"].value) if "DW_AT_low_pc" in attributes else 0
        if "DW_AT_ranges" in attributes:
            attribute = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
            base = int(attribute.value) if attribute else 0
            for entry in self._ranges(attributes["DW_AT_ranges"], unit):
                if isinstance(entry, BaseAddressEntry):
                    base = entry.base_address
                    continue
                start = 0 if getattr(entry, "is_absolute", False) else base
                yield start + entry.begin_offset, start + entry.end_offset
        elif "DW_AT_high_pc" in attributes:
            high = attributes["DW_AT_high_pc"]
            yield low, int(high.value) if high.form == "DW_FORM_addr" else low + int(high.value)

    def _ranges(self, attribute: Any, unit: Any) -> Any:
        lists = self._dwarf.range_lists()
        if attribute.form == "DW_FORM_rnglistx":
            return indexed(lists, attribute.value, unit)
        return lists.get_range_list_at_offset(attribute.value, cu=unit)
