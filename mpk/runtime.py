"""The runtime of this process: start it, ask what it chose.

There is one runtime per process, at fixed addresses. A process that loads
``libgaleed.so`` has that library's runtime; to start this one beside it is an error.

The choice is made at the first start from the environment (GALEED_BACKEND,
GALEED_FOREIGN_RIGHTS, GALEED_ON_VIOLATION, GALEED_REPORT) and stays.
"""

from mpk._native import ffi, lib
from mpk.abi import Backend, Rights
from mpk.errors import AddressTakenError, check


def start() -> None:
    """Starts the runtime. Idempotent and thread-safe; everything that needs it calls it.

    Raises NoPkuError, NoKeyError, AddressTakenError, EnvironmentVariableError,
    KernelError or NoMemoryError. Source: mpk.h, mpk_start.
    """
    check(lib.mpk_start())
    if lib.mpk_is_joined():
        raise AddressTakenError("another copy of the runtime, libgaleed.so's say, has started in this process")


def backend() -> Backend:
    """Which backend enforces rights in this process. Raises as start() does."""
    start()
    return Backend(lib.mpk_backend())


def backend_reason() -> str:
    """Why that one was chosen, in words. Raises as start() does."""
    start()
    text = ffi.string(lib.mpk_backend_reason())
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def foreign_rights() -> Rights:
    """What foreign code may do with host memory (GALEED_FOREIGN_RIGHTS). Raises as start() does."""
    start()
    return Rights(lib.mpk_foreign_rights())


def pku_available() -> bool:
    """Whether CPU and kernel give protection keys to user code. Starts nothing."""
    return bool(lib.mpk_pku_available())


def keys_free() -> int:
    """How many hardware keys pkey_alloc would still give; 0 without protection keys. Starts nothing."""
    return max(0, int(lib.mpk_keys_free()))
