"""Pseudo-pointers for Python: the handle codec, an executable model, Python as a host.

- ``pseudoptr.abi``: the numbers of galeed.h, read from it.
- ``pseudoptr.handle``: handles taken apart and put together.
- ``pseudoptr.model``: what the table must do, in a page of Python.
- ``pseudoptr.table``: the real table, in libgaleed.so, by which Python lends memory to rewritten
  C; ``pseudoptr.Table`` for short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pseudoptr.table import Table

__all__ = ["Table"]


def __getattr__(name: str) -> object:
    """Loads cffi only for those who host: the compiler driver imports this package for each file."""
    if name != "Table":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pseudoptr.table import Table

    return Table
