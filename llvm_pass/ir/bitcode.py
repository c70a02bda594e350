"""The first block of a bitcode file: who wrote it.

Read without LLVM, so that a module which our LLVM cannot read can still be
named. Source: LLVM's BitCodeFormat document: bitstream container, wrapper
magic, IDENTIFICATION_BLOCK. Assumes hostile bytes: every read is bounded.
"""

from __future__ import annotations

from llvm_pass.ir._bitstream import BitReader, BitstreamError

MAGIC = b"BC\xc0\xde"
WRAPPER_MAGIC = b"\xde\xc0\x17\x0b"
_IDENTIFICATION_BLOCK = 13
_STRING_RECORD = 1


def is_bitcode(data: bytes) -> bool:
    """By magic, never by a file's name."""
    return data.startswith((MAGIC, WRAPPER_MAGIC))


def producer(data: bytes) -> str | None:
    """ "LLVM22.1.8" and the like; None when the file does not say."""
    if data.startswith(WRAPPER_MAGIC):
        if len(data) < 20:
            return None
        offset = int.from_bytes(data[8:12], "little")
        data = data[offset : offset + int.from_bytes(data[12:16], "little")]
    if not data.startswith(MAGIC):
        return None
    try:
        return _identification(BitReader(data[4:4096]))
    except BitstreamError:
        return None


def _identification(bits: BitReader) -> str | None:
    abbreviation_width = 2
    if bits.fixed(abbreviation_width) != 1 or bits.vbr(8) != _IDENTIFICATION_BLOCK:
        return None
    abbreviation_width = bits.vbr(4)
    bits.align()
    bits.fixed(32)
    abbreviations: list[list[tuple[str, int]]] = []
    for _ in range(16):
        kind = bits.fixed(abbreviation_width)
        if kind == 0:  # end of block
            return None
        if kind == 2:
            abbreviations.append(bits.abbreviation())
            continue
        record = bits.unabbreviated() if kind == 3 else bits.abbreviated(abbreviations, kind - 4)
        if record and record[0] == _STRING_RECORD:
            return "".join(chr(value & 0x7F) for value in record[1:])
    return None
