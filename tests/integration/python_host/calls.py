"""Scenarios of host.py about calls: violations, callbacks, threads, processes, exceptions."""

from __future__ import annotations

import ctypes
import errno
import os
import pickle
import threading
from typing import Any

import pytest

from pseudoptr import Table
from pseudoptr.table import ForeignException, Violation
from tests.integration.python_host.common import POINTER, SIZE, VISITOR, by_cffi, by_ctypes, violated


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

    class Stands:
        _as_parameter_ = Pair(1, 2)

    objects = library["total"]
    objects.restype = ctypes.py_object
    for function, arguments in (
        (library.weigh, (Pair(1, 2), 1)),
        (library.weigh, (Stands(), 1)),
        (objects, (b"", 0)),
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
