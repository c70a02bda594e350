"""The constants of mpk.h, typed. Each value comes out of the compiled header; none is written here."""

from enum import IntEnum
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
