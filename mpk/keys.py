"""Virtual keys: thousands of page groups over the hardware's fifteen keys.

A page group is memory under a number of the program's choice. A thread *begins* it
to get rights and *ends* it to give them back; ``protect`` sets the rights of the
whole process. See mpk_keys.h for the contract and for what differs on the mprotect
backend, where all rights are the process's.

    >>> import mpk
    >>> with mpk.PageGroup(7, 4096) as group:
    ...     with group.begun(mpk.Prot.READ | mpk.Prot.WRITE) as memory:
    ...         memory[0:5] = b"hello"
    ...     with group.begun(mpk.Prot.READ) as memory:
    ...         bytes(memory[0:5])
    b'hello'

Invariant: a ``with`` that began a group ends it on the same thread.

Attacker: none in this file; native extensions in the process run with Python's
rights, only code behind a gate does not.

Source: mpk_keys.h; [libmpk].
"""

from __future__ import annotations

import contextlib
import mmap
import operator
import threading
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Self

from mpk._native import ffi, lib
from mpk.arguments import flags_of
from mpk.errors import InvalidArgumentError, RightsError, VirtualKeyError, check

if TYPE_CHECKING:
    from collections.abc import Iterator

_INT_MAX = (1 << 31) - 1
_UINT_MAX = (1 << 32) - 1


class Prot(IntFlag):
    """Protection of pages, as mprotect(2) knows it."""

    NONE = 0
    READ = mmap.PROT_READ
    WRITE = mmap.PROT_WRITE
    EXEC = mmap.PROT_EXEC


@dataclass(frozen=True)
class KeyStatistics:
    """Page groups and hardware keys now, and counts since the start. Source: mpk_keys.h."""

    groups: int
    resident: int
    """Groups that hold a hardware key now (mprotect: 0)."""
    pinned: int
    """Groups that some thread has begun now."""
    keys: int
    """Hardware keys that virtual keys have taken (mprotect: 0)."""
    hits: int
    misses: int
    evictions: int
    syncs: int
    """Rounds of signals to other threads."""
    fallbacks: int
    """Changes that a thread's silence sent to the page tables."""


def init_keys(evict_rate: float = 1.0) -> None:
    """Starts virtual keys, or changes the rate. Everything else does it on demand.

    evict_rate: the part of ``protect``'s misses that take another group's key, 0 to
    1; the others change page tables. Negative: all.

    Raises InvalidArgumentError, KernelError, and what mpk.start() raises.

    >>> init_keys(0.5)
    """
    check(lib.mpk_init(evict_rate))


def keys_wait(seconds: float) -> None:
    """How long ``begin`` waits when every hardware key is held, before PinnedError; 0: not at all.

    Of the whole process. Raises InvalidArgumentError for a negative or huge time.

    >>> keys_wait(0.25)
    """
    milliseconds = seconds * 1000
    if not 0 <= milliseconds <= _UINT_MAX:
        raise InvalidArgumentError(f"seconds is {seconds}; it must be 0 or more, and less than 49 days")
    init_keys(-1.0)
    lib.mpk_keys_wait(int(milliseconds))


def keys_statistics() -> KeyStatistics:
    """What virtual keys have done so far.

    >>> keys_statistics().pinned
    0
    """
    out: Any = ffi.new("struct mpk_keys_stats *")
    lib.mpk_keys_statistics(out)
    return KeyStatistics(**{name: int(getattr(out, name)) for name in KeyStatistics.__dataclass_fields__})


class PageGroup:
    """Fresh zero pages under a virtual key; closed until begun or opened by ``protect``.

    vkey: 0 to 2**31 - 1. size_bytes: at least 1, rounded up to pages. prot: the most
    that ``begin`` and ``protect`` may ask for; it includes READ if it includes WRITE.

    Raises VirtualKeyError (the key is taken), InvalidArgumentError, NoMemoryError (also
    when 16,384 groups exist), and what init_keys() raises. Source: mpk_keys.h, mpk_mmap.

    >>> group = PageGroup(1, 100, Prot.READ | Prot.WRITE)
    >>> group.size_bytes
    4096
    >>> group.unmap()
    """

    def __init__(self, vkey: int, size_bytes: int, prot: Prot = Prot.READ | Prot.WRITE) -> None:
        if not 0 <= vkey <= _INT_MAX:
            raise InvalidArgumentError(f"vkey is {vkey}; it must be 0 to 2**31 - 1")
        if not 0 < size_bytes < 1 << 47:
            raise InvalidArgumentError(f"size_bytes is {size_bytes}; it must be positive and below 128 TiB")
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        base = lib.mpk_mmap(vkey, ffi.NULL, size_bytes, flags_of("prot", prot, Prot), flags, -1, 0)
        if base == ffi.cast("void *", -1):
            code = lib.mpk_keys_error()[0]
            if code == lib.MPK_EVKEY:
                raise VirtualKeyError(
                    f"virtual key {vkey} has a page group already; unmap it, or choose another number"
                )
            check(code)
        self.vkey = vkey
        self.address = int(ffi.cast("uintptr_t", base))
        """Address of the first byte."""
        self.size_bytes = -(-size_bytes // lib.MPK_PAGE_BYTES) * lib.MPK_PAGE_BYTES
        self._mapped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unmap()

    def __repr__(self) -> str:
        state = f"at {self.address:#x}, {self.size_bytes} bytes" if self._mapped else "unmapped"
        return f"<PageGroup {self.vkey}, {state}>"

    def begin(self, prot: Prot = Prot.READ | Prot.WRITE) -> None:
        """Gives the calling thread READ or READ | WRITE until ``end``. Nests; the newest counts.

        Prefer ``begun``, which cannot be forgotten. Raises VirtualKeyError (unmapped),
        InvalidArgumentError, PinnedError (no hardware key is free), GateDepthError
        (more than 64 begins are open), NoKeyError, NoMemoryError, KernelError.

        >>> with PageGroup(2, 4096) as group:
        ...     group.begin(Prot.READ)
        ...     group.end()
        """
        code = lib.mpk_begin(self._require(), flags_of("prot", prot, Prot))
        if code == lib.MPK_EINVALID:
            raise InvalidArgumentError(
                f"prot is {Prot(prot)!r}; it may be READ or READ | WRITE, and no more than the group was made with"
            )
        check(code)

    def end(self) -> None:
        """Ends the calling thread's newest ``begin`` of this group.

        Raises InvalidArgumentError when this thread has not begun it. Example: begin.
        """
        code = lib.mpk_end(self._require())
        if code == lib.MPK_EINVALID:
            raise InvalidArgumentError(f"this thread has not begun page group {self.vkey}")
        check(code)

    @contextlib.contextmanager
    def begun(self, prot: Prot = Prot.READ | Prot.WRITE) -> Iterator[memoryview]:
        """``begin`` and ``end`` around a ``with``, which gets the group's bytes themselves.

        The view is read-only without WRITE, and released at the end. A slice or memoryview
        taken from it is not: touching that later ends the process with a report. Copy
        what outlives the ``with``: ``bytes(memory)``.

        Raises as begin does, and RightsError when another thread ends it.

        >>> with PageGroup(3, 4096) as group, group.begun() as memory:
        ...     memory[0] = 1
        """
        self.begin(prot)
        who = threading.get_ident()
        memory = memoryview(ffi.buffer(ffi.cast("char *", self.address), self.size_bytes))
        view = memory if prot & Prot.WRITE else memory.toreadonly()
        try:
            yield view
        finally:
            # What something still exports cannot be released; it stays closed memory.
            with contextlib.suppress(BufferError):
                view.release()
            if threading.get_ident() != who:
                raise RightsError("a thread can only end what it began itself")
            self.end()

    def protect(self, prot: Prot) -> None:
        """Rights of every thread of the process: NONE, READ, READ | WRITE or EXEC. All see it on return.

        A thread's own begin goes first until its end. Raises InvalidArgumentError (also
        for more than the group was made with), PinnedError, NoKeyError, KernelError.

        >>> with PageGroup(4, 4096) as group:
        ...     group.protect(Prot.READ)
        """
        code = lib.mpk_mprotect(self._require(), flags_of("prot", prot, Prot))
        if code == lib.MPK_EINVALID:
            raise InvalidArgumentError(
                f"prot is {Prot(prot)!r}; it may be NONE, READ, READ | WRITE or EXEC, and no more than the group was made with"
            )
        check(code)

    def allocate(self, size_bytes: int) -> int:
        """Address of size_bytes in the group's own heap, 16-byte aligned.

        Needs READ | WRITE, begun by this thread or by protect; from the first call on
        the pages belong to the heap. Raises InvalidArgumentError, NoMemoryError.

        >>> with PageGroup(5, 8192) as group, group.begun():
        ...     block = group.allocate(100)
        ...     group.free(block)
        """
        if not 0 <= size_bytes < 1 << 47:
            raise InvalidArgumentError(f"size_bytes is {size_bytes}; it cannot be negative or above 128 TiB")
        block = lib.mpk_malloc(self._require(), size_bytes)
        if block == ffi.NULL:
            check(lib.mpk_keys_error()[0])
        return int(ffi.cast("uintptr_t", block))

    def free(self, address: int) -> None:
        """Gives the memory back to the group's heap. Example: allocate.

        Raises InvalidArgumentError for what is not the start of a live allocation of
        this group (freed before, interior, foreign), and without rights.
        """
        address = operator.index(address)  # a TypeError names what is no integer
        if not 0 < address < 1 << 64:
            raise InvalidArgumentError(f"address is {address:#x}; it must be one that allocate gave")
        check(lib.mpk_free(self._require(), ffi.cast("void *", address)))

    def unmap(self) -> None:
        """Unmaps the pages and gives the virtual key back. Idempotent.

        Raises PinnedError while a thread has begun the group.

        >>> PageGroup(6, 4096).unmap()
        """
        if self._mapped:
            check(lib.mpk_munmap(self.vkey))
            self._mapped = False

    def _require(self) -> int:
        if not self._mapped:
            raise VirtualKeyError(f"page group {self.vkey} was unmapped")
        return self.vkey
