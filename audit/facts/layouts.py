"""Structs that C and Rust units of one file describe, by DWARF: sizes and offsets of fields.

Invariant: bounded work: after a number of entries no more is read, and a note says so. What comes
with Rust itself is not read.

Source: [DWARF 5], section 5.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile

from audit.errors import AuditError, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUST = 0x1C
_C = (0x01, 0x02, 0x0C, 0x1D, 0x2C, 0x04, 0x1A, 0x21, 0x2A, 0x2B)  # C++ too: what is extern "C" there
_MOST_ENTRIES = 150_000
_MOST_BYTES = 1 << 30
_MOST_FIELDS = 10_000


@dataclass(frozen=True)
class Layout:
    """name: with its module, in Rust. fields: name and offset in bytes, as declared. file, line: of the declaration;
    for Rust, which tells none, of the crate's root."""

    name: str
    bytes: int
    fields: tuple[tuple[str, int], ...]
    file: str
    line: int | None


@dataclass
class Layouts:
    """pointed: names that Rust has raw pointers to. c: by tag, and by the typedef of what has no tag."""

    rust: list[Layout] = field(default_factory=list)
    c: list[Layout] = field(default_factory=list)
    pointed: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def read(path: str, data: bytes, found: Layouts) -> None:
    """Adds what the file describes; of Rust only where C has been read before. Raises AuditError where its DWARF is damaged."""
    with reading(f"{path}: its DWARF"):
        file: Any = ELFFile(BytesIO(data))
        debug = (each for each in file.iter_sections() if each.name.startswith((".debug", ".zdebug")))
        if sum(int(each.data_size) for each in debug) > _MOST_BYTES:
            raise AuditError(f"{path}: its DWARF would take more than {_MOST_BYTES >> 30} GiB and is not read")
        if file["e_type"] == "ET_REL" and is_rust(data) and not _may_share(file, data, found):
            return  # relocating the DWARF of Rust's own library takes half a minute
        dwarf, left = file.get_dwarf_info(), _MOST_ENTRIES
        shares: bool | None = None
        for unit, language, root in sorted(_units(dwarf), key=lambda each: each[1] == _RUST):
            if language == _RUST and shares is None:
                shares = _may_share(file, data, found)
            if language == _RUST and not shares:
                return
            for entry in unit.iter_DIEs():
                left -= 1
                if left < 0:
                    found.notes.append(f"{path}: has more DWARF than is read for E12 ({_MOST_ENTRIES} entries)")
                    return
                if language == _RUST:
                    _rust(entry, root.split("/@/")[0], found)
                else:
                    _c(entry, dwarf, unit, found)


def is_rust(data: bytes) -> bool:
    """Does its debug information come from rustc, some of it at least? May say so too often."""
    return b"rustc version" in data


def _may_share(file: Any, data: bytes, found: Layouts) -> bool:
    """May its Rust have a struct of a name that C has? Told by the names that stand in the file, module::name."""
    if any(each.name.startswith(".zdebug") or each.compressed for each in file.iter_sections()):
        return bool(found.c)
    return any(b"::" + name.encode() + b"\0" in data for name in {each.name for each in found.c})


def _units(dwarf: Any) -> Iterator[tuple[Any, int, str]]:
    for unit in dwarf.iter_CUs():
        top = unit.get_top_DIE()
        language, root = _number(top, "DW_AT_language"), _text(top, "DW_AT_name")
        own = not _text(top, "DW_AT_comp_dir").startswith("/rustc/") and not root.startswith("/rustc/")
        if own and language in (_RUST, *_C):
            yield unit, language, root


def _rust(entry: Any, root: str, found: Layouts) -> None:
    name = _text(entry, "DW_AT_name")
    if entry.tag == "DW_TAG_pointer_type" and name.startswith(("*mut ", "*const ")):
        found.pointed.add(name.split(" ", 1)[1])
    elif entry.tag == "DW_TAG_structure_type" and name.isidentifier():
        layout = _layout(entry, _module(entry) + name, root, None)
        if layout:
            found.rust.append(layout)


def _module(entry: Any) -> str:
    names, above = "", entry.get_parent()
    while above is not None and above.tag == "DW_TAG_namespace":
        names, above = f"{_text(above, 'DW_AT_name')}::{names}", above.get_parent()
    return names


def _c(entry: Any, dwarf: Any, unit: Any, found: Layouts) -> None:
    name, struct = _text(entry, "DW_AT_name"), entry
    if entry.tag == "DW_TAG_typedef" and "DW_AT_type" in entry.attributes:
        struct = entry.get_DIE_from_attribute("DW_AT_type")
    if struct.tag == "DW_TAG_structure_type" and name:
        layout = _layout(struct, name, *_declared(entry, dwarf, unit))
        if layout:
            found.c.append(layout)


def _layout(entry: Any, name: str, file: str, line: int | None) -> Layout | None:
    """None for what is only declared, or has bit fields or places that are computed."""
    size, members = _number(entry, "DW_AT_byte_size"), []
    for number, child in enumerate(entry.iter_children()):
        if number > _MOST_FIELDS:  # a sibling that leads back
            return None
        if child.tag == "DW_TAG_variant_part" or "DW_AT_data_bit_offset" in child.attributes:
            return None
        if child.tag == "DW_TAG_member":
            offset = _number(child, "DW_AT_data_member_location")
            if offset is None or "DW_AT_bit_size" in child.attributes:
                return None
            members.append((_text(child, "DW_AT_name"), offset))
    return None if size is None or not members else Layout(name, size, tuple(members), file, line)


def _declared(entry: Any, dwarf: Any, unit: Any) -> tuple[str, int | None]:
    number, line = _number(entry, "DW_AT_decl_file"), _number(entry, "DW_AT_decl_line")
    root = _text(unit.get_top_DIE(), "DW_AT_name")
    program = dwarf.line_program_for_CU(unit)
    if program is None or number is None:
        return root, line
    version = int(program["version"])
    at = number - (version < 5)
    entries = program["file_entry"]
    return (entries[at].name.decode(errors="replace"), line) if 0 <= at < len(entries) else (root, line)


def _number(entry: Any, name: str) -> int | None:
    attribute = entry.attributes.get(name)
    return attribute.value if attribute is not None and isinstance(attribute.value, int) else None


def _text(entry: Any, name: str) -> str:
    attribute = entry.attributes.get(name)
    return bytes(attribute.value).decode(errors="replace") if attribute is not None else ""
