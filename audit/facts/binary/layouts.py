"""Structs that C and Rust units of one file describe, by DWARF: sizes and offsets of fields.

Invariant: bounded work: of more debug information than _MOST_BYTES nothing is read, and that is said. What comes with Rust itself
is not read.

Source: [DWARF 5], section 5.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile

from audit.errors import AuditError, reading
from audit.facts.binary.entries import Entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit.facts.binary.entries import Entry

_RUST = 0x1C
_C = (0x01, 0x02, 0x0C, 0x1D, 0x2C, 0x04, 0x1A, 0x21, 0x2A, 0x2B)  # C++ too: what is extern "C" there
_MOST_BYTES = 1 << 30
_TAGS = frozenset({"structure_type", "member", "typedef", "namespace", "pointer_type", "variant_part"})


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
        _Reader(file.get_dwarf_info(), found).read(lambda: _may_share(file, data, found))


def is_rust(data: bytes) -> bool:
    """Does its debug information come from rustc, some of it at least? May say so too often."""
    return b"rustc version" in data


def _may_share(file: Any, data: bytes, found: Layouts) -> bool:
    """May its Rust have a struct of a name that C has? Told by the names that stand in the file, module::name."""
    if any(each.name.startswith(".zdebug") or each.compressed for each in file.iter_sections()):
        return bool(found.c)
    return any(b"::" + name.encode() + b"\0" in data for name in {each.name for each in found.c})


@dataclass
class _Struct:
    """One that is being read. None where its layout is not fixed bytes."""

    name: str
    entry: Entry
    members: list[tuple[str, int]] | None = field(default_factory=list)


class _Reader:
    def __init__(self, dwarf: Any, found: Layouts) -> None:
        self.dwarf, self.found = dwarf, found
        self.entries = Entries(dwarf, _TAGS)
        self.known = {(each.name, each.bytes, each.fields) for each in found.c}

    def read(self, may_share: Callable[[], bool]) -> None:
        """C first: it says which names are asked of Rust."""
        rust = []
        for unit in self.dwarf.iter_CUs():
            top = next((entry for _, _, tag, entry in self.entries.of(unit) if tag == "compile_unit"), None)
            if top is None:
                continue
            strings_at = top.number("str_offsets_base") or 0
            language, root = top.number("language"), self.entries.text(top, "name", strings_at)
            if self.entries.text(top, "comp_dir", strings_at).startswith("/rustc/") or root.startswith("/rustc/"):
                continue
            if language == _RUST:
                rust.append((unit, strings_at, root.split("/@/")[0]))
            elif language in _C:
                self._c(unit, strings_at, root)
        if rust and may_share():
            names = frozenset(each.name for each in self.found.c)
            for unit, strings_at, root in rust:
                self._rust(unit, strings_at, root, names)

    def _c(self, unit: Any, strings_at: int, root: str) -> None:
        structs: dict[int, _Struct] = {}
        typedefs = []
        for at, (tag, entry, struct, _) in self._walk(unit, strings_at, None):
            if struct is not None:
                structs[at] = struct
                self._keep_c(struct.name, struct, entry, unit, root)
            elif tag == "typedef" and (to := entry.number("type")) is not None:
                typedefs.append((self.entries.text(entry, "name", strings_at), to, entry))
        for name, to, entry in typedefs:
            if to in structs:
                self._keep_c(name, structs[to], entry, unit, root)

    def _keep_c(self, name: str, struct: _Struct, declared: Entry, unit: Any, root: str) -> None:
        size = struct.entry.number("byte_size")
        if not name or size is None or not struct.members:
            return
        key = (name, size, tuple(struct.members))
        if key not in self.known:  # a header's are in every unit
            self.known.add(key)
            self.found.c.append(Layout(*key, *self._declared(declared, unit, root)))

    def _rust(self, unit: Any, strings_at: int, root: str, names: frozenset[str]) -> None:
        for _, (tag, entry, struct, module) in self._walk(unit, strings_at, names):
            if struct is not None:
                size = entry.number("byte_size")
                if size is not None and struct.members:
                    self.found.rust.append(Layout(module + struct.name, size, tuple(struct.members), root, None))
            elif tag == "pointer_type":
                kind, _, to = self.entries.text(entry, "name", strings_at).partition(" ")
                if kind in ("*mut", "*const") and to.rsplit("::", 1)[-1] in names:
                    self.found.pointed.add(to)

    def _walk(
        self, unit: Any, strings_at: int, names: frozenset[str] | None
    ) -> Iterator[tuple[int, tuple[str, Entry, _Struct | None, str]]]:
        """Structs when they are whole, with the module around them, and others. names: of structs that are asked; None: all."""
        text = self.entries.text
        above: list[tuple[int, str, _Struct | None]] = []  # offset, a namespace's name, a struct
        for at, depth, tag, entry in self.entries.of(unit):
            while len(above) > depth:
                begun, _, struct = above.pop()
                if struct is not None and struct.members is not None:
                    yield begun, ("structure_type", struct.entry, struct, _module(above))
            if tag == "":
                continue
            above += [(at, "", None)] * (depth - len(above))
            inside = above[-1][2] if above else None
            if entry is None or tag in ("compile_unit", "variant_part"):
                if tag == "variant_part" and inside is not None:
                    inside.members = None
                above.append((at, "", None))
            elif tag == "member":
                if inside is not None and inside.members is not None:
                    offset = entry.number("data_member_location")
                    if offset is None or "bit_size" in entry or "data_bit_offset" in entry:
                        inside.members = None
                    else:
                        inside.members.append((text(entry, "name", strings_at), offset))
            elif tag == "namespace":
                above.append((at, text(entry, "name", strings_at) or "{anonymous}", None))
            elif tag == "structure_type":
                name = text(entry, "name", strings_at)
                asked = names is None or name in names
                above.append((at, "", _Struct(name, entry) if asked else None))
            else:
                yield at, (tag, entry, None, "")

    def _declared(self, declared: Entry, unit: Any, root: str) -> tuple[str, int | None]:
        file, line = declared.number("decl_file"), declared.number("decl_line")
        program = self.dwarf.line_program_for_CU(unit)
        if program is None or file is None:
            return root, line
        version = int(program["version"])
        at = file - (version < 5)
        rows = program["file_entry"]
        return (rows[at].name.decode(errors="replace"), line) if 0 <= at < len(rows) else (root, line)


def _module(above: list[tuple[int, str, _Struct | None]]) -> str:
    names = ""
    for _, name, _ in reversed(above):
        if not name:
            break
        names = f"{name}::{names}"
    return names
