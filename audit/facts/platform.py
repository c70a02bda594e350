"""What every program is linked to: the C library and the compilers' own."""

from __future__ import annotations

import ctypes
from functools import cache

# Beginnings of the names of shared libraries.
LIBRARIES = (
    "libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "libdl.so", "librt.so", "libutil.so", "ld-linux", "ld-musl",
    "libstdc++.so", "libc++.so", "libc++abi.so", "libunwind.so",
)  # fmt: skip
_LOADED = ("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6")


@cache
def _loaded() -> list[ctypes.CDLL]:
    found = []
    for name in _LOADED:
        try:
            found.append(ctypes.CDLL(name))
        except OSError:
            continue
    return found


def is_platform(name: str) -> bool:
    """Is it a function of these, on this machine?"""
    return any(hasattr(library, name) for library in _loaded())
