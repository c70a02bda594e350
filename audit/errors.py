"""What can go wrong with an input: one line, said, and the audit goes on with the others."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError

if TYPE_CHECKING:
    from collections.abc import Iterator


class AuditError(Exception):
    """An input that cannot be read, or a wrong word of the user's. One line that says what to do."""


# What pyelftools raises on bytes that somebody chose.
_BROKEN = (
    ELFError,
    DWARFError,
    ConstructError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns what a parser raises on damaged input into an AuditError that names `what`."""
    try:
        yield
    except AuditError:
        raise
    except OSError as error:
        raise AuditError(f"{what}: {error.strerror or error}") from error
    except _BROKEN as error:
        raise AuditError(f"{what}: damaged, or of a kind that is not known ({type(error).__name__})") from error
