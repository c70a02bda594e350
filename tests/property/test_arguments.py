"""Arguments of wrong types and values: every public callable of mpk raises, none ends the process.

Each call happens in a forked child, since a few of them succeed, and some of those
harden the process for good. A child that dies, or raises what the documentation does
not name, is told to the parent through a pipe.
"""

from __future__ import annotations

import inspect

import mpk
from tests.conftest import RunPython

TABLE = """
import os
import mpk
from hypothesis import given, settings
from hypothesis import strategies as st

def method(name):
    def call(value):
        domain = mpk.Domain()
        getattr(domain, name)(value)
    return call

def own(name, *before):
    def call(value):
        domain = mpk.Domain()
        getattr(domain, name)(domain.allocate(10), *before, value)
    return call

def opened(value):
    with mpk.Domain().open(value) as it:
        it.view(value)

def viewed(value):
    with mpk.Domain().open() as it:
        it.view(value)

def group(name):
    def call(value):
        one = mpk.PageGroup(1, 4096)
        one.begin()
        getattr(one, name)(value)
    return call

def begun(value):
    with mpk.PageGroup(1, 4096).begun(value) as memory:
        bytes(memory)

# What each name of mpk.__all__ does with one argument; "." is a method.
CALLS = {
    "Allocation": lambda value: mpk.Domain().free(mpk.Allocation(mpk.Domain(), value, value, value)),
    "Domain": mpk.Domain,
    "Domain.limit": lambda value: mpk.Domain(limit_bytes=value),
    "Domain.heap": lambda value: mpk.Domain(heap=value),
    "Domain.allocate": method("allocate"),
    "Domain.allocate.align": lambda value: mpk.Domain().allocate(8, value),
    "Domain.find": method("find"),
    "Domain.free": method("free"),
    "Domain.open": opened,
    "Domain.read": method("read"),
    "Domain.read.offset": own("read"),
    "Domain.read.size": own("read", 0),
    "Domain.set_limit": method("set_limit"),
    "Domain.write": own("write"),
    "Domain.write.offset": own("write", b"a"),
    "Gadget": mpk.Gadget,
    "HardenPolicy": lambda value: mpk.harden(mpk.HardenPolicy(value)),
    "HardenPolicy.of_level": mpk.HardenPolicy.of_level,
    "HardenPolicy.optional": lambda value: mpk.harden(mpk.HardenPolicy(mpk.HardenPart.DUMP, value)),
    "HardenPolicy.parse": mpk.HardenPolicy.parse,
    "Opened": viewed,
    "PageGroup": lambda value: mpk.PageGroup(value, 4096),
    "PageGroup.size": lambda value: mpk.PageGroup(1, value),
    "PageGroup.prot": lambda value: mpk.PageGroup(1, 4096, value),
    "PageGroup.allocate": group("allocate"),
    "PageGroup.begin": group("begin"),
    "PageGroup.begun": begun,
    "PageGroup.free": group("free"),
    "PageGroup.protect": group("protect"),
    "harden": mpk.harden,
    "init_keys": mpk.init_keys,
    "keys_wait": mpk.keys_wait,
    "scan": mpk.scan,
}
"""

FUZZ = """
VALUES = st.one_of(
    st.sampled_from([None, "", "strict?", "\\0", b"", -1, 0, 2**31, 2**63, 2**64, 2**70, -(2**70), object(), True, [], {}]),
    st.sampled_from([mpk.Rights.READ, mpk.Prot.WRITE, mpk.HardenLevel.BASIC, mpk.HeapParts.HARDENED, mpk.Domain]),
    st.integers(), st.floats(), st.text(max_size=9), st.binary(max_size=9),
)

def told(call, value):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = b""
        try:
            call(value)
        except (TypeError, ValueError, mpk.MpkError):
            pass
        except BaseException as error:
            said = repr(error).encode()
        os.write(write, said)
        os._exit(0)
    os.close(write)
    said = os.read(read, 4096).decode()
    os.close(read)
    return said, os.waitpid(child, 0)[1]

@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(sorted(CALLS)), VALUES)
def fuzz(name, value):
    assert told(CALLS[name], value) == ("", 0), (name, value)

fuzz()
"""


def test_wrong_arguments_raise_what_is_documented(backend: str, run_python: RunPython) -> None:
    outcome = run_python(TABLE + FUZZ, timeout_seconds=600)
    assert outcome.code == 0, outcome


def test_every_public_callable_with_arguments_is_tried(run_python: RunPython) -> None:
    """What takes no argument, and what only holds values, needs no trial."""
    outcome = run_python(TABLE + "print(*{name.split('.')[0] for name in CALLS})")
    holds_values = {"Backend", "HardenLevel", "HardenPart", "HardenReport", "HeapParts", "Hit", "KeyStatistics"}
    holds_values |= {"Prot", "Rights", "Statistics"}
    wanted = set()
    for name in mpk.__all__:
        found = getattr(mpk, name)
        if inspect.isclass(found) and issubclass(found, Exception):
            continue
        if inspect.isclass(found) or inspect.signature(found).parameters:
            wanted.add(name)
    assert set(outcome.stdout.split()) == wanted - holds_values, outcome
    methods = {
        f"{cls.__name__}.{name}"
        for cls in (mpk.Domain, mpk.PageGroup, mpk.HardenPolicy)
        for name, member in vars(cls).items()
        if not name.startswith("_") and callable(getattr(cls, name)) and _takes_one(getattr(cls, name), member)
    }
    outcome = run_python(TABLE + "print(*CALLS)")
    assert methods <= set(outcome.stdout.split()), methods - set(outcome.stdout.split())


def _takes_one(found: object, member: object) -> bool:
    """Whether there is a parameter besides self."""
    assert callable(found)
    return len(inspect.signature(found).parameters) > (0 if isinstance(member, classmethod) else 1)
