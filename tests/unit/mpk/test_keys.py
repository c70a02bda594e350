"""Virtual keys in Python: threads, misuse that Python finds itself, many groups. See also tests/property."""

from __future__ import annotations

import pytest

from tests.conftest import RunPython

THREADS = """
import threading, mpk
from mpk import Prot
group = mpk.PageGroup(1, 4096)
go, seen, leave = threading.Event(), threading.Event(), threading.Event()
values = []
def reader():
    for _ in range(20):
        go.wait(); go.clear()
        values.append(mpk._native.ffi.buffer(mpk._native.ffi.cast("char *", group.address), 1)[0])
        seen.set()
import mpk._native
thread = threading.Thread(target=reader)  # older than the first key
thread.start()
for turn in range(20):
    with group.begun() as memory:
        memory[0] = turn
    group.protect(Prot.READ)
    go.set(); seen.wait(); seen.clear()
    group.protect(Prot.NONE)
thread.join()
print([value[0] for value in values] == list(range(20)), mpk.keys_statistics().pinned)
"""

MANY = """
import mpk
groups = [mpk.PageGroup(number, 4096) for number in range(1000)]
for number, group in enumerate(groups):
    with group.begun() as memory:
        memory[:4] = number.to_bytes(4, "little")
for number, group in enumerate(groups):
    with group.begun(mpk.Prot.READ) as memory:
        assert memory.readonly and bytes(memory[:4]) == number.to_bytes(4, "little")
statistics = mpk.keys_statistics()
print(statistics.groups, statistics.pinned, statistics.evictions > 900 or mpk.backend() is mpk.Backend.MPROTECT)
for group in groups:
    group.unmap()
print(mpk.keys_statistics().groups)
"""

MISUSE = """
import mpk
from mpk import PageGroup, Prot
def refused(error, call, *arguments):
    try:
        call(*arguments)
    except error as problem:
        assert "\\n" not in str(problem)
    else:
        raise SystemExit(f"{call} {arguments} was not refused")
bad = mpk.InvalidArgumentError
for arguments in ((-1, 1), (1 << 31, 1), (1, 0), (1, -5), (1, 1 << 60), (1, 4096, Prot.NONE), (1, 4096, Prot.WRITE)):
    refused(bad, PageGroup, *arguments)
refused(bad, mpk.init_keys, 1.5)
refused(bad, mpk.init_keys, float("nan"))
refused(bad, mpk.keys_wait, -1)
refused(bad, mpk.keys_wait, 1e12)
group = PageGroup(1, 8192, Prot.READ)
refused(bad, group.begin, Prot.READ | Prot.WRITE)
refused(bad, group.begin, Prot.EXEC)
refused(bad, group.protect, Prot.READ | Prot.WRITE)
refused(bad, group.allocate, 1)
refused(bad, group.allocate, -1)
refused(bad, group.free, 0)
refused(bad, group.free, 1 << 64)
refused(bad, group.end)
refused(mpk.VirtualKeyError, PageGroup, 1, 1)
with group.begun(Prot.READ) as memory:
    refused(mpk.PinnedError, group.unmap)
    refused(TypeError, memory.__setitem__, 0, 1)
refused(ValueError, memory.__getitem__, 0)
group.unmap()
group.unmap()
refused(mpk.VirtualKeyError, group.begin)
print(group)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [(THREADS, "True 0\n"), (MANY, "1000 0 True\n0\n"), (MISUSE, "<PageGroup 1, unmapped>\n")],
    ids=["threads", "many", "misuse"],
)
def test_in_a_process_of_its_own(backend: str, run_python: RunPython, code: str, said: str) -> None:
    outcome = run_python(code)
    assert (outcome.code, outcome.stdout) == (0, said), outcome


WORDS = """
import mpk
from mpk import PageGroup, Prot
def says(words, error, call, *arguments):
    try:
        call(*arguments)
    except error as problem:
        assert words in str(problem), problem
    else:
        raise SystemExit(f"{call} {arguments} was not refused")
group = PageGroup(7, 4096, Prot.READ)
says("virtual key 7 has a page group already", mpk.VirtualKeyError, PageGroup, 7, 4096)
says("this thread has not begun page group 7", mpk.InvalidArgumentError, group.end)
says("no more than the group was made with", mpk.InvalidArgumentError, group.begin, Prot.READ | Prot.WRITE)
says("no more than the group was made with", mpk.InvalidArgumentError, group.protect, Prot.WRITE)
group.begin(Prot.READ)
says("an open mpk_begin holds the page group", mpk.PinnedError, group.unmap)
group.end()
group.unmap()
print("ended")
"""


def test_refusals_name_what_is_wrong(run_python: RunPython, backend: str) -> None:
    outcome = run_python(WORDS)
    assert (outcome.code, outcome.stdout) == (0, "ended\n"), str(outcome)
