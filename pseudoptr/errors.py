"""What the table refuses, and what foreign code did.

An *error* is misuse or a lack of resources, a ``TableError`` with the number of galeed.h or
mpk.h. A *violation* is what foreign code did to memory that it may not touch: no ``TableError``.
Each message is one line.
"""

from __future__ import annotations

from dataclasses import dataclass

from pseudoptr.abi import Access, Error, Kind


class TableError(Exception):
    """The table refused an operation. ``code``: the number in galeed.h or mpk.h; 0 for Python's own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class LibraryMissing(TableError):
    """A library is not there or cannot be loaded."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class NotRewritten(TableError):
    """The library, or a function that it gives out, did not come from galeed-cc."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class BufferRefused(TableError):
    """An object that cannot be lent as it was asked for."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class LeaseEnded(TableError):
    """The lease has ended: there is no pseudo-pointer to pass any more."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class TableFull(TableError):
    """No free index for an object of that size."""


class NotHeap(TableError):
    """The address is in no live allocation of the host heap."""


class BadHandle(TableError):
    """Not a live pseudo-pointer."""


class NoKeys(TableError):
    """GALEED_BACKEND=pku on a machine without protection keys."""


class AddressTaken(TableError):
    """The runtime's fixed addresses are taken: by ``mpk``, whose runtime is another one, say."""


class BadEnvironment(TableError):
    """A GALEED_* variable has a value that is not one of its own."""


class WrongLibrary(TableError):
    """This libgaleed.so opens no gates: it is not package galeed-host's."""


_ERRORS: dict[int, type[TableError]] = {
    Error.FULL: TableFull,
    Error.NOT_HEAP: NotHeap,
    Error.HANDLE: BadHandle,
    Error.NO_PKU: NoKeys,
    Error.ADDRESS: AddressTaken,
    Error.ENVIRONMENT: BadEnvironment,
    Error.ALLOCATOR: WrongLibrary,
}


def error_of(code: int, message: str) -> TableError:
    """The error with its type."""
    return _ERRORS.get(code, TableError)(code, message)


@dataclass(frozen=True)
class Facts:
    """What is known of a violation. Addresses and numbers that are not known are 0."""

    kind: Kind
    access: Access | None
    function: str | None
    """The foreign function that Python had called."""
    detail: str | None
    """One clause of explanation."""
    handle: int
    """The pseudo-pointer; 0: none was involved."""
    address: int
    """The address touched, or that the pseudo-pointer stood for."""
    access_bytes: int
    offset: int
    """In bytes from the first byte of the lease; meaningful when ``lease`` is known."""
    bound: int
    """Bytes of the lease."""
    lease: int | None
    """The lease's index in the table."""
    mapped: bool
    pc: int
    """Where in foreign code."""
    thread: int
    """Kernel id of the thread."""


class Violation(Exception):
    """Foreign code was stopped: what ``Table.attempt`` raises. The fields are those of ``Facts``."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(_sentence(facts))
        self.facts = facts
        self.kind, self.access, self.function, self.detail = facts.kind, facts.access, facts.function, facts.detail
        self.handle, self.address, self.access_bytes = facts.handle, facts.address, facts.access_bytes
        self.offset, self.bound, self.lease, self.mapped = facts.offset, facts.bound, facts.lease, facts.mapped
        self.pc, self.thread = facts.pc, facts.thread

    def __reduce__(self) -> tuple[type[Violation], tuple[Facts]]:
        return type(self), (self.facts,)


class ForeignException(Exception):
    """A C++ exception left the foreign function; the message names its type."""


def _sentence(facts: Facts) -> str:
    words = f"{facts.kind.name.lower()} violation"
    if facts.function:
        words += f" in {facts.function}"
    if facts.access is not None:
        words += f": {facts.access.name.lower()}"
        words += f" of {facts.access_bytes} bytes" if facts.access_bytes else ""
    if facts.lease is not None and facts.kind not in (Kind.TEMPORAL, Kind.FORGED):
        words += f" at offset {facts.offset} of {facts.bound} lent"
    return f"{words}: {facts.detail}" if facts.detail else words
