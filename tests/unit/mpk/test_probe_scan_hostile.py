"""galeed-probe --scan on files made to be called clean, to crash it, or to keep it busy.

Each file is built here. What a kernel or a linker would make executable is found; what
is not understood is unread (exit code 2), in one line.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Outcome
from tests.unit.mpk.conftest import PROBE, WRPKRU, Scan

Probe = Callable[..., Outcome]
PAGE = 4096
LOAD, STACK, EH_FRAME = 1, 0x6474E551, 0x6474E550
R, RW, RX, RWX = 4, 6, 5, 7
NO_EXECUTABLE_STACK = (STACK, RW, 0, 0, 0)
Segment = tuple[int, int, int, int, int]


def program(data: bytes, *segments: Segment, bits: int = 64, kind: int = 3) -> bytearray:
    """An ELF file with data at PAGE. A segment: type, flags, offset, address, size."""
    machine, header_bytes, entry_bytes = (62, 64, 56) if bits == 64 else (3, 52, 32)
    word = "Q" if bits == 64 else "I"
    ident = b"\x7fELF" + bytes((bits // 32, 1, 1)) + bytes(9)
    fields = (kind, machine, 1, 0, header_bytes, 0, 0, header_bytes, entry_bytes, len(segments), 0, 0, 0)
    made = bytearray(ident + struct.pack(f"<HHI{word * 3}IHHHHHH", *fields))
    for of, flags, offset, address, size in segments:
        if bits == 64:
            made += struct.pack("<IIQQQQQQ", of, flags, offset, address, address, size, size, PAGE)
        else:
            made += struct.pack("<IIIIIIII", of, offset, address, address, size, size, flags, PAGE)
    return made.ljust(PAGE, b"\0") + data


def relocatable(*sections: tuple[str, int, int, bytes]) -> bytearray:
    """An object file. A section: name, type, flags, content."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name, *_ in sections) + b".shstrtab\0"
    data, rows = bytearray(64), [bytes(64)]
    for name, kind, flags, content in (*sections, (".shstrtab", 3, 0, names)):
        rows.append(
            struct.pack("<IIQQQQIIQQ", names.index(name.encode()), kind, flags, 0, len(data), len(content), 0, 0, 1, 0)
        )
        data += content
    fields = (1, 62, 1, 0, 0, len(data), 0, 64, 0, 0, 64, len(rows), len(rows) - 1)
    data[:64] = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", *fields)
    return data + b"".join(rows)


@pytest.fixture
def unread(tmp_path: Path, probe: Probe) -> Callable[[bytes | bytearray, str], None]:
    """Asserts that the file is refused in one line that says why."""

    def check(data: bytes | bytearray, words: str) -> None:
        (tmp_path / "sample").write_bytes(data)
        outcome = probe(tmp_path / "sample")
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        assert words in outcome.stderr and outcome.stderr.count("\n") == 1, outcome

    return check


@pytest.fixture
def offsets(tmp_path: Path, scan: Scan) -> Callable[[bytes | bytearray], list[int]]:
    """Where in the file gadgets are found; the exit code fits."""

    def call(data: bytes | bytearray) -> list[int]:
        (tmp_path / "sample").write_bytes(data)
        code, found = scan(tmp_path / "sample")
        assert code == (1 if found["hits"] else 0), found
        return [hit["file_offset"] for hit in found["hits"]]

    return call


Unread = Callable[[bytes | bytearray, str], None]
Offsets = Callable[[bytes | bytearray], list[int]]


def test_the_class_and_the_cpu_must_agree(unread: Unread, offsets: Offsets) -> None:
    """execve looks at the CPU alone: the file that says 32 bits runs all the same."""
    data = program(WRPKRU, (LOAD, RX, PAGE, PAGE, 3), NO_EXECUTABLE_STACK)
    assert offsets(data) == [PAGE]
    for place, value in ((4, 1), (5, 2), (54, 32)):
        changed = bytearray(data)
        changed[place] = value
        unread(changed, "cut off or damaged")


def test_overlapping_segments(offsets: Offsets) -> None:
    """Later headers win, whatever their addresses are; what they leave of others stays."""
    code = bytearray(8 * PAGE)
    for page in range(8):
        code[page * PAGE + 100 : page * PAGE + 103] = WRPKRU
    whole, inside = (LOAD, RX, PAGE, PAGE, 4 * PAGE), (LOAD, RX, 6 * PAGE, 2 * PAGE, 16)
    found = offsets(program(bytes(code), whole, inside, NO_EXECUTABLE_STACK))
    assert found == [PAGE + 100, 6 * PAGE + 100, 3 * PAGE + 100, 4 * PAGE + 100]
    found = offsets(program(bytes(code), inside, whole, NO_EXECUTABLE_STACK))
    assert found == [page * PAGE + 100 for page in (1, 2, 3, 4)]


@pytest.mark.parametrize("bits", [32, 64])
def test_all_memory_may_be_executable(offsets: Offsets, bits: int) -> None:
    """READ_IMPLIES_EXEC, which a program gets by its stack's header, or by having none."""
    constants = (LOAD, R, PAGE, PAGE, 3)
    assert offsets(program(WRPKRU, constants, NO_EXECUTABLE_STACK, bits=bits)) == []
    assert offsets(program(WRPKRU, constants, bits=bits)) == [PAGE]
    assert offsets(program(WRPKRU, constants, (STACK, RWX, 0, 0, 0), bits=bits)) == [PAGE]
    last_counts = (NO_EXECUTABLE_STACK, (STACK, RWX, 0, 0, 0))
    assert offsets(program(WRPKRU, constants, *last_counts, bits=bits)) == [PAGE]


@pytest.mark.parametrize("section", [(".code", 14, 6), (".text", 1, 2), (".text.x", 0x60000001, 2), ("x", 7, 4)])
def test_sections_that_linkers_make_code(offsets: Offsets, section: tuple[str, int, int]) -> None:
    """Of whatever type, and by their name where their flags say data."""
    name, kind, flags = section
    assert offsets(relocatable((name, kind, flags, b"\x90" + WRPKRU))) == [65]
    assert offsets(relocatable((".rodata", 1, 2, WRPKRU))) == []


def test_program_headers_do_not_hide_an_objects_sections(offsets: Offsets) -> None:
    data = relocatable((".text", 1, 6, WRPKRU))
    data[32:40] = len(data).to_bytes(8, "little")
    data[54:58] = bytes((56, 0, 1, 0))
    assert offsets(data + struct.pack("<IIQQQQQQ", *NO_EXECUTABLE_STACK, 0, 0, 0)) == [64]


def test_objects_that_cannot_be_read(unread: Unread) -> None:
    unread(relocatable((".text", 1, 6 | 0x800, WRPKRU)), "compressed")
    data = relocatable((".text", 1, 6, WRPKRU))
    rows = int.from_bytes(data[40:48], "little")
    for field in (24, 32):  # offset, size
        for value in (1 << 62, 1 << 63, (1 << 64) - 1):
            changed = bytearray(data)
            changed[rows + 64 + field : rows + 72 + field] = value.to_bytes(8, "little")
            unread(changed, "cut off")
    for count in (0, 0xFFFF):  # as many as the first section says; more than there are
        changed = bytearray(data)
        changed[60:62] = count.to_bytes(2, "little")
        changed[rows + 32 : rows + 40] = b"\xff" * 8
        unread(changed, "neither segments nor sections")


def test_program_headers_that_no_kernel_takes(unread: Unread) -> None:
    """Their number, from a section header: no end of it was seen."""
    data = program(WRPKRU, (LOAD, RX, PAGE, PAGE, 3))
    data[40:48] = (PAGE * 2).to_bytes(8, "little")
    data[56:58] = b"\xff\xff"
    data[58:64] = bytes((64, 0, 1, 0, 0, 0))
    section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0, 0)
    unread(data.ljust(PAGE * 2, b"\0") + section, "no kernel takes")
    many = [(LOAD, RX, 0, PAGE * page, 1) for page in range(1171)]
    header = program(b"", *many)
    unread(header, "no kernel takes")


def test_segments_that_cannot_be_mapped(unread: Unread) -> None:
    unread(program(WRPKRU, (LOAD, RX, PAGE, PAGE + 1, 3)), "do not fit")
    unread(program(WRPKRU, (LOAD, RX, PAGE, (1 << 64) - PAGE, PAGE + 3)), "cut off")
    unread(program(bytes(2 * PAGE), (LOAD, RX, PAGE, (1 << 64) - PAGE, 2 * PAGE)), "do not fit")
    unread(program(WRPKRU, (LOAD, RX, PAGE, PAGE, 3), kind=9), "neither a program")
    unread(program(WRPKRU), "neither segments nor sections")


@pytest.mark.parametrize("size", range(12, 30))
def test_an_unwind_table_of_any_size(offsets: Offsets, size: int) -> None:
    table = b"\x01\x1b\x03\x3b" + bytes(40)
    segments = ((LOAD, RX, PAGE, PAGE, 100), (EH_FRAME, R, PAGE + 3, PAGE + 3, size), NO_EXECUTABLE_STACK)
    assert offsets(program(WRPKRU + table + bytes(100), *segments)) == [PAGE]


def test_a_symbol_table_that_is_its_own_string_table(tmp_path: Path, probe: Probe) -> None:
    data = program(WRPKRU, (LOAD, RX, PAGE, PAGE, 3), NO_EXECUTABLE_STACK)
    data[40:48] = len(data).to_bytes(8, "little")
    data[58:64] = bytes((64, 0, 1, 0, 0, 0))
    (tmp_path / "sample").write_bytes(data + struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, PAGE, 3, 0, 0, 0, 24))
    assert probe(tmp_path / "sample").code == 1


def test_files_that_say_they_are_empty(probe: Probe) -> None:
    outcome = probe("/proc/self/maps")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert "more bytes than its size says" in outcome.stderr


def test_an_archive_without_its_objects(unread: Unread) -> None:
    unread(b"!<thin>\n" + b"/               0           0     0     0       4         `\n\0\0\0\0", "thin archive")


HOSTILE_NAME = '.text\n.globl "{0}"\n.type "{0}", @function\n"{0}": wrpkru\n ret\n.size "{0}", 4\n'


def test_names_do_not_break_lines(gcc: Callable[..., Path], probe: Probe, tmp_path: Path) -> None:
    sample = gcc("sample.s", HOSTILE_NAME.format("one_name"), "-nostdlib", "-shared", "-Wl,-z,noexecstack")
    sample.write_bytes(sample.read_bytes().replace(b"one_name", b"a\nb\x1b[2Jc"))
    sample = sample.rename(tmp_path / "sam\nple")
    outcome = probe(sample)
    assert outcome.code == 1
    assert "  in    sam\\nple, a\\nb\\x1b[2Jc+0x0\n" in outcome.stdout, outcome
    assert probe(tmp_path / "no\nsuch").stderr.count("\n") == 1


@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "utf-8:strict"}, {"PYTHONIOENCODING": "ascii:strict"}])
def test_names_of_any_script(gcc: Callable[..., Path], tmp_path: Path, settings: dict[str, str]) -> None:
    sample = gcc("sample.s", HOSTILE_NAME.format("één"), "-nostdlib", "-shared", "-Wl,-z,noexecstack")
    target = os.fsencode(tmp_path) + b"/n\xff"
    sample.rename(os.fsdecode(target))
    words: list[str | bytes] = [*PROBE, "--scan", target]
    done = subprocess.run(words, capture_output=True, check=False, cwd=ROOT, env={**os.environ, **settings})
    assert (done.returncode, done.stderr) == (1, b""), done
    assert b"n\\udcff" in done.stdout and (b"\\xe9\\xe9n" in done.stdout or "één".encode() in done.stdout)


def test_addresses_that_are_no_integers() -> None:
    """Run apart: a page group begins the runtime."""
    code = """if True:
        import mpk
        group = mpk.PageGroup(7, 4096)
        for address in (float("nan"), 1.5, "1", None):
            try:
                group.free(address)
            except TypeError:
                continue
            raise SystemExit(repr(address))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
