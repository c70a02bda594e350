"""A host in Python: each function is one scenario of tests/integration/test_python_host.py, run as a program.

FOREIGN names the rewritten library, PLAIN the same compiled as it is.
"""

from __future__ import annotations

import array
import ctypes
import errno
import gc
import mmap
import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cffi import FFI
from hypothesis import given, settings
from hypothesis import strategies as st

from pseudoptr import Table
from pseudoptr.table import BufferRefused, ForeignException, LeaseEnded, Violation

POINTER, SIZE, OFFSET = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t
VISITOR = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_int)
DECLARED = """
long total(const unsigned char *, size_t); void put(unsigned char *, ptrdiff_t, int);
int each(const unsigned char *, size_t, int (*)(void *, int), void *);
double scale(double, int, double); float half(float); unsigned char *find(const unsigned char *, int, size_t);
long weigh(long, long, long, long, long, long, long, long, long, long, long, long);
"""
TYPES: dict[str, list[Any]] = {
    "total": [POINTER, SIZE],
    "fill": [POINTER, SIZE, ctypes.c_int],
    "put": [POINTER, OFFSET, ctypes.c_int],
    "get": [POINTER, OFFSET],
    "keep": [POINTER],
    "get_kept": [],
    "peek": [SIZE],
    "each": [POINTER, SIZE, POINTER, POINTER],
    "keep_visitor": [POINTER],
    "call_kept": [ctypes.c_int],
    "advance": [POINTER, ctypes.c_int],
    "wait_for": [POINTER, POINTER, ctypes.c_int],
}


def typed(library: Any) -> Any:
    for name, types in TYPES.items():
        getattr(library, name).argtypes = types
    library.total.restype = ctypes.c_long
    return library


def by_ctypes(table: Table) -> Any:
    return typed(table.load(os.environ["FOREIGN"]))


def by_cffi(table: Table) -> tuple[Any, Any]:
    ffi = FFI()
    ffi.cdef(DECLARED)
    return ffi, table.load(os.environ["FOREIGN"], ffi)


def violated(table: Table, function: Any, *arguments: Any) -> str:
    """Which rule the call broke, in a word."""
    try:
        table.attempt(function, *arguments)
    except Violation as violation:
        return violation.kind.name.lower()
    return "none"


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
        ("abc", False),
        (7, False),
        (None, False),
        (gone, False),
    ):
        try:
            table.lend_buffer(data, writable=writable)
        except BufferRefused as error:
            print(error)


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


def fields() -> None:
    """What a Violation says."""
    table = Table()
    library = by_ctypes(table)
    with table.lend_buffer(bytearray(64), writable=True) as lent:
        with pytest.raises(Violation) as caught:
            table.attempt(library.put, lent, 70, 1)
        violation = caught.value
        assert violation.handle == int(lent) + 70
        assert violation.address == lent.address + 70
        assert pickle.loads(pickle.dumps(violation)).facts == violation.facts
        print(violation.kind.name, violation.access, violation.function, violation.offset, violation.bound)
        print(violation.access_bytes, violation.mapped, violation.thread == threading.get_native_id())
        print(violation)


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


def callbacks() -> None:
    """C calls Python, with Python's rights, and no more when the lease has ended."""
    table = Table()
    library = by_ctypes(table)
    ffi, functions = by_cffi(table)
    memory = table.buffer(100)
    seen: list[int] = []

    @VISITOR  # type: ignore[untyped-decorator]
    def visit(user: int | None, value: int) -> int:
        memory[0] = value  # host memory: open in here
        seen.append(value)
        return value

    def double(_: Any, value: int) -> int:
        return 2 * value

    with table.lend_buffer(b"abc") as data:
        with table.lend_callback(visit) as visitor:
            assert library.each(data, 3, visitor, None) == sum(b"abc")
            assert table.attempt(library.each, data, 3, visitor, None) == sum(b"abc")
            assert (bytes(seen), memory[0]) == (b"abcabc", ord("c"))
            library.keep_visitor(visitor)
            assert library.call_kept(7) == 7
        print(violated(table, library.call_kept, 7), seen[-1])
        twice: Any = ffi.callback("int(void *, int)", double)
        with table.lend_callback(twice) as visitor:
            given = ffi.cast("unsigned char *", int(data)), 3, ffi.cast("int (*)(void *, int)", int(visitor)), ffi.NULL
            print(functions.each(*given), table.attempt(functions.each, *given))


def callback_unlent() -> None:
    """Not lent, a function is a raw pointer to C: it runs with C's rights, and host memory is closed to it."""
    table = Table()
    library = by_ctypes(table)
    memory = table.buffer(100)

    @VISITOR  # type: ignore[untyped-decorator]
    def visit(user: int | None, value: int) -> int:
        memory[0] = value
        return value

    with table.lend_buffer(b"abc") as data:
        print(violated(table, library.each, data, 3, ctypes.cast(visit, POINTER), None))


def nested() -> None:
    """A violation in a foreign call of a callback's, attempted there."""
    table = Table()
    library = by_ctypes(table)
    verdicts: list[str] = []
    with table.lend_buffer(bytearray(b"abc")) as data:

        @VISITOR  # type: ignore[untyped-decorator]
        def visit(user: int | None, value: int) -> int:
            verdicts.append(violated(table, library.get, data, 3))
            return value

        with table.lend_callback(visit) as visitor:
            print(table.attempt(library.each, data, 3, visitor, None), verdicts)


def nested_unattempted() -> None:
    """The same, attempted further out only: Python's frames lie between."""
    table = Table()
    library = by_ctypes(table)
    with table.lend_buffer(bytearray(b"abc")) as data:

        @VISITOR  # type: ignore[untyped-decorator]
        def visit(user: int | None, value: int) -> int:
            return int(library.get(data, 3))

        with table.lend_callback(visit) as visitor:
            print(violated(table, library.each, data, 3, visitor, None))


def attempted() -> None:
    """Arguments and results come through an attempt as through a call; what cannot is refused."""
    table = Table()
    library = by_ctypes(table)
    ffi, functions = by_cffi(table)
    numbers = range(1, 13)
    assert functions.weigh(*numbers) == table.attempt(functions.weigh, *numbers) == 650
    assert table.attempt(functions.scale, 2.5, 3, 1.0) == 8.5
    assert table.attempt(functions.half, 3.0) == 1.5
    library.half.restype, library.half.argtypes = ctypes.c_float, [ctypes.c_float]
    assert table.attempt(library.half, 5.0) == 2.5
    library.find.argtypes, library.find.restype = [POINTER, ctypes.c_int, SIZE], POINTER
    memory = table.buffer(10)
    memory[4] = 9
    with table.lend_buffer(memory) as lent:
        assert table.attempt(library.find, lent, 9, 10) == lent.address + 4
        assert table.attempt(library.find, lent, 8, 10) is None
        library.find.errcheck = lambda result, function, given: (result is None, function is library.find, given[1:])
        assert table.attempt(library.find, lent, 8, 10) == (True, True, (8, 10))
        assert violated(table, library.find, lent, 8, 11) == "spatial"

    class Pair(ctypes.Structure):
        _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_int))

    for function, arguments in (
        (library.weigh, (Pair(1, 2), 1)),
        (functions.weigh, (*numbers, 13)),
        (library.weigh, (ctypes.c_longdouble(1), 1)),
        (len, (b"",)),
        (ffi.cast("int (*)(int, ...)", functions.weigh), (1,)),
        (ffi.cast("long (*)(int, int, int, int, int, int, int, int, int, int, int, int, int)", 1), (1,) * 13),
    ):
        try:
            table.attempt(function, *arguments)
        except TypeError as error:
            print(error)


def threads() -> None:
    """One thread is inside a gate, the other one works on host memory meanwhile."""
    table = Table()
    library = by_ctypes(table)
    memory = table.buffer(100)
    entered, answer = ctypes.c_int(0), ctypes.c_int(0)

    def work() -> None:
        while not entered.value:
            pass
        memory[0] = 42  # on mprotect: waits here until the gate is left
        answer.value = 1

    worker = threading.Thread(target=work)
    worker.start()
    answered = library.wait_for(ctypes.byref(entered), ctypes.byref(answer), 300)
    worker.join()
    print(answered, memory[0])


def many_threads() -> None:
    """Gates, leases and host memory of four threads at once, violations among them."""
    table = Table()
    library = by_ctypes(table)
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(25):
                memory = table.buffer(200)
                with table.lend_buffer(memory, writable=True) as lent:
                    library.fill(lent, 200, number)
                    assert library.total(lent, 200) == 200 * number
                    if step % 8 == 0:
                        assert violated(table, library.put, lent, 200, 1) == "spatial"
                assert set(memory) == {number}
        except BaseException as error:
            problems.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not problems, problems
    print("ok")


def forked() -> None:
    """The child of a fork hosts on."""
    table = Table()
    library = by_ctypes(table)
    memory = table.buffer(100)
    with table.lend_buffer(memory, writable=True) as lent:
        child = os.fork()
        library.put(lent, 0, 7 if child else 8)
        verdict = violated(table, library.put, lent, 100, 7)
    if child == 0:
        os._exit(0 if (memory[0], verdict) == (8, "spatial") else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), memory[0], verdict)


def exception() -> None:
    """A C++ exception that leaves the foreign function."""
    table = Table()
    library = table.load(os.environ["THROWER"])
    assert table.attempt(library.refuse, 5) == 5
    try:
        table.attempt(library.refuse, -5)
    except ForeignException as error:
        print(error)
    assert table.attempt(library.refuse, 6) == 6


def exception_unattempted() -> None:
    """The same with nobody to take it."""
    print(Table().load(os.environ["THROWER"]).refuse(-5))


def system_call() -> None:
    """The kernel writes into host memory for one thread, while the other one is inside a gate."""
    table = Table()
    library = by_ctypes(table)
    memory = table.buffer(100)
    entered, answer = ctypes.c_int(0), ctypes.c_int(0)
    source, sink = os.pipe()
    os.write(sink, b"abc")
    outcome: list[str] = []

    def work() -> None:
        while not entered.value:
            pass
        try:
            os.readv(source, [memory])
            outcome.append("read")
        except OSError as error:
            outcome.append(errno.errorcode[error.errno or 0])
        answer.value = 1

    worker = threading.Thread(target=work)
    worker.start()
    answered = library.wait_for(ctypes.byref(entered), ctypes.byref(answer), 30_000)
    worker.join()
    print(answered, *outcome)


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


if __name__ == "__main__":
    scenarios: dict[str, Callable[[], None]] = {name: each for name, each in globals().items() if callable(each)}
    scenarios[sys.argv[1]]()
