"""Memory domains guarded by protection keys, from Python.

    >>> import mpk
    >>> with mpk.Domain() as domain:
    ...     secret = domain.allocate(5)
    ...     domain.write(secret, b"vault")
    ...     with domain.open(mpk.Rights.READ) as opened:
    ...         bytes(opened.view(secret))
    b'vault'

Page groups under virtual keys (libmpk's interface) are in mpk.keys, hardening is in
mpk.hardening, the search for gadgets in mpk.gadgets, each with examples.

Names are looked up on first use, so that ``galeed-probe`` can say in one line
what is missing when the native part was never built.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpk.abi import Backend, HeapParts, Rights
    from mpk.domain import Allocation, Domain, Opened, Statistics
    from mpk.errors import (
        AddressTakenError,
        DomainDestroyedError,
        DomainInUseError,
        EnvironmentVariableError,
        GateDepthError,
        HardenError,
        InvalidArgumentError,
        KernelError,
        LimitError,
        MpkError,
        NoKeyError,
        NoMemoryError,
        NoPkuError,
        NotLiveError,
        PinnedError,
        RightsError,
        TooManyThreadsError,
        VirtualKeyError,
    )
    from mpk.gadgets import Gadget, Hit, scan
    from mpk.hardening import HardenLevel, HardenPart, HardenPolicy, HardenReport, harden, hardened
    from mpk.keys import KeyStatistics, PageGroup, Prot, init_keys, keys_statistics, keys_wait
    from mpk.runtime import backend, backend_reason, foreign_rights, keys_free, pku_available, start

__all__ = [
    "AddressTakenError",
    "Allocation",
    "Backend",
    "Domain",
    "DomainDestroyedError",
    "DomainInUseError",
    "EnvironmentVariableError",
    "Gadget",
    "GateDepthError",
    "HardenError",
    "HardenLevel",
    "HardenPart",
    "HardenPolicy",
    "HardenReport",
    "HeapParts",
    "Hit",
    "InvalidArgumentError",
    "KernelError",
    "KeyStatistics",
    "LimitError",
    "MpkError",
    "NoKeyError",
    "NoMemoryError",
    "NoPkuError",
    "NotLiveError",
    "Opened",
    "PageGroup",
    "PinnedError",
    "Prot",
    "Rights",
    "RightsError",
    "Statistics",
    "TooManyThreadsError",
    "VirtualKeyError",
    "backend",
    "backend_reason",
    "foreign_rights",
    "harden",
    "hardened",
    "init_keys",
    "keys_free",
    "keys_statistics",
    "keys_wait",
    "pku_available",
    "scan",
    "start",
]

__version__ = "0.1.0"

_SOURCES = ("abi", "errors", "runtime", "domain", "gadgets", "hardening", "keys")


def __getattr__(name: str) -> object:
    if name in __all__:
        for source in _SOURCES:
            module = import_module(f"mpk.{source}")
            if hasattr(module, name):
                value: object = getattr(module, name)
                return value
    raise AttributeError(f"module 'mpk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
