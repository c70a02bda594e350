"""The real table, in libgaleed.so, from Python (cffi's ABI mode).

    table = Table()
    memory = table.allocate(100)
    handle = table.lend(memory)
    table.check(handle + 100, 1)        # Kind.SPATIAL

The library holds its own runtime, mpk included, and there can be one in a process:
a process that uses ``mpk.Domain`` cannot use this beside it, and is told so at
``Table()``. GALEED_LIBRARY names the file; without it cargo's target folder is
searched, the newest build first.

Errors are typed (``TableError`` and its kin) and one line long.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from cffi import FFI

from pseudoptr import abi
from pseudoptr.abi import Access, Error, Kind

_ROOT = Path(__file__).resolve().parent.parent
_MASK64 = (1 << 64) - 1


class TableError(Exception):
    """The table refused an operation. ``code``: the number in galeed.h or mpk.h."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class LibraryMissing(TableError):
    """libgaleed.so is not there or cannot be loaded."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class TableFull(TableError):
    """No free index for an object of that size."""


class NotHeap(TableError):
    """The address is in no live allocation of the host heap."""


class BadHandle(TableError):
    """Not a live pseudo-pointer."""


_ERRORS: dict[int, type[TableError]] = {
    Error.FULL: TableFull,
    Error.NOT_HEAP: NotHeap,
    Error.HANDLE: BadHandle,
}


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


def library_path() -> Path:
    """Where libgaleed.so is. raises: LibraryMissing."""
    named = os.environ.get("GALEED_LIBRARY")
    if named:
        if not Path(named).is_file():
            raise LibraryMissing(f"GALEED_LIBRARY={named}: no such file")
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or _ROOT / "target")
    built = [path for kind in ("release", "debug") if (path := target / kind / "libgaleed.so").is_file()]
    if not built:
        raise LibraryMissing(
            f"no libgaleed.so in {target}: run `cargo rustc -p galeed --lib --crate-type cdylib`, or set GALEED_LIBRARY"
        )
    return max(built, key=lambda path: path.stat().st_mtime)


@cache
def _ffi() -> FFI:
    ffi = FFI()
    ffi.cdef(abi.declarations())
    return ffi


def _unsigned(name: str, number: int) -> int:
    if not 0 <= number <= _MASK64:
        raise ValueError(f"{name} must be 0 .. 2^64 - 1, not {number}")
    return number


class Table:
    """The process's table, with host rights, from the thread that calls.

    raises: LibraryMissing; TableError when the runtime cannot start (no PKU where
    GALEED_BACKEND demands it, the fixed range taken, a bad GALEED_* value).
    """

    def __init__(self, library: Path | None = None) -> None:
        path = library or library_path()
        self._ffi = _ffi()
        try:
            loaded: Any = self._ffi.dlopen(str(path))
            start = loaded.galeed_start
        except (OSError, AttributeError) as error:
            raise LibraryMissing(f"cannot load {path}: {error}") from None
        self._library = loaded
        self._check(start())

    def _fail(self, code: int) -> NoReturn:
        message = self._ffi.string(self._library.galeed_strerror(code))
        text = message.decode() if isinstance(message, bytes) else str(message)
        raise _ERRORS.get(code, TableError)(code, text)

    def _check(self, code: int) -> None:
        if code != 0:
            self._fail(code)

    def allocate(self, length_bytes: int, align: int = 0) -> int:
        """Address of new host-heap memory. raises: TableError when there is none."""
        base = self._library.galeed_heap_alloc(_unsigned("length_bytes", length_bytes), align)
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
        code = int(self._library.galeed_check(*arguments, int(access), out))
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
