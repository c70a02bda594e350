"""Domains: memory that can be touched only while it is open.

Invariant: every misuse that the C heap would answer with an abort (double free,
a foreign address) is found here first and raised.

Attacker: none in this file. Python is a host: it holds the rights and decides
when they are open. Native extensions in the same process run with Python's
rights; only code behind a gate does not.

Thread rules, the one place where the backends differ:

===========================  =========================  ==============================
situation                    pku                        mprotect
===========================  =========================  ==============================
a thread opens the domain    open for that thread only  open for the whole process
a thread that existed then   still closed: a violation  sees it open too
a thread started meanwhile   inherits its creator's     sees it open too
                             rights, for good
two threads open it          independent                closed when the last one ends
===========================  =========================  ==============================

Source: [pkeys(7)] for the inheritance; mpk.h for the contract.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from mpk._native import ffi, lib
from mpk.abi import Backend, HeapParts, Rights
from mpk.arguments import flags_of, require_type
from mpk.errors import (
    DomainDestroyedError,
    DomainInUseError,
    InvalidArgumentError,
    LimitError,
    MpkError,
    NoMemoryError,
    NotLiveError,
    RightsError,
    check,
)
from mpk.runtime import backend

if TYPE_CHECKING:
    from mpk._native import CData

ReadableBuffer = bytes | bytearray | memoryview


@dataclass(frozen=True, eq=False)
class Allocation:
    """Memory inside a domain. Compares by identity: a later one may get the same address."""

    domain: Domain = field(repr=False)
    address: int
    """Address of the first byte."""
    size_bytes: int
    """Exactly what was asked for."""
    align_bytes: int

    def free(self) -> None:
        """Same as ``domain.free(self)``."""
        self.domain.free(self)


@dataclass(frozen=True)
class Statistics:
    """A domain's memory, in bytes where not said otherwise."""

    reserved_bytes: int
    committed_bytes: int
    live_bytes: int
    live_allocations: int
    shared_bytes: int
    used_bytes: int
    """Pages in use, metadata and caches included: what a limit bounds."""
    limit_bytes: int
    """0: no limit."""
    metadata_bytes: int
    dirty_bytes: int
    """In free pages that were not yet given back to the kernel, at most."""
    guard_bytes: int
    retired_bytes: int


class Opened:
    """A domain that is open: what ``with domain.open(...) as opened`` gives."""

    def __init__(self, domain: Domain, rights: Rights) -> None:
        self.domain = domain
        self.rights = rights
        self._views: list[memoryview] | None = []

    def view(self, allocation: Allocation) -> memoryview:
        """The allocation's bytes themselves, not a copy; read-only under Rights.READ.

        Released when the ``with`` ends; using it later raises ValueError. A slice
        or memoryview taken from it is not released, and touching that later ends the
        process with a report: the memory is closed. The same holds for a thread that does not
        have the rights (see the module's table).

        Raises NotLiveError, and RightsError after the end or under Rights.NONE.
        """
        if self._views is None:
            raise RightsError("this 'with domain.open(...)' has ended")
        if self.rights < Rights.READ:
            raise RightsError("the domain was opened with Rights.NONE; open it with Rights.READ to read")
        self.domain._require_live(allocation)
        memory = ffi.buffer(ffi.cast("char *", allocation.address), allocation.size_bytes)
        view = memoryview(memory)
        if self.rights < Rights.READ_WRITE:
            view = view.toreadonly()
        self._views.append(view)
        return view

    def _end(self) -> None:
        for view in self._views or ():
            # One that something still exports cannot be released; it stays closed memory.
            with contextlib.suppress(BufferError):
                view.release()
        self._views = None


def _release(handle: CData) -> None:
    lib.mpk_domain_destroy(handle)


class Domain:
    """Memory under a protection key of its own (mprotect: page protections of its own).

    reserve_bytes: addresses to reserve, in bytes; memory is committed as it is
    used. 0 means 1 GiB. Starts the runtime.
    limit_bytes: as for set_limit. 0: none.
    heap: parts of heap hardening. None: those of GALEED_HEAP.

    Raises NoKeyError, NoMemoryError, InvalidArgumentError, KernelError, and what
    mpk.start() raises. Source: mpk.h, mpk_domain_create.

    May be used from several threads at once. ``with Domain() as domain`` destroys
    it at the end.

    >>> with Domain(limit_bytes=1 << 20, heap=HeapParts.HARDENED) as domain:
    ...     token = domain.allocate(3)
    ...     domain.write(token, b"abc")
    ...     with domain.open(Rights.READ) as opened:
    ...         bytes(opened.view(token))
    b'abc'
    >>> domain.read(token)
    Traceback (most recent call last):
    mpk.errors.DomainDestroyedError: the domain was destroyed
    """

    def __init__(self, reserve_bytes: int = 0, *, limit_bytes: int = 0, heap: HeapParts | None = None) -> None:
        self._per_thread = backend() is Backend.PKU
        if not 0 <= reserve_bytes < 1 << 47:
            raise InvalidArgumentError(f"reserve_bytes is {reserve_bytes}; it must be 0 or a size below 128 TiB")
        out = ffi.new("mpk_domain **")
        check(lib.mpk_domain_create(reserve_bytes, out))
        self._handle: CData | None = out[0]
        self._lock = threading.RLock()
        self._live: dict[int, Allocation] = {}
        # Rights now open, by thread (pku) or under one name for all (mprotect).
        self._open: dict[int, list[Rights]] = {}
        self._finalizer = weakref.finalize(self, _release, self._handle)
        # The process's end frees it anyway, and other threads may still run then.
        self._finalizer.atexit = False
        try:
            if heap is not None:
                check(lib.mpk_heap_harden(self._handle, flags_of("heap", heap, HeapParts)))
            self.set_limit(limit_bytes)
        except BaseException:
            self.destroy()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __repr__(self) -> str:
        return "<Domain destroyed>" if self._handle is None else f"<Domain at {self.base:#x}, key {self.key}>"

    # ---- What it is ------------------------------------------------------

    @property
    def base(self) -> int:
        """First address of the reserved range."""
        return self._range()[0]

    @property
    def reserved_bytes(self) -> int:
        """Size of the reserved range in bytes."""
        return self._range()[1]

    @property
    def key(self) -> int:
        """The hardware key of its pages; 0 on mprotect."""
        return int(lib.mpk_domain_key(self._require()))

    @property
    def rights(self) -> Rights:
        """What the calling thread (mprotect: the process) may do with the memory now."""
        return Rights(lib.mpk_domain_rights(self._require()))

    @property
    def heap_parts(self) -> HeapParts:
        """The parts of heap hardening that are in force."""
        with self._lock, self.open(Rights.READ):
            return HeapParts(lib.mpk_heap_parts(self._require()))

    def set_limit(self, limit_bytes: int) -> None:
        """Bounds the pages that the heap may have in use, in bytes (rounded down to pages; 0: no limit).

        What lives already stays. Short allocations take pages 64 KiB at a time.
        Raises InvalidArgumentError for a negative limit. Source: mpk_heap.h, mpk_domain_limit.
        """
        if not 0 <= limit_bytes < 1 << 64:
            raise InvalidArgumentError(f"limit_bytes is {limit_bytes}; it must be 0 or a size in bytes")
        with self._lock:
            check(lib.mpk_domain_limit(self._require(), limit_bytes))

    def statistics(self) -> Statistics:
        """What the heap holds now."""
        out: Any = ffi.new("struct mpk_heap_stats *")
        with self._lock, self.open(Rights.READ_WRITE):
            lib.mpk_heap_statistics(self._require(), out)
        return Statistics(**{one.name: int(getattr(out, one.name)) for one in fields(Statistics)})

    # ---- Memory ----------------------------------------------------------

    def allocate(self, size_bytes: int, align_bytes: int = 16) -> Allocation:
        """Memory of size_bytes, aligned to align_bytes (a power of two). Its content is undefined.

        Raises NoMemoryError when the domain is full, LimitError when its limit is
        reached, InvalidArgumentError for a negative size or another alignment.
        Source: mpk.h, mpk_heap_alloc.
        """
        require_type("size_bytes", size_bytes, int)
        require_type("align_bytes", align_bytes, int)
        if size_bytes < 0:
            raise InvalidArgumentError(f"size_bytes is {size_bytes}; it cannot be negative")
        if align_bytes <= 0 or align_bytes & (align_bytes - 1):
            raise InvalidArgumentError(f"align_bytes is {align_bytes}; it must be a power of two")
        with self._lock, self.open(Rights.READ_WRITE):
            reserved = self.reserved_bytes
            full = NoMemoryError(f"no room for {size_bytes} bytes in a domain of {reserved} bytes")
            if max(size_bytes, align_bytes) >= reserved:
                raise full
            base = lib.mpk_heap_alloc(self._require(), size_bytes, align_bytes)
            if base == ffi.NULL:
                if lib.mpk_heap_refusal(self._require(), size_bytes, align_bytes) == lib.MPK_ELIMIT:
                    raise LimitError(f"no room for {size_bytes} bytes within the domain's limit; free some or raise it")
                raise full
            allocation = Allocation(self, int(ffi.cast("uintptr_t", base)), size_bytes, align_bytes)
            self._live[allocation.address] = allocation
        return allocation

    def free(self, allocation: Allocation) -> None:
        """Gives the memory back to the domain.

        Raises NotLiveError when it was freed before or is another domain's.
        """
        with self._lock, self.open(Rights.READ_WRITE):
            self._require_live(allocation)
            # The C heap's own word for it, before a call that would abort.
            found: Any = ffi.new("struct mpk_allocation *")
            if not lib.mpk_heap_find(self._require(), allocation.address, found) or found.base != allocation.address:
                raise NotLiveError(f"the heap knows no allocation at {allocation.address:#x}")
            del self._live[allocation.address]
            base = ffi.cast("void *", allocation.address)
            lib.mpk_heap_free_sized(self._require(), base, allocation.size_bytes, allocation.align_bytes)

    def find(self, address: int) -> Allocation | None:
        """The live allocation that holds the address (one past its end included), or None."""
        with self._lock, self.open(Rights.READ_WRITE):
            inside = self.base <= address < self.base + self.reserved_bytes
            found: Any = ffi.new("struct mpk_allocation *")
            if not inside or not lib.mpk_heap_find(self._require(), address, found):
                return None
            return self._live.get(int(found.base))

    def read(self, allocation: Allocation, offset: int = 0, size_bytes: int | None = None) -> bytes:
        """A copy of size_bytes (default: all after offset), whatever is open now.

        Raises NotLiveError, and InvalidArgumentError outside the allocation.
        """
        with self._lock:
            size = self._require_inside(allocation, offset, size_bytes)
            out = ffi.new("unsigned char[]", max(size, 1))
            source = ffi.cast("void *", allocation.address + offset)
            check(lib.mpk_domain_read(self._require(), source, out, size))
        return bytes(ffi.buffer(out, size))

    def write(self, allocation: Allocation, data: ReadableBuffer, offset: int = 0) -> None:
        """Copies data into the allocation at offset, whatever is open now.

        Raises NotLiveError, and InvalidArgumentError outside the allocation.
        """
        source = ffi.from_buffer(data)
        with self._lock:
            size = self._require_inside(allocation, offset, len(source))
            target = ffi.cast("void *", allocation.address + offset)
            check(lib.mpk_domain_write(self._require(), target, source, size))

    def check_heap(self) -> None:
        """Checks every invariant of the heap. Raises MpkError naming the line that found one broken."""
        with self._lock, self.open(Rights.READ_WRITE):
            line = int(lib.mpk_heap_check(self._require()))
        if line:
            raise MpkError(f"the domain's heap is corrupt: the invariant at line {line} of heap_check.c does not hold")

    # ---- Rights ----------------------------------------------------------

    @contextlib.contextmanager
    def open(self, rights: Rights = Rights.READ_WRITE) -> Iterator[Opened]:
        """Opens the domain for the calling thread (mprotect: for the process) until the ``with`` ends.

        Opens nest; the widest of those that are open counts. Afterwards rights are what they
        were before. See the module's table for what other threads see.

        Raises DomainDestroyedError, InvalidArgumentError, and RightsError when it is ended by
        another thread than the one that began it.
        """
        who = self._who()
        if rights not in tuple(Rights):
            raise InvalidArgumentError(f"rights is {rights!r}; it must be one of mpk.Rights")
        self._change(who, lambda held: held.append(rights))
        opened = Opened(self, rights)
        try:
            yield opened
        finally:
            opened._end()
            if self._who() != who:
                raise RightsError("a thread can only close what it opened itself")
            self._change(who, lambda held: held.remove(rights))

    def destroy(self) -> None:
        """Gives memory and key back. Everything of it raises DomainDestroyedError from then on.

        Idempotent. Raises DomainInUseError while it is open anywhere.
        """
        with self._lock:
            if self._handle is None:
                return
            if self._open:
                raise DomainInUseError("the domain is open; end every 'with domain.open()' before destroying it")
            handle, self._handle = self._handle, None
            self._finalizer.detach()
            self._live.clear()
            check(lib.mpk_domain_destroy(handle))

    close = destroy

    # ---- Within ----------------------------------------------------------

    def _who(self) -> int:
        return threading.get_ident() if self._per_thread else 0

    def _change(self, who: int, edit: Callable[[list[Rights]], None]) -> None:
        """Edits the list of rights that are open, and makes the widest one hold."""
        with self._lock:
            held = [*self._open.get(who, ())]  # what the runtime refuses is not open
            edit(held)
            check(lib.mpk_domain_open(self._require(), max(held, default=Rights.NONE), ffi.new("enum mpk_rights *")))
            self._open.update({who: held}) if held else self._open.pop(who, None)

    def _range(self) -> tuple[int, int]:
        base, size = ffi.new("uintptr_t *"), ffi.new("size_t *")
        lib.mpk_domain_range(self._require(), base, size)
        return int(base[0]), int(size[0])

    def _require(self) -> CData:
        if self._handle is None:
            raise DomainDestroyedError("the domain was destroyed")
        return self._handle

    def _require_live(self, allocation: Allocation) -> None:
        self._require()
        require_type("allocation", allocation, Allocation)
        if allocation.domain is not self:
            raise NotLiveError(f"the allocation at {allocation.address:#x} belongs to another domain")
        if self._live.get(allocation.address) is not allocation:
            raise NotLiveError(f"the allocation at {allocation.address:#x} was freed before")

    def _require_inside(self, allocation: Allocation, offset: int, size_bytes: int | None) -> int:
        """The size; None stands for all after the offset."""
        self._require_live(allocation)
        size = allocation.size_bytes - offset if size_bytes is None else size_bytes
        if offset < 0 or size < 0 or offset + size > allocation.size_bytes:
            raise InvalidArgumentError(
                f"offset {offset} and {size} bytes are outside an allocation of {allocation.size_bytes} bytes"
            )
        return size
