"""ELF facts: the tables agree with pyelftools' own reading, and no bytes make a crash, a hang or much memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.errors import AuditError
from audit.facts.binary import archive, elf, layouts, units
from audit.rules import RULES
from audit.run import findings
from audit.subject import Subject

_LIBRARY = Path(sys.executable).resolve()
_C = "struct s { int a; long b; }; struct s kept; extern int puts(const char *); int f(struct s *p) { return puts((char *)p); }"


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A relocatable object, a shared library, both with DWARF, and an archive: small ones."""
    folder = tmp_path_factory.mktemp("seeds")
    (folder / "f.c").write_text(_C, encoding="utf-8")
    for words in (["-c", "-o", "f.o"], ["-shared", "-fPIC", "-o", "f.so"]):
        subprocess.run(["cc", "-g", "f.c", *words], check=True, cwd=folder)
    subprocess.run(["ar", "rcs", "f.a", "f.o"], check=True, cwd=folder)
    return {name: (folder / name).read_bytes() for name in ("f.o", "f.so", "f.a")}


def test_tables_are_as_pyelftools_reads_them() -> None:
    ours = elf.read("it", _LIBRARY.read_bytes())
    with _LIBRARY.open("rb") as file:
        theirs: Any = ELFFile(file)
        for name, table in ((".dynsym", ours.dynamic_symbols), (".symtab", ours.symbols)):
            section = theirs.get_section_by_name(name)
            wanted = [(each.name, each["st_value"], each["st_size"]) for each in section.iter_symbols()]
            assert [(each.name, each.address, each.bytes) for each in table] == wanted
        relocating = [theirs.get_section_by_name(name) for name in (".rela.dyn", ".rela.plt")]
        names = theirs.get_section_by_name(".dynsym")
        wanted_relocations = [
            (each["r_offset"], each["r_info_type"], names.get_symbol(each["r_info_sym"]).name)
            for section in relocating
            if section
            for each in section.iter_relocations()
            if each["r_info_type"] != 8 or each["r_info_sym"]
        ]
    assert [tuple(each) for each in ours.relocations] == wanted_relocations and wanted_relocations
    assert ours.defines(["nothing", "main"]) and not ours.defines(["nothing", "printf"])


def _judge(data: bytes) -> None:
    """As the command does, but for where the bytes come from."""
    subject = Subject()
    try:
        if data.startswith(archive.MAGIC):
            for name, body in archive.members("it", data):
                subject.elfs.append(elf.read(name, body))
        else:
            subject.elfs.append(elf.read("it", data))
    except AuditError:
        return  # one line each: what a damaged input is
    for name, body in archive.members("it", data) if data.startswith(archive.MAGIC) else [("it", data)]:
        with suppress(AuditError):  # of DWARF
            layouts.read(name, body, layouts.Layouts())
        with suppress(AuditError):
            units.read(name, body, [(0, 1 << 63)])
    findings(subject, [rule for rule in RULES if rule.id.startswith("E")])


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [
        (40, "<Q", 0xFFFFFFFFFFFFFF00),  # e_shoff
        (40, "<Q", 64),  # section headers over whatever follows
        (56, "<H", 0xFFFF),  # e_phnum: look in section 0
        (58, "<H", 0),  # e_shentsize
        (60, "<H", 0),  # e_shnum: look in section 0
        (60, "<H", 0xFFFF),
        (62, "<H", 0xFFFF),  # e_shstrndx: look in section 0
    ],
)
@pytest.mark.parametrize("seed", ["f.o", "f.so"])
def test_counts_in_the_header(seeds: dict[str, bytes], seed: str, offset: int, form: str, value: int) -> None:
    data = bytearray(seeds[seed])
    struct.pack_into(form, data, offset, value)
    sections = struct.unpack_from("<Q", seeds[seed], 40)[0]
    struct.pack_into("<Q", data, sections + 32, 1 << 62)  # sh_size of section 0: as many
    struct.pack_into("<I", data, sections + 44, 0xFFFFFFFF)  # sh_info of section 0
    _judge(bytes(data))


def test_sizes_in_section_headers_take_no_memory(seeds: dict[str, bytes]) -> None:
    data = bytearray(seeds["f.so"])
    start, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    for number in range(1, count):
        struct.pack_into("<Q", data, start + number * 64 + 32, 1 << 40)
    tracemalloc.start()
    _judge(bytes(data))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 64 << 20


@settings(
    max_examples=150, deadline=5000, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.sampled_from(["f.o", "f.so", "f.a"]),
    changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), max_size=12),
    cut=st.one_of(st.none(), st.integers(0, 1 << 20)),
    in_tables=st.booleans(),
)
def test_changed_bytes(
    seeds: dict[str, bytes], seed: str, changes: list[tuple[int, int]], cut: int | None, in_tables: bool
) -> None:
    data = bytearray(seeds[seed])
    for place, value in changes:
        # Headers stand at both ends of a file: there a change means most.
        where = len(data) - 1 - place % min(len(data), 2600) if in_tables else place % len(data)
        data[where] = value
    _judge(bytes(data if cut is None else data[: cut % len(data)]))


def test_an_open_file_is_as_its_bytes(seeds: dict[str, bytes]) -> None:
    assert elf.read("it", io.BytesIO(seeds["f.so"])) == elf.read("it", seeds["f.so"])
