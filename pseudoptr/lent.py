"""Leases that Python holds: on a buffer's bytes, and on a function that C calls back.

Invariant: what is lent stays where it is until its lease has ended, whoever forgets what: the
finalizer ends the lease and only then gives up the buffer (which is exported meanwhile, so that it
cannot be resized or closed) or the function.

A buffer is lent where it is. In Python's own heap, which foreign code reaches by raw address
anyway, a lease means exact bounds, rights and an end for all accesses through the
pseudo-pointer; memory from ``Table.buffer`` is closed to all others.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import weakref
from _ctypes import CFuncPtr
from typing import Any, Self

from pseudoptr.errors import BadHandle, BufferRefused, LeaseEnded
from pseudoptr.library import Native


class Lease:
    """A pseudo-pointer, until the end of ``with``, or ``end()``, or of this object.

    ``int(lease)`` is the pseudo-pointer, for ``ffi.cast("char *", int(lease))``; to ctypes the
    object itself can be passed, as a ``c_void_p``.
    """

    def __init__(self, native: Native, handle: int, kept: tuple[Any, ...]) -> None:
        self._handle = handle
        self._finish = weakref.finalize(self, _end, native, handle, kept)

    @property
    def live(self) -> bool:
        """Has it not been ended here? (It ends with a heap allocation, too.)"""
        return self._finish.alive

    @property
    def handle(self) -> int:
        """The pseudo-pointer to its first byte. raises: LeaseEnded."""
        if not self.live:
            raise LeaseEnded("this lease has ended: what it stood for is not lent any more")
        return self._handle

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.handle)

    def __index__(self) -> int:
        return self.handle

    __int__ = __index__

    def end(self) -> None:
        """Ends it; once is enough."""
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class LentBuffer(Lease):
    """A lease on all bytes of a buffer. From ``Table.lend_buffer``."""

    def __init__(self, native: Native, data: Any, writable: bool) -> None:
        ffi: Any = native.ffi
        view = _viewed(data)
        if not view.c_contiguous:
            raise BufferRefused("the buffer's bytes do not lie in one piece (C order): lend a copy of it")
        if writable and _has_objects(view):
            raise BufferRefused(
                f"the buffer ({type(data).__name__}) holds Python's references, and cannot be lent writable"
            )
        if writable and view.readonly:
            raise BufferRefused(f"the buffer ({type(data).__name__}) is read-only, and cannot be lent writable")
        memory = ffi.from_buffer("char[]", view, require_writable=writable)
        self.address = int(ffi.cast("uintptr_t", memory))
        self.length_bytes = view.nbytes
        self.writable = writable
        out: Any = ffi.new("uint64_t *")
        native.check(native.functions.galeed_lend_mapped(self.address, self.length_bytes, int(writable), out))
        super().__init__(native, int(out[0]), (memory, view))


class LentFunction(Lease):
    """A lease on a function, for C to call. From ``Table.lend_callback``."""

    def __init__(self, native: Native, function: Any) -> None:
        out: Any = native.ffi.new("uint64_t *")
        native.check(native.functions.galeed_lend_code(address_of(native, function), out))
        super().__init__(native, int(out[0]), (function,))


def address_of(native: Native, function: Any) -> int:
    """Where a function lies that is ctypes' or cffi's. raises: TypeError, a null pointer among them."""
    at = None
    if isinstance(function, CFuncPtr):
        at = ctypes.cast(function, ctypes.c_void_p).value or 0
    elif isinstance(function, native.ffi.CData) and native.ffi.typeof(function).kind == "function":
        at = int(native.ffi.cast("uintptr_t", function))
    if at == 0:
        raise TypeError("a null pointer is no function")
    if at is not None:
        return at
    raise TypeError(
        f"{type(function).__name__} is no function pointer of ctypes' or cffi's (of a compiled cffi "
        "module: ffi.addressof(lib, name))"
    )


def _viewed(data: Any) -> memoryview:
    try:
        return memoryview(data)
    except TypeError:
        raise BufferRefused(f"{type(data).__name__} has no buffer: lend bytes, a bytearray or the like") from None
    except (BufferError, ValueError) as error:  # ValueError: it was released, or closed
        raise BufferRefused(f"{type(data).__name__} does not give its buffer: {error}") from None


def _has_objects(view: memoryview) -> bool:
    """Does the format, without the names of fields, have a code for objects (PEP 3118)?"""
    return "O" in re.sub(":[^:]*:", "", view.format)


def _end(native: Native, handle: int, kept: tuple[Any, ...]) -> None:
    with contextlib.suppress(BadHandle):  # it ended with its allocation
        native.check(native.functions.galeed_revoke(handle))
    for each in kept:
        if isinstance(each, memoryview):
            each.release()
        elif isinstance(each, native.ffi.CData) and native.ffi.typeof(each).kind == "array":
            native.ffi.release(each)
