"""Pseudo-pointers for Python: the handle codec, an executable model, a view of the table.

- ``pseudoptr.abi``: the numbers of galeed.h, read from it.
- ``pseudoptr.handle``: handles taken apart and put together.
- ``pseudoptr.model``: what the table must do, in a page of Python.
- ``pseudoptr.table``: the real table, in libgaleed.so.
"""
