"""The scanner (mpk.scan) against a search by regular expressions, and the corpus of evasions.

The reference knows the encodings by themselves: [SDM 2] for each instruction.
"""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpk.gadgets import MAX_BYTES, Gadget, Hit, scan

MEMORY_5 = rb"[\x28-\x2f\x68-\x6f\xa8-\xaf]"  # ModRM with reg 5 and mod 0, 1, 2
MEMORY_3 = rb"[\x18-\x1f\x58-\x5f\x98-\x9f]"
PREFIXES = rb"[\x26\x2e\x36\x3e\x40-\x4f\x64-\x67]{0,11}"
REFERENCE = (
    (Gadget.WRPKRU, rb"\x0f\x01\xef"),
    (Gadget.XRSTOR, rb"\x0f\xae" + MEMORY_5),
    (Gadget.XRSTORS, rb"\x0f\xc7" + MEMORY_3),
    (Gadget.WRFSBASE, rb"\xf3" + PREFIXES + rb"\x0f\xae[\xd0-\xd7]"),
    (Gadget.WRGSBASE, rb"\xf3" + PREFIXES + rb"\x0f\xae[\xd8-\xdf]"),
)
LETTERS = bytes.fromhex("0f01efaec7f3f2f066482e286ce8d0d818dd90")
WRPKRU = b"\x0f\x01\xef"


def reference(code: bytes) -> list[Hit]:
    """Every overlapping match: the pattern stands in a lookahead."""
    return sorted(
        Hit(match.start(), gadget, len(match[1]))
        for gadget, pattern in REFERENCE
        for match in re.finditer(b"(?=(" + pattern + b"))", code, re.DOTALL)
    )


@given(st.lists(st.sampled_from(LETTERS), max_size=200).map(bytes))
@settings(max_examples=500)
def test_bytes_that_matter(code: bytes) -> None:
    assert scan(code) == reference(code)


@given(st.binary(max_size=400), st.integers(0, 40), st.lists(st.sampled_from(LETTERS), max_size=40).map(bytes))
def test_any_bytes_at_any_alignment(code: bytes, start: int, rare: bytes) -> None:
    view = memoryview(code + rare + code)[start:]
    assert scan(view) == reference(bytes(view))


def test_all_short_strings_of_bytes_that_matter() -> None:
    for length in range(5):
        for letters in itertools.product(LETTERS[:13], repeat=length):
            code = bytes(letters)
            assert scan(code) == reference(code), code.hex()


def test_all_three_byte_opcodes_from_0f() -> None:
    code = b"".join(bytes((0x0F, a, b, 0x90)) for a in range(256) for b in range(256))
    found = scan(code)
    assert found == reference(code)
    count = {gadget: sum(hit.gadget is gadget for hit in found) for gadget in Gadget}
    # 0F AE D0 and its kin are no gadgets without F3; mod 3 of /5 is LFENCE.
    assert count == {
        Gadget.WRPKRU: 1,
        Gadget.XRSTOR: 24,
        Gadget.XRSTORS: 24,
        Gadget.WRFSBASE: 0,
        Gadget.WRGSBASE: 0,
    }


@pytest.mark.parametrize("gadget", [WRPKRU, b"\x0f\xae\x6c", b"\xf3" + b"\x2e" * 11 + b"\x0f\xae\xd0"])
def test_each_place_in_each_length(gadget: bytes) -> None:
    for length in range(len(gadget), 80):
        for place in range(length - len(gadget) + 1):
            code = bytearray(b"\x0f" * length)
            code[place : place + len(gadget)] = gadget
            assert [hit.offset for hit in scan(code) if hit.size == len(gadget)] == [place]


def test_hits_by_the_thousand_are_all_listed() -> None:
    code = (WRPKRU + b"\xf3\x0f\xae\xd0") * 1000
    assert scan(code) == reference(code)
    assert len(scan(code)) == 2000


@given(st.lists(st.sampled_from(LETTERS), max_size=300).map(bytes), st.integers(1, 64))
def test_windows_that_overlap_find_the_same(code: bytes, step: int) -> None:
    """What a caller that reads by windows relies on: a hit belongs to the window that it ends in."""
    found: list[Hit] = []
    for start in range(0, len(code), step):
        before = max(0, start - (MAX_BYTES - 1))
        for hit in scan(code[before : start + step]):
            if before + hit.offset + hit.size > start:
                found.append(Hit(before + hit.offset, hit.gadget, hit.size))
    assert found == reference(code)


# ---- The corpus: how a scanner is evaded ([PKU Pitfalls], the row A5 of the attack catalogue) ----

XRSTOR_FORMS = [
    *(bytes((0x0F, 0xAE, mod << 6 | 5 << 3 | rm)) for mod in range(3) for rm in range(8)),
]
CORPUS = {
    "at offset 0": (WRPKRU, [0]),
    "at the very end": (b"\x90" * 61 + WRPKRU, [61]),
    "one behind the other": (WRPKRU * 3, [0, 3, 6]),
    "after half of one": (b"\x0f\x01" + WRPKRU, [2]),
    "after two bytes 0F": (b"\x0f\x0f" + WRPKRU, [2]),
    "as an immediate": (b"\xb8" + WRPKRU + b"\x00", [1]),
    "as a 64-bit immediate": (b"\x48\xb8\x00\x00" + WRPKRU + b"\x00\x00\x00", [4]),
    "as a displacement": (b"\x8b\x80" + WRPKRU + b"\x00", [2]),
    "as a jump's distance": (b"\xe9\x00" + WRPKRU, [2]),
    "from ModRM into a displacement": (b"\x8b\x0f\x01\xef", [1]),
    "from a displacement into an immediate": (b"\xc7\x80\x00\x00\x00\x0f\x01\xef\x00\x00", [5]),
    "from one instruction into the next": (b"\xb0\x0f\x01\xef", [1]),
    "in a 32-bit far call's target": (b"\x9a\x0f\x01\xef\x00\x23\x00", [1]),
    "behind a 32-bit far call's selector": (b"\x9a\x00\x00\x00\x00\x23\x0f\x01\xef", [6]),
    "as 32-bit code behind a far jump": (b"\xff\x2c\x24\x31\xc9\x31\xd2" + WRPKRU + b"\xcb", [7]),
    "XRSTOR under REX.W": (b"\x48\x0f\xae\x6c\x24\x40", [1]),
    "XRSTOR under every REX": (bytes((0x4F, 0x0F, 0xAE, 0x2F)), [1]),
    "XRSTOR by 16-bit addresses in 32-bit code": (b"\x67\x0f\xae\x2f", [1]),
    "WRFSBASE, 32 bits": (b"\xf3\x0f\xae\xd0", [0]),
    "WRFSBASE, 64 bits": (b"\xf3\x48\x0f\xae\xd7", [0]),
    "WRGSBASE with a prefix between": (b"\xf3\x66\x41\x0f\xae\xdf", [0]),
    "WRGSBASE with F3 twice": (b"\xf3\xf3\x0f\xae\xd8", [1]),
}
BENIGN = {
    "LFENCE": b"\x0f\xae\xe8",
    "LFENCE, all its forms": b"".join(bytes((0x0F, 0xAE, modrm)) for modrm in range(0xE8, 0xF0)),
    "MFENCE and SFENCE": b"\x0f\xae\xf0\x0f\xae\xf8",
    "INCSSPQ": b"\xf3\x48\x0f\xae\xe8",
    "XSAVE and XSAVEOPT": b"\x0f\xae\x64\x24\x40\x0f\xae\x74\x24\x40",
    "XSAVEC": b"\x0f\xc7\x64\x24\x40",
    "FXRSTOR": b"\x0f\xae\x4c\x24\x40",
    "RDPKRU": b"\x0f\x01\xee",
    "RDFSBASE and RDGSBASE": b"\xf3\x48\x0f\xae\xc0\xf3\x48\x0f\xae\xc8",
    "0F AE /2 and /3 without F3": b"\x0f\xae\xd0\x0f\xae\xd8",
    "0F AE /2 whose F3 an F2 follows": b"\xf3\xf2\x0f\xae\xd0",
    "0F AE /2 whose F3 is locked": b"\xf3\xf0\x0f\xae\xd0",
    "0F AE /2 whose F3 is in another instruction": b"\xf3\x90\x0f\xae\xd0",
    "STMXCSR under F3": b"\xf3\x0f\xae\x5c\x24\x40",
    "RDRAND and CMPXCHG16B": b"\x0f\xc7\xf0\x48\x0f\xc7\x0e",
    "a gadget that the end cuts off": b"\x90\x0f\x01",
}


@pytest.mark.parametrize("name", CORPUS)
def test_corpus(name: str) -> None:
    code, offsets = CORPUS[name]
    assert [hit.offset for hit in scan(code)] == offsets
    assert scan(code) == reference(code)


@pytest.mark.parametrize("name", BENIGN)
def test_what_looks_like_it(name: str) -> None:
    assert scan(BENIGN[name]) == []


def test_every_form_of_xrstor() -> None:
    assert [scan(form)[0].gadget for form in XRSTOR_FORMS] == [Gadget.XRSTOR] * 24


def test_a_view_that_is_not_contiguous_is_refused() -> None:
    with pytest.raises(BufferError, match="contiguous"):
        scan(memoryview(b"\x0f\x01\xef" * 4)[::2])
