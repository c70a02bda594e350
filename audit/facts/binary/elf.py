"""An ELF file as rules ask of it: headers, .dynamic and notes by pyelftools, tables by audit.facts.binary.symbols.

Invariants: all bytes are read when the file is opened, so that no rule meets a damaged file: what
cannot be read is an AuditError of the file, or a note where the rest can still be judged. What a
header claims is bounded by the file's size before it is believed: no count makes this run long.

Source: [gABI], the x86-64 psABI supplement (program properties).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile

from audit.errors import AuditError, reading
from audit.facts.binary.symbols import Relocation, Symbol, Table, relocations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

MAGIC = b"\x7fELF"
X86_64 = "EM_X86_64"
IBT, SHSTK = 1, 2  # GNU_PROPERTY_X86_FEATURE_1_AND
_ALLOCATED, _EXECUTABLE = 2, 4
_R_X86_64_PLT32 = 4  # what compilers write for calls, and only for them
_FEATURES = "GNU_PROPERTY_X86_FEATURE_1_AND"
# Names that dlsym may be asked for, in rule E08.
ASKED_STRINGS = (
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "pkey_set",
    "mprotect",
    "process_vm_readv",
    "process_vm_writev",
)
_STEMS = (b"pkey_", b"mprotect", b"process_vm_")  # one of them is in each name above
_MOST_NOTES = 20  # of one file's damaged sections
_MOST_NOTE_BYTES = 1 << 20


@dataclass(frozen=True)
class Segment:
    """kind: PT_LOAD and its like. flags: of r, w, x."""

    kind: str
    flags: str
    address: int
    bytes: int


@dataclass(frozen=True)
class Section:
    """flags: of w, a, x."""

    name: str
    flags: str
    address: int
    bytes: int


@dataclass
class Elf:
    """One file, or one member of an archive (path "lib.a(member.o)")."""

    path: str
    machine: str
    kind: str  # ET_EXEC, ET_DYN, ET_REL, ET_CORE
    segments: list[Segment] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    comment: str = ""  # what compilers and linkers wrote into .comment
    strings: frozenset[str] = frozenset()  # whole strings of read-only data that rules ask for
    needed: list[str] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)  # of .dynamic
    dynamic_table: Table = field(default_factory=Table)
    table: Table = field(default_factory=Table)
    relocations: list[Relocation] = field(default_factory=list)  # those that the loader makes
    code_relocations: list[bytes] = field(default_factory=list)  # an object's, of its executable sections
    features: int | None = None  # IBT | SHSTK; None: no note says
    has_dwarf: bool = False
    notes: list[str] = field(default_factory=list)

    @cached_property
    def dynamic_symbols(self) -> list[Symbol]:
        return self.dynamic_table.symbols()

    @cached_property
    def symbols(self) -> list[Symbol]:
        """Of .symtab; empty when stripped."""
        return self.table.symbols()

    @cached_property
    def called(self) -> frozenset[str]:
        """In an object: the functions that it calls and does not hold."""
        made = (each for data in self.code_relocations for each in relocations(data, self.table))
        imported = {each.name for each in self.imports}
        return frozenset(each.symbol for each in made if each.kind == _R_X86_64_PLT32) & imported

    def defines(self, names: Iterable[str]) -> bool:
        """Is one of them defined, by either table?"""
        wanted = list(names)
        return self.dynamic_table.defines(wanted) or self.table.defines(wanted)

    @property
    def is_linked(self) -> bool:
        return self.kind in ("ET_EXEC", "ET_DYN")

    @property
    def has_relro(self) -> bool:
        return any(each.kind == "PT_GNU_RELRO" for each in self.segments)

    @property
    def binds_now(self) -> bool:
        """Are all functions bound before it starts?"""
        flags, flags_1 = self.tags.get("DT_FLAGS", 0), self.tags.get("DT_FLAGS_1", 0)
        return "DT_BIND_NOW" in self.tags or bool(flags & 8 or flags_1 & 1)

    @property
    def writable_code(self) -> list[Segment]:
        """Segments that are writable and executable."""
        return [each for each in self.segments if each.kind == "PT_LOAD" and {"w", "x"} <= set(each.flags)]

    @property
    def stack(self) -> Segment | None:
        """What it asks of stacks; None: nothing, which makes them executable."""
        return next((each for each in self.segments if each.kind == "PT_GNU_STACK"), None)

    @property
    def has_executable_stack(self) -> bool:
        return self.stack is None or "x" in self.stack.flags

    @property
    def imports(self) -> list[Symbol]:
        table = self.dynamic_symbols if self.is_linked else self.symbols
        return [each for each in table if not each.is_defined and each.name and not each.address]

    @property
    def exports(self) -> list[Symbol]:
        """What other objects of the process can bind to."""
        seen = (each for each in self.dynamic_symbols if each.is_defined and each.name)
        return [each for each in seen if each.binding != "local" and each.visibility in ("default", "protected")]


def read(path: str, data: bytes | BinaryIO) -> Elf:
    """data: the content, or the open file. Raises AuditError for what is no ELF file, or is damaged."""
    stream = BytesIO(data) if isinstance(data, bytes) else data
    with reading(path):
        size = stream.seek(0, 2)
        stream.seek(0)
        if stream.read(len(MAGIC)) != MAGIC:
            raise AuditError(f"{path}: is no ELF file")
        file = ELFFile(stream)
        segments = [
            _segment(file.get_segment(number))
            for number in range(_believed(file.num_segments(), file["e_phoff"], file["e_phentsize"], size))
        ]
        elf = Elf(
            path,
            str(file["e_machine"]),
            str(file["e_type"]),
            segments,
        )
        if elf.machine == X86_64 and (file.elfclass != 64 or not file.little_endian):
            raise AuditError(f"{path}: is x86-64 with 32-bit pointers (x32), which is not judged")
        _fill(elf, file, size)
        return elf


def _believed(count: int, start: int, entry_bytes: int, file_bytes: int) -> int:
    """As many entries as there is room for."""
    return min(int(count), max(file_bytes - int(start), 0) // max(int(entry_bytes), 1))


def _segment(segment: Any) -> Segment:
    flags = "".join(letter for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if segment["p_flags"] & bit)
    return Segment(str(segment["p_type"]), flags, int(segment["p_vaddr"]), int(segment["p_memsz"]))


def _fill(elf: Elf, file: Any, size: int) -> None:
    count = file.num_sections()
    believed = _believed(count, file["e_shoff"], file["e_shentsize"], size)
    if believed < count:
        elf.notes.append(f"claims {count} sections, and has room for {believed}")
    damaged: list[str] = []
    headers: dict[int, Any] = {}
    for number in range(believed):
        try:
            with reading(f"section {number}"):
                section = headers[number] = file.get_section(number)
                _section(elf, section)
        except AuditError as error:
            damaged.append(str(error))
    elf.has_dwarf = any(each.name in (".debug_info", ".zdebug_info") for each in elf.sections)
    for section in headers.values() if elf.machine == X86_64 else ():
        try:
            with reading(section.name):
                _table(elf, file, section, headers)
        except AuditError as error:
            damaged.append(str(error))
    elf.notes += damaged[:_MOST_NOTES]
    if len(damaged) > _MOST_NOTES:
        elf.notes.append(f"{len(damaged) - _MOST_NOTES} more sections are damaged")
    if elf.is_linked and "PT_DYNAMIC" in {each.kind for each in elf.segments} and not elf.tags:
        elf.notes.append("no section shows what its loader reads: symbols and relocations are not known")


def _section(elf: Elf, section: Any) -> None:
    flags = "".join(letter for letter, bit in (("w", 1), ("a", _ALLOCATED), ("x", 4)) if section["sh_flags"] & bit)
    elf.sections.append(Section(section.name, flags, int(section["sh_addr"]), int(section["sh_size"])))


def _table(elf: Elf, file: Any, section: Any, headers: dict[int, Any]) -> None:
    kind = section["sh_type"]
    if section.name == ".comment":
        elf.comment = _content(file, section).decode(errors="replace").replace("\0", " ").strip()
    elif section.name.startswith(".rodata") and kind == "SHT_PROGBITS":
        elf.strings |= _asked_strings(_content(file, section))
    elif kind == "SHT_DYNAMIC":
        _dynamic(elf, section)
    elif kind == "SHT_DYNSYM":
        elf.dynamic_table = _symbol_table(file, section, headers)
    elif kind == "SHT_SYMTAB":
        elf.table = _symbol_table(file, section, headers)
    elif kind == "SHT_NOTE" and section.name == ".note.gnu.property" and section["sh_size"] < _MOST_NOTE_BYTES:
        elf.features = _features(section)
    elif kind == "SHT_RELA" and section["sh_flags"] & _ALLOCATED and elf.is_linked:
        names = headers.get(int(section["sh_link"]))
        table = Table() if names is None else _symbol_table(file, names, headers)
        elf.relocations += relocations(_content(file, section), table)
    elif kind == "SHT_RELA" and not elf.is_linked and _is_code(headers.get(int(section["sh_info"]))):
        elf.code_relocations.append(_content(file, section))


def _is_code(section: Any) -> bool:
    return section is not None and bool(section["sh_flags"] & _EXECUTABLE)


def _content(file: Any, section: Any) -> bytes:
    """As it lies in the file: nothing that is read here is ever compressed. At most what the file has."""
    if section["sh_type"] == "SHT_NOBITS":
        return b""
    end = file.stream.seek(0, 2)
    start = int(section["sh_offset"])
    if start >= end:
        return b""
    file.stream.seek(start)
    return bytes(file.stream.read(min(int(section["sh_size"]), end - start)))


def _symbol_table(file: Any, section: Any, headers: dict[int, Any]) -> Table:
    """Empty for what is no symbol table."""
    names = headers.get(int(section["sh_link"]))
    if section["sh_type"] not in ("SHT_DYNSYM", "SHT_SYMTAB") or names is None:
        return Table()
    return Table(_content(file, section), _content(file, names))


def _asked_strings(data: bytes) -> frozenset[str]:
    if not any(stem in data for stem in _STEMS):
        return frozenset()
    data = b"\0" + data  # the first one has nothing before it
    return frozenset(name for name in ASKED_STRINGS if b"\0" + name.encode() + b"\0" in data)


def _dynamic(elf: Elf, section: Any) -> None:
    for tag in section.iter_tags():
        name = str(tag.entry.d_tag)
        if name == "DT_NEEDED":
            elf.needed.append(str(tag.needed))
        elf.tags[name] = int(tag.entry.d_val)


def _features(section: Any) -> int | None:
    for note in section.iter_notes():
        if note["n_type"] == "NT_GNU_PROPERTY_TYPE_0":
            for each in note["n_desc"]:
                if each.pr_type == _FEATURES:
                    return int(each.pr_data)
    return None
