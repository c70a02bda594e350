"""The search for instructions that could change rights: ``mpk.scan(code)``.

Every byte offset is looked at, whatever instruction was meant there: an attacker
may jump anywhere. ``galeed-probe --scan`` does it for files and processes, and says
where a hit stands.

Source: mpk_scan.h; [ERIM].
"""

from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap

from mpk._native import ffi, lib

_ROOM = 256  # hits a call


class Gadget(IntEnum):
    """What a hit is. Values: enum mpk_gadget."""

    WRPKRU = lib.MPK_GADGET_WRPKRU
    XRSTOR = lib.MPK_GADGET_XRSTOR
    XRSTORS = lib.MPK_GADGET_XRSTORS
    WRFSBASE = lib.MPK_GADGET_WRFSBASE
    WRGSBASE = lib.MPK_GADGET_WRGSBASE


MAX_BYTES = lib.MPK_GADGET_BYTES
"""No hit is longer: windows over one piece of code must overlap by one byte less."""


@dataclass(frozen=True, order=True)
class Hit:
    """offset: bytes from the start of the code to the first one that must be there (0F, or F3).

    size: how many bytes identify the gadget, up to its ModRM byte.
    """

    offset: int
    gadget: Gadget
    size: int


def scan(code: bytes | bytearray | memoryview | mmap) -> list[Hit]:
    """The hits in code, in order.

    A gadget whose identifying bytes are not all inside is none: hand over whole runs
    of adjacent executable mappings. Raises TypeError for what is no buffer,
    BufferError for one that is not contiguous.

    >>> scan(bytes.fromhex("b8 90 0f 01 ef c3"))  # mov eax, 0xef010f90; ret
    [Hit(offset=2, gadget=<Gadget.WRPKRU: 1>, size=3)]
    """
    try:
        memoryview(code).release()
    except TypeError:
        raise TypeError(f"code is {code!r}; it must be bytes, or another buffer") from None
    found: list[Hit] = []
    with ffi.from_buffer("uint8_t[]", code) as view:
        start = ffi.new("size_t *", 0)
        hits = ffi.new("struct mpk_scan_hit[]", _ROOM)
        while start[0] < len(view):
            count = lib.mpk_scan_list(view, len(view), start, hits, _ROOM)
            found += [Hit(hit.offset, Gadget(hit.gadget), hit.bytes) for hit in hits[0:count]]
    return found
