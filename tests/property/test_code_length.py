"""Instruction lengths (code_length.c) against a full disassembler.

The walk of a function must never be a byte off: every instruction of the C library,
the dynamic loader and this interpreter, and random bytes with every prefix.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st
from iced_x86 import Decoder

from tests import compiled
from tests.compiled import CSRC, gcc

MOST_BYTES = 400_000
LIBRARIES = ("libc.so.6", "libm.so.6", "libstdc++.so.6", "libcrypto.so.3", "libgcc_s.so.1")
Length = Callable[[bytes], int]


@pytest.fixture(scope="session")
def length() -> Length:
    source = CSRC / "code_length.c"
    flavour = gcc("gcc-trap", "-O1", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error", "-shared", "-fPIC")

    def make(to: Path) -> None:
        compiled.build([*flavour.words, source, "-o", to / "length.so"])

    library = compiled.kept("length", [CSRC], [*flavour.words, compiled.version(flavour.compiler)], make) / "length.so"
    function = ctypes.CDLL(str(library))._mpk_code_length
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return lambda code: int(function(code, len(code)))


def text_of(name: str) -> bytes:
    """Some of the library's text, as the loader would find it."""
    lines = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.splitlines()
    paths = [line.rpartition("=> ")[2] for line in lines if line.split()[0] == name and "x86-64" in line]
    if not paths:
        pytest.skip(f"no {name} on this machine")
    with Path(paths[0]).open("rb") as file:
        section = ELFFile(file).get_section_by_name(".text")
        assert section is not None
        return bytes(section.data()[:MOST_BYTES])


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_instruction_of_a_library(length: Length, name: str) -> None:
    code = text_of(name)
    known = unknown = 0
    for instruction in Decoder(64, code):
        if instruction.is_invalid:
            continue  # data of assembler code
        found = length(code[instruction.ip : instruction.ip + 15])
        assert found in (0, instruction.len), (code[instruction.ip : instruction.ip + 15].hex(), str(instruction))
        known, unknown = known + bool(found), unknown + (not found)
    assert known > 10_000
    assert unknown <= known // 10_000  # data that looks like privileged code


PREFIX = st.sampled_from([0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x2E, 0x64, 0x65, 0x40, 0x48, 0x4F])


@given(st.lists(PREFIX, max_size=3).map(bytes), st.binary(min_size=15, max_size=15))
@settings(max_examples=3000)
def test_whatever_is_an_instruction(length: Length, prefixes: bytes, rest: bytes) -> None:
    code = (prefixes + rest)[:15]
    instruction = Decoder(64, code).decode()
    if not instruction.is_invalid:
        assert length(code) in (0, instruction.len), str(instruction)


@given(st.binary(max_size=14))
def test_nothing_longer_than_what_is_there(length: Length, code: bytes) -> None:
    assert length(code) <= len(code)
