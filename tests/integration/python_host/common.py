"""What the scenarios of host.py share: the library's functions with their types, and verdicts."""

from __future__ import annotations

import ctypes
import os
from typing import Any

from cffi import FFI

from pseudoptr import Table
from pseudoptr.table import Violation

POINTER, SIZE, OFFSET = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t
VISITOR = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_int)
DECLARED = """
long total(const unsigned char *, size_t); void put(unsigned char *, ptrdiff_t, int);
int each(const unsigned char *, size_t, int (*)(void *, int), void *);
double scale(double, int, double); float half(float); unsigned char *find(const unsigned char *, int, size_t);
long weigh(long, long, long, long, long, long, long, long, long, long, long, long);
"""
TYPES: dict[str, list[Any]] = {
    "total": [POINTER, SIZE],
    "fill": [POINTER, SIZE, ctypes.c_int],
    "put": [POINTER, OFFSET, ctypes.c_int],
    "get": [POINTER, OFFSET],
    "keep": [POINTER],
    "get_kept": [],
    "peek": [SIZE],
    "each": [POINTER, SIZE, POINTER, POINTER],
    "keep_visitor": [POINTER],
    "call_kept": [ctypes.c_int],
    "advance": [POINTER, ctypes.c_int],
    "wait_for": [POINTER, POINTER, ctypes.c_int],
}


def typed(library: Any) -> Any:
    for name, types in TYPES.items():
        getattr(library, name).argtypes = types
    library.total.restype = ctypes.c_long
    return library


def by_ctypes(table: Table) -> Any:
    return typed(table.load(os.environ["FOREIGN"]))


def by_cffi(table: Table) -> tuple[Any, Any]:
    ffi = FFI()
    ffi.cdef(DECLARED)
    return ffi, table.load(os.environ["FOREIGN"], ffi)


def violated(table: Table, function: Any, *arguments: Any) -> str:
    """Which rule the call broke, in a word."""
    try:
        table.attempt(function, *arguments)
    except Violation as violation:
        return violation.kind.name.lower()
    return "none"
