"""An ELF file as rules ask of it, read by pyelftools.

Invariant: all is read when the file is opened, so that no rule meets a damaged table: what
cannot be read is an AuditError of the file, or a note where the rest can still be judged.

Source: [gABI], the x86-64 psABI supplement (program properties).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from audit.errors import AuditError, reading

MAGIC = b"\x7fELF"
X86_64 = "EM_X86_64"
IBT, SHSTK = 1, 2  # GNU_PROPERTY_X86_FEATURE_1_AND
_ALLOCATED = 2
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
_MOST_SYMBOLS = 4_000_000  # beyond this the tables are not believed


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


@dataclass(frozen=True)
class Symbol:
    """address: 0 for what is imported. binding, visibility, kind: as the ELF constants end, in lower case."""

    name: str
    address: int
    bytes: int
    kind: str
    binding: str
    visibility: str
    is_defined: bool


@dataclass(frozen=True)
class Relocation:
    """kind: the number of the type. symbol: its name; empty where there is none."""

    address: int
    kind: int
    symbol: str


@dataclass
class Elf:
    """One file, or one member of an archive (path "lib.a(member.o)")."""

    path: str
    machine: str
    kind: str  # ET_EXEC, ET_DYN, ET_REL, ET_CORE
    interpreter: bool
    segments: list[Segment] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    comment: str = ""  # what compilers and linkers wrote into .comment
    strings: frozenset[str] = frozenset()  # whole strings of read-only data that rules ask for
    needed: list[str] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)  # of .dynamic
    dynamic_symbols: list[Symbol] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)  # of .symtab; empty when stripped
    relocations: list[Relocation] = field(default_factory=list)  # those that the loader makes
    features: int | None = None  # IBT | SHSTK; None: no note says
    has_dwarf: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def is_linked(self) -> bool:
        return self.kind in ("ET_EXEC", "ET_DYN")

    @property
    def is_program(self) -> bool:
        """Is it started, not loaded? A static PIE has no interpreter, but an entry and the flag."""
        return self.kind == "ET_EXEC" or self.interpreter or bool(self.tags.get("DT_FLAGS_1", 0) & 0x08000000)

    @property
    def imports(self) -> list[Symbol]:
        table = self.dynamic_symbols if self.is_linked else self.symbols
        return [each for each in table if not each.is_defined and each.name and not each.address]

    @property
    def exports(self) -> list[Symbol]:
        """What other objects of the process can bind to."""
        seen = (each for each in self.dynamic_symbols if each.is_defined and each.name)
        return [each for each in seen if each.binding != "local" and each.visibility in ("default", "protected")]

    @property
    def defined(self) -> list[Symbol]:
        """All that is defined in it, by either table, once by name."""
        both = {each.name: each for each in (*self.symbols, *self.dynamic_symbols) if each.is_defined and each.name}
        return list(both.values())


def read(path: str, data: bytes) -> Elf:
    """Raises AuditError for what is no ELF file, or is damaged."""
    if not data.startswith(MAGIC):
        raise AuditError(f"{path}: is no ELF file")
    with reading(path):
        file = ELFFile(BytesIO(data))
        segments = [_segment(each) for each in file.iter_segments()]
        elf = Elf(
            path,
            str(file["e_machine"]),
            str(file["e_type"]),
            any(each.kind == "PT_INTERP" for each in segments),
            segments,
        )
        elf.has_dwarf = bool(file.has_dwarf_info())
        _fill(elf, file)
        return elf


def _segment(segment: Any) -> Segment:
    flags = "".join(letter for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if segment["p_flags"] & bit)
    return Segment(str(segment["p_type"]), flags, int(segment["p_vaddr"]), int(segment["p_memsz"]))


def _fill(elf: Elf, file: Any) -> None:
    relocating = []
    for number in range(file.num_sections()):
        try:
            with reading(f"section {number}"):
                section = file.get_section(number)
                _section(elf, section)
                if isinstance(section, RelocationSection) and section["sh_flags"] & _ALLOCATED:
                    relocating.append(section)
        except AuditError as error:
            elf.notes.append(str(error))
    if elf.is_linked:
        for section in relocating:
            elf.relocations += _relocations(file, section)
        if "PT_DYNAMIC" in {each.kind for each in elf.segments} and not elf.tags:
            elf.notes.append("no section shows what its loader reads: symbols and relocations are not known")


def _section(elf: Elf, section: Any) -> None:
    flags = "".join(letter for letter, bit in (("w", 1), ("a", _ALLOCATED), ("x", 4)) if section["sh_flags"] & bit)
    elf.sections.append(Section(section.name, flags, int(section["sh_addr"]), int(section["sh_size"])))
    kind = section["sh_type"]
    if section.name == ".comment":
        elf.comment = section.data().decode(errors="replace").replace("\0", " ").strip()
    if section.name.startswith(".rodata") and kind == "SHT_PROGBITS":
        elf.strings |= _asked_strings(section.data())
    if kind == "SHT_DYNAMIC":
        _dynamic(elf, section)
    elif kind == "SHT_DYNSYM":
        elf.dynamic_symbols = _symbols(elf, section)
    elif kind == "SHT_SYMTAB":
        elf.symbols = _symbols(elf, section)
    elif kind == "SHT_NOTE" and section.name == ".note.gnu.property":
        elf.features = _features(section)


def _asked_strings(data: bytes) -> frozenset[str]:
    data = b"\0" + data  # the first one has nothing before it
    return frozenset(name for name in ASKED_STRINGS if b"\0" + name.encode() + b"\0" in data)


def _dynamic(elf: Elf, section: Any) -> None:
    for tag in section.iter_tags():
        name = str(tag.entry.d_tag)
        if name == "DT_NEEDED":
            elf.needed.append(str(tag.needed))
        elf.tags[name] = int(tag.entry.d_val)


def _symbols(elf: Elf, section: Any) -> list[Symbol]:
    if section.num_symbols() > _MOST_SYMBOLS:
        elf.notes.append(f"{section.name} claims {section.num_symbols()} symbols: not read")
        return []
    return [
        Symbol(
            each.name,
            int(each["st_value"]),
            int(each["st_size"]),
            str(each["st_info"]["type"]).removeprefix("STT_").lower(),
            str(each["st_info"]["bind"]).removeprefix("STB_").lower(),
            str(each["st_other"]["visibility"]).removeprefix("STV_").lower(),
            each["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS"),
        )
        for each in section.iter_symbols()
    ]


def _relocations(file: Any, section: Any) -> list[Relocation]:
    table = file.get_section(section["sh_link"])
    named = hasattr(table, "get_symbol")
    return [
        Relocation(
            int(each["r_offset"]),
            int(each["r_info_type"]),
            table.get_symbol(each["r_info_sym"]).name if named and each["r_info_sym"] else "",
        )
        for each in section.iter_relocations()
    ]


def _features(section: Any) -> int | None:
    for note in section.iter_notes():
        if note["n_type"] == "NT_GNU_PROPERTY_TYPE_0":
            for each in note["n_desc"]:
                if each.pr_type == _FEATURES:
                    return int(each.pr_data)
    return None
