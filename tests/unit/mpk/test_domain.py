"""mpk.Domain on each backend: memory, errors before the fatal path, rights, life and death."""

from __future__ import annotations

import signal
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunPython

    Snippet = Callable[[str], None]

# `raises(cls, body, *words)`: the error's class, and that its line says what it must.
PRELUDE = """
import ctypes, threading, mpk
from mpk import Rights

def raises(cls, body, *words):
    try:
        body()
    except cls as error:
        text = str(error)
        assert text and "\\n" not in text, repr(text)
        assert all(word in text for word in words), text
    else:
        raise AssertionError(f"{cls.__name__} was not raised")
"""


@pytest.fixture
def passes(run_python: RunPython, backend: str) -> Snippet:
    """Runs a snippet after the prelude; it must reach its end."""

    def call(code: str) -> None:
        outcome = run_python(PRELUDE + dedent(code) + "\nprint('reached the end')")
        assert outcome.code == 0, str(outcome)
        assert outcome.stdout.endswith("reached the end\n"), str(outcome)

    return call


@pytest.fixture
def dies(run_python: RunPython, backend: str) -> Snippet:
    """Runs a snippet whose last line must end the process with a report; it prints 'before' first."""

    def call(code: str) -> None:
        outcome = run_python(PRELUDE + dedent(code))
        assert outcome.code == -signal.SIGABRT, str(outcome)
        assert outcome.stdout == "before\n", str(outcome)
        assert "galeed: boundary violation: host code" in outcome.stderr, str(outcome)
        assert "open the domain before using it" in outcome.stderr, str(outcome)

    return call


def test_write_read_free(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            text = domain.allocate(5)
            domain.write(text, b"hello")
            assert domain.read(text) == b"hello"
            domain.write(text, bytearray(b"EL"), offset=1)
            assert domain.read(text, 1, 3) == b"ELl"
            assert domain.read(text, 5) == b""
            assert domain.rights is Rights.NONE
            assert domain.statistics().live_allocations == 1
            domain.free(text)
            assert domain.statistics().live_allocations == 0
            domain.check_heap()
    """)


def test_sizes_and_alignments(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            live = []
            for align in (1, 8, 16, 64, 4096, 1 << 16):
                for size in (0, 1, 24, 4095, 4096, 100_000):
                    a = domain.allocate(size, align)
                    assert a.address % align == 0 and a.size_bytes == size
                    assert domain.base <= a.address and a.address + size < domain.base + domain.reserved_bytes
                    domain.write(a, bytes([len(live)]) * size)
                    live.append(a)
            for n, a in enumerate(live):
                assert domain.read(a) == bytes([n]) * a.size_bytes
            domain.check_heap()
            for a in live:
                a.free()
            assert domain.statistics().live_bytes == 0
    """)


def test_find(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            a = domain.allocate(100)
            assert domain.find(a.address) is a
            assert domain.find(a.address + 99) is a
            assert domain.find(a.address + 100) is a, "one past the end belongs to it"
            assert domain.find(id(a)) is None
            assert domain.find(0) is None
            domain.free(a)
            assert domain.find(a.address) is None
    """)


def test_misuse_is_an_error_not_a_crash(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain, mpk.Domain() as other:
            a, b = domain.allocate(16), other.allocate(16)
            raises(mpk.InvalidArgumentError, lambda: domain.read(a, 0, 17), "17", "16")
            raises(mpk.InvalidArgumentError, lambda: domain.read(a, -1, 1))
            raises(mpk.InvalidArgumentError, lambda: domain.write(a, b"x" * 17))
            raises(mpk.InvalidArgumentError, lambda: domain.allocate(-1), "-1")
            raises(mpk.InvalidArgumentError, lambda: domain.allocate(1, 3), "3")
            raises(mpk.InvalidArgumentError, lambda: domain.allocate(1, 0))
            raises(mpk.InvalidArgumentError, lambda: mpk.Domain(-1))
            raises(mpk.InvalidArgumentError, lambda: mpk.Domain(1 << 80))
            raises(mpk.NotLiveError, lambda: domain.free(b), "another domain")
            raises(mpk.NotLiveError, lambda: domain.read(b))
            domain.free(a)
            raises(mpk.NotLiveError, lambda: domain.free(a), "freed")
            raises(mpk.NotLiveError, lambda: domain.read(a), "freed")
            again = domain.allocate(16)  # may well get the same address
            raises(mpk.NotLiveError, lambda: domain.write(a, b"stale"))
            domain.free(again)
            domain.check_heap()
    """)


def test_full(passes: Snippet) -> None:
    passes("""
        with mpk.Domain(1 << 26) as domain:
            raises(mpk.NoMemoryError, lambda: domain.allocate(1 << 26), str(1 << 26))
            raises(mpk.NoMemoryError, lambda: domain.allocate(1 << 70))
            raises(mpk.NoMemoryError, lambda: domain.allocate(1, 1 << 40))
            live = []
            def fill():
                while True:
                    live.append(domain.allocate(1 << 20))
            raises(mpk.NoMemoryError, fill)
            assert len(live) >= 32
            for a in live:
                domain.free(a)
            domain.check_heap()
            assert domain.allocate(1 << 24)
    """)


def test_destroyed(passes: Snippet) -> None:
    passes("""
        domain = mpk.Domain()
        a = domain.allocate(16)
        with domain.open():
            raises(mpk.DomainInUseError, domain.destroy)
        domain.destroy()
        domain.close()
        for use in (lambda: domain.allocate(1), lambda: domain.read(a), lambda: a.free(),
                    lambda: domain.find(1), lambda: domain.key, lambda: domain.base, lambda: domain.rights,
                    domain.statistics, domain.check_heap, lambda: domain.open().__enter__()):
            raises(mpk.DomainDestroyedError, use)
        assert "destroyed" in repr(domain)
    """)


def test_many_domains_one_after_another_and_at_once(passes: Snippet) -> None:
    passes("""
        import gc
        for _ in range(50):
            with mpk.Domain() as domain:
                domain.write(domain.allocate(10_000), b"x" * 10_000)
        for _ in range(50):  # given back by garbage collection
            domain = mpk.Domain()
            domain.allocate(1)
            del domain
            gc.collect()
        at_once = []
        def take():
            while len(at_once) < 100:
                at_once.append(mpk.Domain(1 << 26))
        raises(mpk.NoKeyError, take)
        assert len(at_once) >= 10, len(at_once)
        at_once.pop().destroy()
        at_once.append(mpk.Domain(1 << 26))
    """)


def test_views_live_as_long_as_the_domain_is_open(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            a = domain.allocate(8)
            with domain.open() as opened:
                view = opened.view(a)
                view[:] = b"12345678"
                assert domain.rights is Rights.READ_WRITE
            assert domain.rights is Rights.NONE
            raises(ValueError, lambda: view[0])
            raises(mpk.RightsError, lambda: opened.view(a), "ended")
            with domain.open(Rights.READ) as opened:
                view = opened.view(a)
                assert bytes(view) == b"12345678"
                assert domain.rights is Rights.READ
                raises(TypeError, lambda: view.__setitem__(0, 0))
            with domain.open(Rights.NONE) as opened:
                raises(mpk.RightsError, lambda: opened.view(a), "NONE")
    """)


def test_opens_nest_and_never_narrow(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            with domain.open(Rights.READ):
                with domain.open(Rights.READ_WRITE):
                    with domain.open(Rights.READ):
                        assert domain.rights is Rights.READ_WRITE
                    a = domain.allocate(4)
                    assert domain.rights is Rights.READ_WRITE
                assert domain.rights is Rights.READ
                domain.write(a, b"abcd")  # opens and closes by itself
                assert domain.rights is Rights.READ
            assert domain.rights is Rights.NONE
            raises(ZeroDivisionError, lambda: (domain.open().__enter__() and None, 1 / 0))
    """)


def test_rights_come_back_after_an_exception(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            def fails():
                with domain.open():
                    raise KeyError("the body's own")
            raises(KeyError, fails)
            assert domain.rights is Rights.NONE
    """)


SETUP = """
    domain = mpk.Domain()
    a = domain.allocate(64)
    domain.write(a, b"s" * 64)
    print("before", flush=True)
"""


def test_closed_memory_cannot_be_read(dies: Snippet) -> None:
    dies(SETUP + "    ctypes.string_at(a.address, 1)")


def test_closed_memory_cannot_be_written(dies: Snippet) -> None:
    dies(SETUP + "    ctypes.memset(a.address, 0, 1)")


def test_memory_is_closed_again_after_open(dies: Snippet) -> None:
    dies(SETUP + "    with domain.open(): ctypes.memset(a.address, 0, 1)\n    ctypes.string_at(a.address, 1)")


def test_memory_open_for_reading_cannot_be_written(dies: Snippet) -> None:
    dies(
        SETUP + "    domain.open(Rights.READ).__enter__(); ctypes.string_at(a.address, 1)\n"
        "    ctypes.memset(a.address, 0, 1)"
    )


def test_one_domain_open_leaves_another_closed(dies: Snippet) -> None:
    dies(SETUP + "    with mpk.Domain() as other, other.open(): ctypes.string_at(a.address, 1)")


def test_freed_memory_is_still_closed(dies: Snippet) -> None:
    dies(SETUP + "    a.free(); ctypes.string_at(a.address, 1)")


def test_rights_that_there_are_not_change_nothing(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            for odd in (-1, 7, 1 << 40, None, "read"):
                raises(mpk.InvalidArgumentError, lambda: domain.open(odd).__enter__(), "mpk.Rights")
            assert domain.rights is Rights.NONE
            with domain.open(Rights.READ):
                assert domain.rights is Rights.READ
            assert domain.rights is Rights.NONE
    """)


def test_a_domain_too_many_is_refused_in_words_that_are_true(passes: Snippet) -> None:
    passes("""
        domains = []
        def more():
            domains.append(mpk.Domain())
        raises(mpk.NoKeyError, lambda: [more() for _ in range(20)], "all 14 domains exist; destroy one")
        assert 2 < len(domains) <= 14
    """)


def test_arguments_of_wrong_types_are_named(passes: Snippet) -> None:
    passes("""
        with mpk.Domain() as domain:
            raises(TypeError, lambda: domain.allocate("a"), "size_bytes is 'a'")
            raises(TypeError, lambda: domain.allocate(1, "a"), "align_bytes is 'a'")
        raises(TypeError, lambda: mpk.scan("abc"), "code is 'abc'")
        assert set(mpk.__all__) <= set(dir(mpk))
    """)
