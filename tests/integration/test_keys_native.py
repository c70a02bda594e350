"""Virtual keys in C: one small program and one process a case, on both backends.

The programs lie in tests/native/keys. What a program can judge by itself it checks
and exits 0; what must end a process is judged here.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests import compiled
from tests.compiled import FLAVOURS
from tests.conftest import scaled
from tests.integration.conftest import Program


@pytest.fixture(scope="session", params=FLAVOURS)
def programs(request: pytest.FixtureRequest) -> Path:
    """The folder of the compiled programs: as shipped, and under clang's UBSan in trap mode."""
    return compiled.programs("keys", FLAVOURS[request.param]())


HOLDS = (
    *(f"basic {what}" for what in ("begins", "misuse", "many", "churn", "lru", "million", "files")),
    *(
        f"process {what}"
        for what in ("everybody-small", "everybody-large", "begun", "deaf", "inherit", "newborn", "exec", "rate")
    ),
    *(f"threads {what}" for what in ("own", "crowd", "wait", "exit", "fork", "contention", "meet")),
    *(f"house {what}" for what in ("gates", "accessor", "domains", "try", "heap", "limits", "signals")),
    *(f"hardened {policy}" for policy in ("basic", "landlock", "signals?", "syscalls", "strict?", "full?")),
    *(f"odd {what}" for what in ("descriptors", "sealed", "null", "restart", "handler")),
)


@pytest.mark.parametrize("words", HOLDS)
def test_holds(backend: str, program: Program, words: str) -> None:
    outcome = program(*words.split())
    assert outcome.code == 0, outcome
    assert outcome.stdout.endswith("ok\n"), outcome


@pytest.mark.parametrize("hammer", ["hammer", "hammer-two", "hammer-rights"])
def test_64_threads_on_100_groups(backend: str, program: Program, hammer: str) -> None:
    """With one begin at a time all succeed within the wait; with two, some are refused, and only so."""
    outcome = program("threads", hammer, str(scaled(10 if hammer == "hammer-rights" else 300, 10)))
    assert outcome.code == 0, outcome
    assert outcome.stdout.endswith("ok\n"), outcome


def test_a_hit_of_one_thread_makes_no_system_call(backend: str, program: Program) -> None:
    outcome = program("basic", "quiet")
    expected = (0, "quiet\n") if backend == "pku" else (-signal.SIGKILL, "")  # page rights are the kernel's
    assert (outcome.code, outcome.stdout) == expected, outcome


@pytest.mark.parametrize("rights", ["none", "read"])
def test_foreign_code_has_no_rights_on_groups(backend: str, program: Program, rights: str) -> None:
    outcome = program("house", "gates", env={"GALEED_FOREIGN_RIGHTS": rights})
    assert outcome.code == 0, outcome


@pytest.mark.parametrize(("what", "line"), [("touch", "read page group 3"), ("write-reader", "wrote page group 3")])
def test_a_host_thread_that_has_not_begun(backend: str, program: Program, what: str, line: str) -> None:
    outcome = program("house", what)
    assert outcome.code == -signal.SIGSEGV, outcome
    assert line in outcome.stderr, outcome
    assert ("hardware key" in outcome.stderr) == (backend == "pku"), outcome
    assert "violation" not in outcome.stderr, outcome


def test_the_programs_own_handler_is_asked(backend: str, program: Program) -> None:
    outcome = program("house", "touch-handler")
    assert (outcome.code, outcome.stdout) == (9, "signal 11 at the group 1\n"), outcome


@pytest.mark.parametrize("policy", ["abort", "report"])
def test_foreign_code_that_touches_a_group(backend: str, program: Program, policy: str) -> None:
    outcome = program("house", "foreign", env={"GALEED_ON_VIOLATION": policy})
    assert outcome.code == -signal.SIGABRT or (backend == "mprotect" and policy == "report"), outcome
    assert "boundary violation: foreign code in foreign_function tried to read" in outcome.stderr, outcome


def test_foreign_code_that_calls_begin(backend: str, program: Program) -> None:
    outcome = program("house", "foreign-begin")
    assert outcome.code == -signal.SIGABRT, outcome
    assert outcome.stderr == "galeed: fatal: foreign code called mpk_begin\n", outcome
