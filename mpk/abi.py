"""The constants of mpk.h, typed. Each value comes out of the compiled header; none is written here."""

from enum import IntEnum, IntFlag
from typing import Final

from mpk._native import lib

HOST_BASE: Final = lib.MPK_HOST_BASE
"""First address of the host domain."""
HOST_SHIFT: Final = lib.MPK_HOST_SHIFT
"""log2 of its size in bytes."""
PUBLISHED_BASE: Final = lib.MPK_PUBLISHED_BASE
"""First address of the range that foreign code may read and only the host may write."""
PUBLISHED_BYTES: Final = lib.MPK_PUBLISHED_BYTES
PUBLISHED_USER: Final = lib.MPK_PUBLISHED_USER
"""From this address on the published range belongs to the layer above."""
PAGE_BYTES: Final = lib.MPK_PAGE_BYTES
GATE_DEPTH: Final = lib.MPK_GATE_DEPTH
"""How many gates may nest in one thread."""
THREADS: Final = lib.MPK_THREADS
"""How many threads may be alive at once."""


class Backend(IntEnum):
    """What enforces rights: protection keys (per thread) or page protections (per process)."""

    PKU = lib.MPK_BACKEND_PKU
    MPROTECT = lib.MPK_BACKEND_MPROTECT


class Rights(IntEnum):
    """What code may do with a domain's memory. Ordered: each includes the ones before it."""

    NONE = lib.MPK_NONE
    READ = lib.MPK_READ
    READ_WRITE = lib.MPK_READ_WRITE


class HeapParts(IntFlag):
    """Parts of heap hardening; any of them together. Source: mpk_heap.h."""

    DEFAULT = lib.MPK_HEAP_DEFAULT
    """None of them."""
    RANDOM = lib.MPK_HEAP_RANDOM
    """Blocks of a span are given out in random order."""
    GUARDS = lib.MPK_HEAP_GUARDS
    """An inaccessible page before and behind each huge allocation."""
    QUARANTINE = lib.MPK_HEAP_QUARANTINE
    """What is freed is reused late, in random order."""
    ZERO = lib.MPK_HEAP_ZERO
    """What is freed is zeroed; with QUARANTINE, a write after the free is found later."""
    HARDENED = lib.MPK_HEAP_HARDENED
    """All of them."""


HEAP_HUGE_BYTES: Final = lib.MPK_HEAP_HUGE_BYTES
"""From this many bytes on an allocation is huge."""
