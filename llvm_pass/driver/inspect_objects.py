"""Looks into objects, archives and programs: was this rewritten, is our allocator in it?

Invariant: an answer is read from the file itself, never from a log. A file that
cannot be read as ELF is an error, not a "no".
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llvm_pass.driver.errors import DriverError

ARCHIVE_MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"
MEMBER_HEADER = 60
ELF_MAGIC = b"\x7fELF"
BITCODE_MAGICS = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
REWRITTEN_SECTION = "galeed_text"  # the passes put every rewritten function there
SYMBOL = struct.Struct("<IBBHQQ")  # Elf64_Sym
SHT_SYMTAB, SHN_UNDEF, SHF_EXECINSTR, SHT_NOBITS, STB_LOCAL = 2, 0, 4, 8, 0


@dataclass(frozen=True)
class Section:
    """One section of an ELF file."""

    name: str
    kind: int
    flags: int
    data: memoryview
    link: int


def mentions_runtime(path: Path) -> bool:
    """Does an object or archive seem to need the runtime? Cheap, may say yes too often."""
    try:
        data = path.read_bytes()
    except OSError:
        return False  # the linker says what is wrong with it
    return b"galeed_" in data


def sections(data: bytes, name: str) -> list[Section]:
    """The sections of a 64-bit little-endian ELF file. Raises: DriverError when it is none."""
    if data[:6] != ELF_MAGIC + b"\x02\x01" or len(data) < 64:
        raise DriverError(f"{name}: not a 64-bit little-endian ELF file")
    try:
        (start,) = struct.unpack_from("<Q", data, 40)
        entry_bytes, count, names_index = struct.unpack_from("<HHH", data, 58)
        if start == 0:
            return []
        view = memoryview(data)
        raw = []
        if count == 0:  # more than 65,280 sections: the number is in the first one
            (count,) = struct.unpack_from("<Q", data, start + 32)
        if names_index == 0xFFFF:
            (names_index,) = struct.unpack_from("<I", data, start + 40)
        for index in range(count):
            raw.append(struct.unpack_from("<IIQQQQIIQQ", data, start + index * entry_bytes))
        _, _, _, _, names_offset, names_bytes, *_ = raw[names_index]
        names = data[names_offset : names_offset + names_bytes]
        found = []
        for text, kind, flags, _, offset, size, link, *_ in raw:
            body = view[0:0] if kind == SHT_NOBITS else view[offset : offset + size]
            found.append(Section(_text(names, text), kind, flags, body, link))
    except (struct.error, IndexError, OverflowError) as error:
        raise DriverError(f"{name}: damaged ELF file") from error
    return found


def defines(path: Path, symbol: str) -> bool | None:
    """Does the program define this symbol? None: its symbol table was stripped.

    Raises: DriverError when it is no ELF file.
    """
    for names, entries in _symbol_tables(sections(path.read_bytes(), str(path)), str(path)):
        wanted = set()
        position = names.find(symbol.encode() + b"\0")
        while position >= 0:  # also where it is the tail of another name; those are told apart below
            wanted.add(position)
            position = names.find(symbol.encode() + b"\0", position + 1)
        return any(name in wanted and index != SHN_UNDEF for name, _, _, index, _, _ in entries)
    return None


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Objects in an archive by name (a plain object is its own only member).

    Raises: DriverError for a damaged archive.
    """
    data = path.read_bytes()
    if data.startswith(THIN_MAGIC):
        raise DriverError(f"{path}: a thin archive; its members are elsewhere")
    if not data.startswith(ARCHIVE_MAGIC):
        yield path.name, data
        return
    position, long_names = len(ARCHIVE_MAGIC), b""
    while position + MEMBER_HEADER <= len(data):
        header = data[position : position + MEMBER_HEADER]
        if header[58:60] != b"`\n" or not header[48:58].strip().isdigit():
            raise DriverError(f"{path}: damaged archive")
        size = int(header[48:58])
        name = header[:16].decode(errors="replace").rstrip()
        body = data[position + MEMBER_HEADER : position + MEMBER_HEADER + size]
        position += MEMBER_HEADER + size + size % 2
        if name == "//":
            long_names = body
        elif name not in ("/", "/SYM64/", "__.SYMDEF"):
            if name.startswith("/") and name[1:].isdigit():
                name = long_names[int(name[1:]) :].split(b"\n")[0].decode(errors="replace")
            yield name.rstrip("/"), body


def symbols(data: bytes, name: str) -> tuple[dict[tuple[int, int], set[str]], set[str]]:
    """Of an object: the global names of its code, by the place that they stand for; the names it needs.

    Raises: DriverError when it is neither ELF nor LLVM bitcode (whose names are not looked at).
    """
    entries: dict[tuple[int, int], set[str]] = {}
    needed: set[str] = set()
    if data.startswith(BITCODE_MAGICS):
        return entries, needed
    table = sections(data, name)
    for names, found in _symbol_tables(table, name):
        for text, info, _, index, value, _ in found:
            if info >> 4 == STB_LOCAL:
                continue
            if index == SHN_UNDEF:
                needed.add(_text(names, text))
            elif index < len(table) and table[index].flags & SHF_EXECINSTR:
                entries.setdefault((index, value), set()).add(_text(names, text))
    return entries, needed


def defined(data: bytes, name: str) -> set[str]:
    """All names of an object's code, those inside it too.

    Raises: DriverError when it is neither ELF nor LLVM bitcode (whose names are not looked at).
    """
    if data.startswith(BITCODE_MAGICS):
        return set()
    table = sections(data, name)
    code = {index for index, section in enumerate(table) if section.flags & SHF_EXECINSTR}
    return {
        _text(names, text)
        for names, found in _symbol_tables(table, name)
        for text, _, _, index, _, _ in found
        if index in code and text
    }


def rewritten(data: bytes, name: str) -> bool | None:
    """Was this object rewritten? None: it holds no code at all.

    Raises: DriverError when it is neither ELF nor LLVM bitcode.
    """
    if data.startswith(BITCODE_MAGICS):
        return False  # left for link-time optimisation: never saw the pass
    code = [section for section in sections(data, name) if section.flags & SHF_EXECINSTR and len(section.data)]
    if not code:
        return None
    return any(section.name == REWRITTEN_SECTION for section in code)


def _symbol_tables(table: list[Section], name: str) -> Iterator[tuple[bytes, Iterator[tuple[int, ...]]]]:
    """Of each symbol table: the bytes that names are offsets into, and the entries."""
    for section in table:
        if section.kind != SHT_SYMTAB:
            continue
        if section.link >= len(table):
            raise DriverError(f"{name}: damaged ELF file")
        usable = len(section.data) - len(section.data) % SYMBOL.size
        yield table[section.link].data.tobytes(), SYMBOL.iter_unpack(section.data[:usable])


def _text(names: bytes, start: int) -> str:
    return names[start : names.find(b"\0", start)].decode(errors="replace")
