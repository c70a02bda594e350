"""The compilation units of a linked file that hold code, by its DWARF.

Invariant: a unit whose code the linker threw away is not listed. What is compressed is only
unpacked up to a bound.

Source: [DWARF 5], sections 2.17, 3.1.1 and 7.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile

from audit.errors import AuditError, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUST, _ASSEMBLER = 0x1C, 0x8001
_MOST_BYTES = 2 << 30


@dataclass(frozen=True)
class Unit:
    """name: of the source, as the compiler was told. folder: where it ran. ranges: begin and end of its code."""

    name: str
    folder: str
    is_rust: bool
    is_assembler: bool
    ranges: tuple[tuple[int, int], ...]


def read(path: str, data: bytes, code: list[tuple[int, int]]) -> list[Unit]:
    """code: begin and end of what is executable in the file. Raises AuditError where the DWARF is damaged."""
    with reading(f"{path}: its DWARF"):
        file: Any = ELFFile(BytesIO(data))
        debug = (each for each in file.iter_sections() if each.name.startswith((".debug", ".zdebug")))
        if sum(int(each.data_size) for each in debug) > _MOST_BYTES:
            raise AuditError(f"{path}: its DWARF would take more than {_MOST_BYTES >> 30} GiB and is not read")
        dwarf = file.get_dwarf_info(relocate_dwarf_sections=False)
        lists = dwarf.range_lists()
        found = []
        for unit in dwarf.iter_CUs():
            top = unit.get_top_DIE()
            ranges = tuple(each for each in _ranges(unit, top, lists) if _inside(each, code))
            if ranges and top.tag == "DW_TAG_compile_unit":
                language = _value(top, "DW_AT_language")
                found.append(
                    Unit(
                        _text(top, "DW_AT_name"),
                        _text(top, "DW_AT_comp_dir"),
                        language == _RUST,
                        language == _ASSEMBLER,
                        ranges,
                    )
                )
        return found


def _ranges(unit: Any, top: Any, lists: Any) -> Iterator[tuple[int, int]]:
    base = _value(top, "DW_AT_low_pc") or 0
    if "DW_AT_ranges" in top.attributes and lists is not None:
        attribute = top.attributes["DW_AT_ranges"]
        offset = attribute.value
        indexed = attribute.form == "DW_FORM_rnglistx"
        found = indexed(lists, offset, unit) if indexed else lists.get_range_list_at_offset(offset, cu=unit)
        for each in found:
            if isinstance(each, BaseAddressEntry):
                base = each.base_address
            else:
                begin = 0 if getattr(each, "is_absolute", False) else base
                yield begin + each.begin_offset, begin + each.end_offset
    elif "DW_AT_high_pc" in top.attributes:
        high = top.attributes["DW_AT_high_pc"]
        yield base, high.value if high.form == "DW_FORM_addr" else base + high.value


def indexed(lists: Any, index: int, unit: Any) -> Any:
    """Through the table of offsets behind the unit's DW_AT_rnglists_base."""
    base = int(unit.get_top_DIE().attributes["DW_AT_rnglists_base"].value)
    size = 4 if unit.structs.dwarf_format == 32 else 8
    lists.stream.seek(base + index * size)
    offset = base + int.from_bytes(lists.stream.read(size), "little")
    return lists.get_range_list_at_offset(offset, cu=unit)


def _inside(span: tuple[int, int], code: list[tuple[int, int]]) -> bool:
    return span[0] < span[1] and any(low <= span[0] and span[1] <= high for low, high in code)


def _value(top: Any, name: str) -> int | None:
    attribute = top.attributes.get(name)
    return None if attribute is None else int(attribute.value)


def _text(top: Any, name: str) -> str:
    attribute = top.attributes.get(name)
    return "" if attribute is None else bytes(attribute.value).decode(errors="replace")
