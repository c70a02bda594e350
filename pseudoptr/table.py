"""The host's table of leases, in libgaleed.so: Python lends memory to rewritten C.

    table = Table()
    library = table.load("libz.so")                   # compiled by galeed-cc; a ctypes.CDLL
    with table.lend_buffer(data) as source:           # read-only, these bytes and no others
        library.crc32(0, source, len(data))

pseudoptr/docs/python.md tells all of it: what is protected, callbacks, violations, threads.

The library holds its own runtime, mpk included, and there can be one in a process:
a process that uses ``mpk.Domain`` cannot use this beside it, and is told so at
``Table()``. GALEED_LIBRARY names the file; without it cargo's target folder is
searched, the newest build first.

Errors are typed (``TableError`` and its kin, pseudoptr/errors.py) and one line long.
"""

from __future__ import annotations

import ctypes
import operator
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cffi import FFI

from pseudoptr.abi import Access, Error, Kind
from pseudoptr.attempt import attempt
from pseudoptr.errors import (
    AddressTaken,
    BadEnvironment,
    BadHandle,
    BufferRefused,
    Facts,
    ForeignException,
    LeaseEnded,
    LibraryMissing,
    NoKeys,
    NotHeap,
    NotRewritten,
    TableError,
    TableFull,
    Violation,
    WrongLibrary,
)
from pseudoptr.lent import LentBuffer, LentFunction
from pseudoptr.library import Native, library_path, require_rewritten

__all__ = [
    "AddressTaken",
    "BadEnvironment",
    "BadHandle",
    "BufferRefused",
    "Facts",
    "ForeignException",
    "LeaseEnded",
    "LeaseInfo",
    "LentBuffer",
    "LentFunction",
    "LibraryMissing",
    "NoKeys",
    "NotHeap",
    "NotRewritten",
    "Table",
    "TableError",
    "TableFull",
    "Violation",
    "WrongLibrary",
    "library_path",
]

_MASK64 = (1 << 64) - 1


@dataclass(frozen=True)
class LeaseInfo:
    """What stands behind a handle; after its end (``live`` false), what stood there."""

    handle: int
    address: int
    length_bytes: int
    index: int
    generation: int
    mapped: bool
    writable: bool
    code: bool
    live: bool


def _unsigned(name: str, number: int) -> int:
    try:
        number = operator.index(number)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {type(number).__name__}") from None
    if not 0 <= number <= _MASK64:
        raise ValueError(f"{name} must be 0 .. 2^64 - 1, not {number}")
    return number


class Table:
    """The process's table, with host rights, from the thread that calls.

    raises: LibraryMissing; NoKeys (GALEED_BACKEND=pku where there are none), AddressTaken,
    BadEnvironment, TableError when the runtime cannot start otherwise.
    """

    def __init__(self, library: Path | None = None) -> None:
        self._native = Native(library or library_path())
        self._ffi, self._library = self._native.ffi, self._native.functions
        self._check = self._native.check
        self._fail = self._native.fail

    def load(self, path: str | os.PathLike[str], ffi: FFI | None = None, *, unrewritten: Collection[str] = ()) -> Any:
        """A shared library that galeed-cc compiled: a ``ctypes.CDLL``, or what ``ffi.dlopen`` gives.

        Every function that it gives out must have been rewritten, but for those that ``unrewritten``
        names, which run with Python's rights.

        raises: NotRewritten, LibraryMissing, WrongLibrary.
        """
        file = Path(path).resolve()
        require_rewritten(file, unrewritten)
        self._check(self._library.galeed_prepare())
        try:
            return ctypes.CDLL(str(file)) if ffi is None else ffi.dlopen(str(file), os.RTLD_NOW)
        except OSError as error:
            raise LibraryMissing(f"cannot load {file}: {error}") from None

    def lend_buffer(self, data: Any, *, writable: bool = False) -> LentBuffer:
        """A lease on all bytes of ``data``, in place, until the end of ``with``.

        data: whatever has a buffer in C order: bytes (never writable), bytearray, memoryview,
        array.array, mmap, a NumPy array. It cannot be resized meanwhile.

        raises: BufferRefused, TableFull, TableError.
        """
        return LentBuffer(self._native, data, writable)

    def lend_callback(self, function: Any) -> LentFunction:
        """A lease on a function that C may call, with Python's rights, until the end of ``with``.

        function: an instance of ctypes.CFUNCTYPE, or cffi's ``ffi.callback`` or function pointer.

        raises: TypeError, TableFull.
        """
        return LentFunction(self._native, function)

    def buffer(self, length_bytes: int) -> memoryview:
        """New host-heap memory, zeroed, closed to foreign code but for what is lent of it.

        It is freed, and its leases end, when nothing refers to the view any more.

        raises: TableError when there is none.
        """
        base = self._library.galeed_heap_calloc(_unsigned("length_bytes", length_bytes), 0)
        if base == self._ffi.NULL:
            self._fail(Error.NO_MEMORY)
        owned = self._ffi.gc(base, self._library.galeed_heap_free, length_bytes)
        return memoryview(self._ffi.buffer(owned, length_bytes))

    def attempt(self, function: Any, *arguments: Any) -> Any:
        """``function(*arguments)``, of a library from ``load``, that can be stopped and come back.

        With GALEED_ON_VIOLATION=unwind a violation raises ``Violation``; C's frames are dropped,
        and what C had not finished with stays as it left it. By default the process aborts, with
        a report. A violation in a foreign call that a *callback* makes must be attempted there:
        it cannot unwind through Python's frames, and aborts.

        raises: Violation, ForeignException (C++), TypeError for what cannot be passed on
        (structures by value, variable arguments, more than 12 integers and pointers).
        """
        return attempt(self._native, function, arguments)

    def allocate(self, length_bytes: int, align: int = 0) -> int:
        """Address of new host-heap memory. raises: TableError when there is none."""
        base = self._library.galeed_heap_alloc(_unsigned("length_bytes", length_bytes), _unsigned("align", align))
        if base == self._ffi.NULL:
            self._fail(Error.NO_MEMORY)
        return int(self._ffi.cast("uintptr_t", base))

    def reallocate(self, address: int, length_bytes: int) -> int:
        """Grows or shrinks, in place or not; returns where it is now. The address must be live."""
        old = self._ffi.cast("void *", _unsigned("address", address))
        base = self._library.galeed_heap_realloc(old, _unsigned("length_bytes", length_bytes), 0)
        if base == self._ffi.NULL:
            self._fail(Error.NO_MEMORY)
        return int(self._ffi.cast("uintptr_t", base))

    def free(self, address: int) -> None:
        """pre: the base of a live allocation; anything else ends the process with one line."""
        self._library.galeed_heap_free(self._ffi.cast("void *", _unsigned("address", address)))

    def lend(self, address: int) -> int:
        """The stable handle of an address in a live allocation. raises: NotHeap, TableFull."""
        out: Any = self._ffi.new("uint64_t *")
        self._check(self._library.galeed_lend(_unsigned("address", address), out))
        return int(out[0])

    def lend_range(self, address: int, length_bytes: int, *, writable: bool = False) -> int:
        """A lease of its own, until ``revoke``. raises: NotHeap, TableFull, TableError."""
        out: Any = self._ffi.new("uint64_t *")
        arguments = _unsigned("address", address), _unsigned("length_bytes", length_bytes)
        self._check(self._library.galeed_lend_range(*arguments, int(writable), out))
        return int(out[0])

    def revoke(self, handle: int) -> None:
        """Ends the lease. raises: BadHandle."""
        self._check(self._library.galeed_revoke(_unsigned("handle", handle)))

    def check(self, handle: int, length_bytes: int, access: Access = Access.READ) -> Kind | None:
        """What an access would be: None when allowed, else the violation."""
        return self.resolve(handle, length_bytes, access)[0]

    def resolve(self, handle: int, length_bytes: int, access: Access = Access.READ) -> tuple[Kind | None, int]:
        """As ``check``, with the address that it would reach (0 when refused)."""
        out: Any = self._ffi.new("uintptr_t *")
        arguments = _unsigned("handle", handle), _unsigned("length_bytes", length_bytes)
        code = int(self._library.galeed_check(*arguments, Access(access), out))
        if code < 0:
            self._fail(code)
        return (Kind(code), 0) if code else (None, int(out[0]))

    def describe(self, handle: int) -> LeaseInfo:
        """raises: BadHandle when it was never given out or its index was used again since."""
        out: Any = self._ffi.new("struct galeed_lease *")
        self._check(self._library.galeed_describe(_unsigned("handle", handle), out))
        return LeaseInfo(
            handle=int(out.handle),
            address=int(out.address),
            length_bytes=int(out.bytes),
            index=int(out.index),
            generation=int(out.generation),
            mapped=bool(out.mapped),
            writable=bool(out.writable),
            code=bool(out.code),
            live=bool(out.live),
        )

    @property
    def live_leases(self) -> int:
        """Leases that are live now."""
        return int(self._library.galeed_live_leases())
