"""Checks of arguments whose types only Python can get wrong.

Invariant: a wrong type is a TypeError, a wrong value an InvalidArgumentError, and
neither reaches the C runtime.
"""

import operator
from enum import IntFlag

from mpk.errors import InvalidArgumentError


def require_type(name: str, value: object, *types: type) -> None:
    """Raises TypeError naming the argument when its value is of none of the types."""
    if not isinstance(value, types):
        wanted = " or ".join(one.__name__ for one in types)
        raise TypeError(f"{name} is {value!r}; it must be of type {wanted}")


def flags_of(name: str, value: int, kind: type[IntFlag]) -> int:
    """The bits of a value, all of which are members of kind.

    Raises TypeError for what is no integer, InvalidArgumentError for other bits.
    """
    bits = operator.index(value)
    if bits & ~sum(kind):
        raise InvalidArgumentError(f"{name} is {bits:#x}; it must be made of mpk.{kind.__name__}'s members")
    return bits
