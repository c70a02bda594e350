"""What threads see of each other's rights: the table in mpk/domain.py, row by row, as expectations."""

from __future__ import annotations

import signal
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import RunPython

PRELUDE = """
import ctypes, os, queue, threading, mpk
from mpk import Rights

backend = mpk.backend()

class Worker:
    '''A thread that runs what it is handed.'''
    def __init__(self):
        self.work, self.results = queue.Queue(), queue.Queue()
        threading.Thread(target=self.loop, daemon=True).start()
    def loop(self):
        while True:
            self.results.put(self.work.get()())
    def call(self, body):
        self.work.put(body)
        return self.results.get(timeout=60)
"""


def snippet(code: str) -> str:
    return PRELUDE + dedent(code)


def test_a_thread_that_existed_before(run_python: RunPython, backend: str) -> None:
    """pku: another thread's open is not its own. mprotect: rights are the process's."""
    outcome = run_python(
        snippet("""
        domain = mpk.Domain()
        older = Worker()
        older.call(lambda: None)
        with domain.open():
            print(older.call(lambda: domain.rights.name))
        print(older.call(lambda: domain.rights.name))
        """)
    )
    expected = {"pku": "NONE\nNONE\n", "mprotect": "READ_WRITE\nNONE\n"}
    assert (outcome.code, outcome.stdout) == (0, expected[backend]), str(outcome)


def test_a_thread_that_existed_before_and_touches_the_memory(run_python: RunPython, backend: str) -> None:
    """pku: a violation, as for any thread that did not open. mprotect: it reads."""
    outcome = run_python(
        snippet("""
        domain = mpk.Domain()
        a = domain.allocate(8)
        domain.write(a, b"12345678")
        older = Worker()
        older.call(lambda: None)
        with domain.open():
            print("before", flush=True)
            print(older.call(lambda: ctypes.string_at(a.address, 8).decode()))
        """)
    )
    expected = {"pku": (-signal.SIGABRT, "before\n"), "mprotect": (0, "before\n12345678\n")}
    assert (outcome.code, outcome.stdout) == expected[backend], str(outcome)


def test_a_thread_started_meanwhile(run_python: RunPython, backend: str) -> None:
    """Both backends let it in; on pku it keeps the rights that it inherited when its creator closes."""
    outcome = run_python(
        snippet("""
        domain = mpk.Domain()
        with domain.open():
            younger = Worker()
            print(younger.call(lambda: domain.rights.name))
        print(younger.call(lambda: domain.rights.name))
        """)
    )
    expected = {"pku": "READ_WRITE\nREAD_WRITE\n", "mprotect": "READ_WRITE\nNONE\n"}
    assert (outcome.code, outcome.stdout) == (0, expected[backend]), str(outcome)


def test_two_threads_that_overlap(run_python: RunPython, backend: str) -> None:
    """One thread's close never takes away what another one has open."""
    outcome = run_python(
        snippet("""
        domain = mpk.Domain()
        a = domain.allocate(8)
        one, two = Worker(), Worker()
        first, second = domain.open(), domain.open(Rights.READ)
        one.call(first.__enter__)
        two.call(second.__enter__)
        one.call(lambda: ctypes.memset(a.address, 65, 8))
        one.call(lambda: first.__exit__(None, None, None))
        print(two.call(lambda: ctypes.string_at(a.address, 8).decode()), two.call(lambda: domain.rights.name))
        two.call(lambda: second.__exit__(None, None, None))
        print(one.call(lambda: domain.rights.name), two.call(lambda: domain.rights.name))
        domain.destroy()
        """)
    )
    assert (outcome.code, outcome.stdout) == (0, "AAAAAAAA READ\nNONE NONE\n"), str(outcome)


def test_only_the_thread_that_opened_closes(run_python: RunPython, backend: str) -> None:
    """pku: rights are the thread's own, so another one cannot end them. mprotect: they are everybody's."""
    outcome = run_python(
        snippet("""
        domain = mpk.Domain()
        opened = domain.open()
        opened.__enter__()
        def close():
            try:
                opened.__exit__(None, None, None)
            except mpk.RightsError as error:
                return str(error)
            return "closed"
        print(Worker().call(close))
        """)
    )
    expected = {"pku": "a thread can only close what it opened itself\n", "mprotect": "closed\n"}
    assert (outcome.code, outcome.stdout) == (0, expected[backend]), str(outcome)


def test_many_threads_allocate_and_free(run_python: RunPython, backend: str) -> None:
    outcome = run_python(
        snippet("""
        import random
        domain = mpk.Domain()
        handed = queue.Queue()
        def churn(seed):
            choose = random.Random(seed)
            mine = []
            for n in range(400):
                a = domain.allocate(choose.choice((1, 16, 100, 5000)))
                pattern = bytes([choose.randrange(256)]) * a.size_bytes
                domain.write(a, pattern)
                mine.append((a, pattern))
                if choose.random() < 0.3:
                    handed.put(mine.pop(choose.randrange(len(mine))))
                if choose.random() < 0.5:
                    try:
                        mine.append(handed.get_nowait())
                    except queue.Empty:
                        pass
                if choose.random() < 0.6 and mine:
                    a, pattern = mine.pop()
                    assert domain.read(a) == pattern
                    domain.free(a)
            for a, pattern in mine:
                assert domain.read(a) == pattern
                domain.free(a)
            return "done"
        workers = [Worker() for _ in range(4)]
        for seed, worker in enumerate(workers):
            worker.work.put(lambda seed=seed: churn(seed))
        print(*(worker.results.get(timeout=100) for worker in workers))
        while not handed.empty():
            domain.free(handed.get()[0])
        domain.check_heap()
        print(domain.statistics().live_allocations)
        """)
    )
    assert (outcome.code, outcome.stdout) == (0, "done done done done\n0\n"), str(outcome)


def test_a_forked_child_has_a_copy(run_python: RunPython, backend: str) -> None:
    outcome = run_python(
        snippet("""
        domain = mpk.Domain()
        a = domain.allocate(6)
        domain.write(a, b"parent")
        child = os.fork()
        if child == 0:
            domain.write(a, b"child!")
            os._exit(0 if domain.read(a) == b"child!" and domain.rights is Rights.NONE else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), domain.read(a))
        """)
    )
    assert (outcome.code, outcome.stdout) == (0, "0 b'parent'\n"), str(outcome)
