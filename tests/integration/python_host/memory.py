"""Scenarios of host.py about memory: what is lent, to whom, for how long."""

from __future__ import annotations

import array
import ctypes
import gc
import mmap
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from cffi import FFI
from hypothesis import given, settings
from hypothesis import strategies as st

from pseudoptr import Table
from pseudoptr.table import BufferRefused, LeaseEnded
from tests.integration.python_host.common import POINTER, SIZE, by_ctypes, typed, violated


def buffers() -> None:
    """Whatever has a buffer is read and written where it is."""
    table = Table()
    library = by_ctypes(table)
    anonymous = mmap.mmap(-1, 8192)
    for data in (
        bytearray(100),
        memoryview(bytearray(300))[100:200],
        array.array("i", [0] * 25),
        anonymous,
        np.zeros((5, 20), np.uint8),
        np.zeros(2000, np.float64),
        table.buffer(100),
        table.buffer(50_000),
        memoryview(table.buffer(50_000))[1000:1100],
        np.frombuffer(table.buffer(80_000), np.int32),
    ):
        with table.lend_buffer(data, writable=True) as lent:
            library.fill(lent, lent.length_bytes, 3)
            assert library.total(lent, lent.length_bytes) == 3 * lent.length_bytes
            assert violated(table, library.put, lent, lent.length_bytes, 9) == "spatial"
            assert violated(table, library.put, lent, -1, 9) == "spatial"
        whole: Any = data
        assert set(bytes(memoryview(whole).cast("B"))) == {3}, type(data)
    for constant in (b"abc", memoryview(b"abc"), np.frombuffer(b"abc", np.uint8)):
        with table.lend_buffer(constant) as lent:
            assert library.total(lent, 3) == sum(b"abc")
            assert violated(table, library.put, lent, 0, 9) == "rights"
        assert bytes(constant) == b"abc"
    with table.lend_buffer(b"") as lent:
        assert library.total(lent, 0) == 0
        assert violated(table, library.get, lent, 0) == "spatial"
    print("ok")


def read_only() -> None:
    """A writable buffer is lent for reading alone unless the caller says more."""
    table = Table()
    library = by_ctypes(table)
    for data in (bytearray(b"abc"), bytearray(5000), table.buffer(10), table.buffer(5000)):
        with table.lend_buffer(data) as lent:
            assert library.get(lent, 2) == data[2]
            assert violated(table, library.put, lent, 2, 1) == "rights"
            assert violated(table, library.fill, lent, 3, 1) == "rights"
        assert data[2] in (0, ord("c"))
    print("ok")


def exported() -> None:
    """A lent bytearray can be resized by nobody until the lease has ended, however that is forgotten."""
    table = Table()
    data = bytearray(10)
    lent = table.lend_buffer(data)
    before = table._library.galeed_live_leases()
    try:
        data.append(1)
    except BufferError:
        print("locked")
    assert int(lent) == lent.handle
    del lent
    gc.collect()
    data.append(1)
    assert table._library.galeed_live_leases() == before - 1
    lent = table.lend_buffer(data)
    lent.end()
    lent.end()
    data.append(1)
    try:
        print(int(lent))
    except LeaseEnded as ended:
        print(f"{type(ended).__name__}: {ended}")


def refused() -> None:
    """What cannot be lent is refused in a line."""
    table = Table()
    gone = memoryview(b"abc")
    gone.release()
    strided = np.zeros((4, 4))[:, 1]
    for data, writable in (
        (np.zeros((4, 4))[:, 1], False),
        (memoryview(b"abcdef")[::2], False),
        (np.asfortranarray(np.zeros((4, 5))), False),
        (strided, True),
        (b"abc", True),
        (np.array([None, []], dtype=object), True),
        (np.zeros(2, dtype=[("Other", "i4"), ("at", "O")]), True),
        ((ctypes.py_object * 2)(), True),
        ("abc", False),
        (7, False),
        (None, False),
        (gone, False),
    ):
        try:
            table.lend_buffer(data, writable=writable)
        except BufferRefused as error:
            print(error)
    for data in np.array([None], dtype=object), np.zeros(2, dtype=[("Other", "i4")]):
        table.lend_buffer(data, writable=data.dtype != object).end()


def misused() -> None:
    """Numbers out of range, and what is no number, are refused in a line."""
    table = Table()
    handle = table.lend(table.allocate(8))
    function: Any = ctypes.CFUNCTYPE(ctypes.c_int)(0)
    for attempt in (
        lambda: table.buffer("x"),  # type: ignore[arg-type]
        lambda: table.lend(1.5),  # type: ignore[arg-type]
        lambda: table.lend_range(0, -1),
        lambda: table.allocate(8, -8),
        lambda: table.check(handle, 1, 9),  # type: ignore[arg-type]
        lambda: table.check(handle, 1, "write"),  # type: ignore[arg-type]
        lambda: table.attempt(function),
        lambda: table.lend_callback(function),
    ):
        try:
            attempt()
        except (TypeError, ValueError) as error:
            print(f"{type(error).__name__}: {error}")


def kept() -> None:
    """A pointer that C keeps is dead when the lease, or the memory, has ended."""
    table = Table()
    library = by_ctypes(table)
    data = bytearray(b"abc")
    with table.lend_buffer(data) as lent:
        library.keep(lent)
        assert library.get_kept() == ord("a")
    print(violated(table, library.get_kept))
    memory = table.buffer(100)
    with table.lend_buffer(memory) as lent:
        library.keep(lent)
        print(violated(table, library.get_kept))
    print(violated(table, library.get_kept))
    at = table.lend(int(FFI().cast("uintptr_t", FFI().from_buffer(memory))))
    library.keep(at)
    print(violated(table, library.get_kept))
    del memory
    gc.collect()
    print(violated(table, library.get_kept))


def overflow() -> None:
    """Writes one byte beside what was lent, without `attempt`."""
    table = Table()
    library = by_ctypes(table)
    data = bytearray(128)
    with table.lend_buffer(memoryview(data)[:64], writable=True) as lent:
        library.put(lent, 64, 99)
    print(data[64])


def overflow_plain() -> None:
    """The control: the same C, compiled as it is."""
    library = typed(ctypes.CDLL(os.environ["PLAIN"]))
    data = bytearray(128)
    library.put((ctypes.c_char * 64).from_buffer(data), 64, 99)
    print(data[64])


def raw() -> None:
    """By raw address C reaches Python's heap, and not what Table.buffer gave, lent or not (less than a page)."""
    table = Table()
    library = by_ctypes(table)
    ffi = FFI()
    python = bytearray(b"open")
    memory = table.buffer(100)
    memory[0] = 42
    where = [int(ffi.cast("uintptr_t", ffi.from_buffer(data))) for data in (python, memory)]
    print(chr(library.peek(where[0])), violated(table, library.peek, where[1]))
    with table.lend_buffer(memory) as lent:
        print(library.get(lent, 0), violated(table, library.peek, where[1]))


def structure() -> None:
    """A structure with a pointer in it: in Python's memory by handle, in host memory by either."""

    class Window(ctypes.Structure):
        _fields_ = (("next", POINTER), ("left", SIZE))

    table = Table()
    library = by_ctypes(table)
    out = bytearray(10)
    with table.lend_buffer(out, writable=True) as lent:
        window = Window(int(lent), 10)
        library.advance(ctypes.addressof(window), 5)
        assert (out[0], window.next, window.left) == (5, int(lent) + 1, 9)
    memory = table.buffer(100)
    inside = Window.from_buffer(table.buffer(ctypes.sizeof(Window)))
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    inside.next, inside.left = start, 100
    library.advance(ctypes.addressof(inside), 6)
    assert (memory[0], inside.next, inside.left) == (6, start + 1, 99)
    print("ok")


def bounds() -> None:
    """Any part of any buffer, accessed anywhere: what Python's own slices say."""
    table = Table()
    library = by_ctypes(table)

    @settings(max_examples=int(sys.argv[2]), deadline=None, database=None)
    @given(
        st.sampled_from((bytearray, table.buffer)),
        st.sampled_from((1, 7, 64, 4095, 4096, 9000)),
        st.integers(0, 9000),
        st.integers(0, 9000),
        st.integers(-20, 9020),
        st.booleans(),
    )
    def check(kind: Callable[[int], Any], size: int, start: int, stop: int, at: int, writable: bool) -> None:
        whole = kind(size)
        part = memoryview(whole)[start:stop]
        inside = 0 <= at < len(part)
        with table.lend_buffer(part, writable=writable) as lent:
            verdict = violated(table, library.put, lent, at, 1)
            assert verdict == ("spatial" if not inside else "none" if writable else "rights")
            assert violated(table, library.get, lent, at) == ("none" if inside else "spatial")
        expected = bytearray(size)
        if inside and writable:
            expected[start + at] = 1
        assert bytes(whole) == expected

    check()
    print("ok")
