"""One exception class per error of mpk.h, and the misuses that Python catches itself.

An *error* is the misuse of an API or a lack of resources. What foreign code
does to protected memory is a *violation*, which no exception reports.
"""

from typing import ClassVar

from mpk._native import ffi, lib


class MpkError(Exception):
    """Base of all. The message says in one line what is wrong and what to do."""

    code: ClassVar[int | None] = None
    """The member of ``enum mpk_error``, or None for errors found in Python."""


class NoPkuError(MpkError):
    """The pku backend was demanded and this machine has no protection keys."""

    code = lib.MPK_ENOPKU


class NoKeyError(MpkError):
    """Every hardware key is taken."""

    code = lib.MPK_ENOKEY


class NoMemoryError(MpkError):
    """No memory, or the domain's range is full."""

    code = lib.MPK_ENOMEM


class AddressTakenError(MpkError):
    """The fixed address range is taken by another mapping."""

    code = lib.MPK_EADDRESS


class EnvironmentVariableError(MpkError):
    """A GALEED_* variable has a value that is not one of its own."""

    code = lib.MPK_EENVIRONMENT


class InvalidArgumentError(MpkError):
    """An argument is outside its documented range."""

    code = lib.MPK_EINVALID


class KernelError(MpkError):
    """The kernel refused a call that it should support."""

    code = lib.MPK_EKERNEL


class GateDepthError(MpkError):
    """Gates nested too deep."""

    code = lib.MPK_ENESTED


class TooManyThreadsError(MpkError):
    """More live threads than the runtime has records for."""

    code = lib.MPK_ETHREADS


class PinnedError(MpkError):
    """Every hardware key is held by an open ``begin``."""

    code = lib.MPK_EPINNED


class VirtualKeyError(MpkError):
    """No such virtual key, or it exists already."""

    code = lib.MPK_EVKEY


class HardenError(MpkError):
    """A demanded part of a hardening policy cannot be had."""

    code = lib.MPK_EHARDEN


class LimitError(MpkError):
    """The domain's own memory limit is reached."""

    code = lib.MPK_ELIMIT


class DomainDestroyedError(MpkError):
    """The domain was destroyed; nothing of it can be used any more."""


class DomainInUseError(MpkError):
    """The domain is open somewhere, so it cannot be destroyed."""


class NotLiveError(MpkError):
    """The allocation was freed before (double free, use after free) or belongs to another domain."""


class RightsError(MpkError):
    """The rights of this ``with domain.open(...)`` do not allow that, or it has ended."""


_BY_CODE: dict[int | None, type[MpkError]] = {
    cls.code: cls
    for cls in (
        NoPkuError,
        NoKeyError,
        NoMemoryError,
        AddressTakenError,
        EnvironmentVariableError,
        InvalidArgumentError,
        KernelError,
        GateDepthError,
        TooManyThreadsError,
        PinnedError,
        VirtualKeyError,
        HardenError,
        LimitError,
    )
}


def message_of(code: int) -> str:
    """The runtime's own line about an error code."""
    text = ffi.string(lib.mpk_strerror(code))
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def check(code: int) -> None:
    """Raises the class that belongs to an error code; returns for MPK_OK."""
    if code != lib.MPK_OK:
        raise _BY_CODE.get(code, MpkError)(message_of(code))
