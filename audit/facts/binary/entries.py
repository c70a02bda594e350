"""A unit's DWARF entries, read fast: of most of them only how long they are.

Invariant: every step goes forward by a byte at least, and never back: the work is bounded by the section's length. Damage
shows as LookupError or AuditError, for the caller to name.

Source: [DWARF 5], sections 7.5.3 and 7.5.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEB, _STRING, _BLOCK, _BLOCK1, _BLOCK2, _BLOCK4 = -1, -2, -3, -4, -5, -6
_BLOCK_SIZES = {_BLOCK1: 1, _BLOCK2: 2, _BLOCK4: 4}
_MOST_NAME_BYTES = 1 << 14
_OFFSET, _ADDRESS = -100, -101  # as long as the unit says
_LENGTHS = {
    "flag": 1, "flag_present": 0, "implicit_const": 0, "data1": 1, "data2": 2, "data4": 4, "data8": 8, "data16": 16,
    "ref1": 1, "ref2": 2, "ref4": 4, "ref8": 8, "ref_sig8": 8, "ref_sup4": 4, "ref_sup8": 8,
    "strx1": 1, "strx2": 2, "strx3": 3, "strx4": 4, "addrx1": 1, "addrx2": 2, "addrx3": 3, "addrx4": 4,
    "strp": _OFFSET, "line_strp": _OFFSET, "sec_offset": _OFFSET, "ref_addr": _OFFSET, "strp_sup": _OFFSET,
    "GNU_strp_alt": _OFFSET, "GNU_ref_alt": _OFFSET, "addr": _ADDRESS,
    "udata": _LEB, "sdata": _LEB, "ref_udata": _LEB, "strx": _LEB, "addrx": _LEB, "loclistx": _LEB, "rnglistx": _LEB,
    "GNU_str_index": _LEB, "GNU_addr_index": _LEB,
    "string": _STRING, "exprloc": _BLOCK, "block": _BLOCK, "block1": _BLOCK1, "block2": _BLOCK2, "block4": _BLOCK4,
}  # fmt: skip
_LEBS = ("udata", "sdata", "ref_udata")
_NUMBERS = ("data1", "data2", "data4", "data8", "ref1", "ref2", "ref4", "ref8", "sec_offset", *_LEBS)
_PLACED, _PLUS = ("block1", "block", "exprloc"), b"\x23"  # DW_OP_plus_uconst
_MINUS = 0x40  # in the last byte of an sdata


@dataclass(frozen=True, slots=True)
class _Shape:
    """One abbreviation. steps: how to skip it, a length or one of the negative kinds each. fields: of a tag that is asked, by name: form,
    the steps before it, its own, its implicit constant; None for other tags."""

    tag: str
    has_children: bool
    steps: tuple[int, ...]
    fields: dict[str, tuple[str, tuple[int, ...], int, int]] | None


class Entry:
    """One entry's attributes, decoded when they are asked; their names without DW_AT_."""

    __slots__ = ("_data", "_pos", "_shape")

    def __init__(self, data: bytes, pos: int, shape: _Shape) -> None:
        self._data, self._pos, self._shape = data, pos, shape

    def __contains__(self, name: str) -> bool:
        return self._shape.fields is not None and name in self._shape.fields

    def raw(self, name: str) -> tuple[str, Any]:
        """The form (without DW_FORM_) and what stands there; "" and nothing where it is not there."""
        field = (self._shape.fields or {}).get(name)
        if field is None:
            return "", b""
        form, before, step, constant = field
        pos = self._pos
        for each in before:
            pos = pos + each if each >= 0 else _skipped(self._data, pos, each)
        end = pos + step if step >= 0 else _skipped(self._data, pos, step)
        return form, constant if form == "implicit_const" else self._data[pos:end]

    def number(self, name: str) -> int | None:
        """None where it is not there, or no plain number."""
        form, value = self.raw(name)
        if form == "implicit_const":
            return int(value)
        if (
            form in _PLACED and value[1:2] == _PLUS
        ):  # how DWARF 2 says a field's place; the block is shorter than 128 bytes
            return _leb(value, 2)[0]
        if form not in _NUMBERS or (form == "sdata" and value[-1] & _MINUS):
            return None
        return _leb(value, 0)[0] if form in _LEBS else int.from_bytes(value, "little")


class Entries:
    """Of one file. tags: which are asked (without DW_TAG_)."""

    def __init__(self, dwarf: Any, tags: frozenset[str]) -> None:
        self._tags = tags | {"compile_unit"}
        self._info, self._str, self._line_str, self._offsets = (
            _bytes(getattr(dwarf, f"debug_{name}_sec")) for name in ("info", "str", "line_str", "str_offsets")
        )
        self._shapes: dict[tuple[int, int, int, int], dict[int, _Shape]] = {}

    def of(self, unit: Any) -> Iterator[tuple[int, int, str, Entry | None]]:
        """What is asked, depth first: offset in the unit, depth, tag, entry; and with tag "" the end of the children of each
        entry that is asked."""
        data, shapes, start = self._info, self._table(unit), int(unit.cu_offset)
        pos, end = int(unit.cu_die_offset), start + int(unit.size)
        if end > len(data):
            raise AuditError("a unit ends behind its section")
        open_lists: list[bool] = []  # of children; is their parent asked?
        while pos < end:
            at, code = pos, data[pos]
            pos += 1
            if code >= 0x80:
                code, pos = _leb(data, at)
            if code == 0:
                if open_lists and open_lists.pop():
                    yield at - start, len(open_lists), "", None
                if not open_lists:
                    return
                continue
            shape = shapes.get(code) or self._learnt(shapes, unit, code)
            if shape.fields is not None:
                yield at - start, len(open_lists), shape.tag, Entry(data, pos, shape)
            for step in shape.steps:
                pos = pos + step if step >= 0 else _skipped(data, pos, step)
            if shape.has_children:
                open_lists.append(shape.fields is not None)
            elif not open_lists:
                return

    def text(self, entry: Entry, name: str, strings_at: int = 0) -> str:
        """ "" where there is none, or it lies elsewhere. strings_at: the unit's DW_AT_str_offsets_base."""
        form, value = entry.raw(name)
        if form == "string":
            return str(value[:-1].decode(errors="replace"))
        if form in ("strp", "line_strp"):
            return _string(self._line_str if form == "line_strp" else self._str, int.from_bytes(value, "little"))
        if form.startswith("strx") or form == "GNU_str_index":
            index = _leb(value, 0)[0] if form in ("strx", "GNU_str_index") else int.from_bytes(value, "little")
            at = strings_at + 4 * index
            return _string(self._str, int.from_bytes(self._offsets[at : at + 4], "little"))
        return ""

    def _table(self, unit: Any) -> dict[int, _Shape]:
        wide = unit.structs.dwarf_format == 64
        key = (int(unit["debug_abbrev_offset"]), wide, int(unit["address_size"]), int(unit["version"]))
        return self._shapes.setdefault(key, {})

    def _learnt(self, shapes: dict[int, _Shape], unit: Any, code: int) -> _Shape:
        """Raises KeyError for a code that is not declared."""
        declared = unit.get_abbrev_table().get_abbrev(code)
        wide, address_bytes, version = unit.structs.dwarf_format == 64, int(unit["address_size"]), int(unit["version"])
        tag = _short(declared["tag"])
        fields: dict[str, tuple[str, tuple[int, ...], int, int]] = {}
        steps: list[int] = []
        for each in declared["attr_spec"]:
            form = _short(each.form)
            step = _LENGTHS.get(form)
            if step is None:
                raise AuditError(f"an attribute has the form {each.form}, which is not known")
            if step == _ADDRESS or (form == "ref_addr" and version == 2):
                step = address_bytes
            elif step == _OFFSET:
                step = 8 if wide else 4
            constant = int(each.value or 0) if form == "implicit_const" else 0
            fields.setdefault(_short(each.name), (form, tuple(steps), step, constant))
            if step >= 0 and steps and steps[-1] >= 0:
                steps[-1] += step
            elif step:
                steps.append(step)
        shapes[code] = _Shape(tag, declared.has_children(), tuple(steps), fields if tag in self._tags else None)
        return shapes[code]


def _short(name: object) -> str:
    return str(name).split("_", 2)[-1]


def _bytes(section: Any) -> bytes:
    if section is None:
        return b""
    section.stream.seek(0)
    return bytes(section.stream.read())


def _leb(data: bytes, pos: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7
        if shift > 63:
            raise AuditError("a number of more than 64 bits")


def _skipped(data: bytes, pos: int, kind: int) -> int:
    if kind == _LEB:
        while data[pos] >= 0x80:
            pos += 1
        return pos + 1
    if kind == _STRING:
        return data.index(b"\0", pos) + 1
    if kind == _BLOCK:
        size, pos = _leb(data, pos)
        return pos + size
    width = _BLOCK_SIZES[kind]
    return pos + width + int.from_bytes(data[pos : pos + width], "little")


def _string(section: bytes, at: int) -> str:
    end = section.find(b"\0", at, at + _MOST_NAME_BYTES)
    return section[at : end if end >= 0 else at].decode(errors="replace")
