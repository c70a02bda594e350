"""mpk_call and mpk_host_stack: stacks on both sides, registers, signals, attacks D3 and D4.

The programs lie in tests/native/call. Each attack runs twice: behind a plain gate,
where it must succeed, and inside mpk_call, where it must fail in exactly one way.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests import compiled
from tests.compiled import FLAVOURS
from tests.conftest import Outcome
from tests.integration.conftest import Program

ABORTED = -signal.SIGABRT
PLACES = ("general", "vector", "mask", "x87", "mxcsr", "stack")


@pytest.fixture(scope="session", params=FLAVOURS)
def programs(request: pytest.FixtureRequest) -> Path:
    """The folder of the compiled programs: as shipped, and under clang's UBSan in trap mode."""
    return compiled.programs("call", FLAVOURS[request.param]())


def places(outcome: Outcome) -> dict[str, int]:
    assert outcome.code == 0, outcome
    found = dict(line.split() for line in outcome.stdout.splitlines())
    assert tuple(found) == PLACES, outcome
    return {name: int(count) for name, count in found.items()}


def test_values_nesting_controls_and_unwinding(backend: str, program: Program) -> None:
    outcome = program("calls")
    assert (outcome.code, outcome.stdout) == (0, "ok\n"), outcome


def test_secrets_in_registers_and_dead_stack(backend: str, program: Program) -> None:
    undefended = places(program("leaks", "gate"))
    flags = Path("/proc/cpuinfo").read_text().split()
    words = 8 * 32 if "avx512bw" in flags else 4 * 16 if "avx" in flags else 2 * 16
    assert undefended["vector"] >= words - 64, undefended  # the gate's own code may use some
    assert undefended["mask"] == (8 if "avx512bw" in flags else 0)
    assert all(undefended[name] for name in ("general", "x87", "mxcsr", "stack")), undefended
    assert places(program("leaks", "call")) == dict.fromkeys(PLACES, 0)


def test_a_sibling_overwrites_a_return_address(backend: str, program: Program) -> None:
    outcome = program("siblings", "gate")
    assert (outcome.code, outcome.stdout) == (0, "hijacked\n"), outcome
    outcome = program("siblings", "call")
    assert (outcome.code, outcome.stdout) == (ABORTED, ""), outcome
    who = "sibling" if backend == "pku" else "wait_for_sibling"
    headline = f"galeed: boundary violation: foreign code in {who} tried to write memory that it may not"
    assert outcome.stderr.splitlines()[0] == headline, outcome
    key = "protection key 2, " if backend == "pku" else ""
    assert f", {key}backend {backend}" in outcome.stderr.splitlines()[2], outcome


@pytest.mark.parametrize("how", ["host", "foreign", "storm", "steps"])
def test_signal_handlers_enter_the_host(backend: str, program: Program, how: str) -> None:
    outcome = program("handlers", how)
    assert outcome.code == 0, outcome
    assert outcome.stdout.startswith("ok: "), outcome


FATAL = {
    "report": "galeed: boundary violation: foreign code in work tried to write memory that it may not",
    "overflow": "galeed: fatal: a host stack of 1052608 bytes overflowed; give mpk_host_stack more",
    "overflow-foreign": "galeed: fatal: foreign code overflowed its stack of 8388608 bytes",
    "plain": "galeed: fatal: a plain gate (mpk_gate_enter) on a host stack",
    "not-allowed": "galeed: boundary violation: foreign code in work tried to execute memory that it may not",
    "back-outside": "galeed: fatal: mpk_call_back is for foreign code that was called by mpk_call",
}


@pytest.mark.parametrize("how", FATAL)
def test_what_ends_the_process_says_why(backend: str, program: Program, how: str) -> None:
    outcome = program("handlers", how)
    assert (outcome.code, outcome.stdout) == (ABORTED, ""), outcome
    assert outcome.stderr.startswith(FATAL[how]), outcome


def test_a_jump_to_the_opening_instruction_is_found_out(backend: str, program: Program) -> None:
    if backend == "mprotect":
        pytest.skip("specified: there is no such instruction; rights change by system calls")
    outcome = program("handlers", "middle")
    assert (outcome.code, outcome.stdout) == (-signal.SIGILL, ""), outcome


def test_part_stacks_leaves_calls_callbacks_threads_and_forks(backend: str, program: Program) -> None:
    outcome = program("sites", "calls", "stacks")
    assert (outcome.code, outcome.stdout) == (0, "ok\n"), outcome


PART = "under part stacks of mpk_harden"
ENDED_BY_PART_STACKS = {
    "gate": f"a plain gate (mpk_gate_enter) {PART}; inside mpk_host_stack foreign code is called by mpk_call",
    "callback": f"a plain gate (mpk_callback_enter) {PART}; callbacks come in by mpk_call_back",
    "access": f"a plain gate (mpk_access_begin) {PART}; the host is called by mpk_call_back",
    "fork-by-C": f"foreign code called fork; {PART} only the host may",
    "thread-end": f"foreign code ended a thread of the host; {PART} only the host may",
}


@pytest.mark.parametrize("how", ENDED_BY_PART_STACKS)
def test_part_stacks_ends_every_other_way(backend: str, program: Program, how: str) -> None:
    """On mprotect, where foreign code can open rights by itself, forks and thread ends stay as they are."""
    outcome = program("sites", how, "stacks")
    if backend == "mprotect" and how in {"fork-by-C", "thread-end"}:
        assert (outcome.code, outcome.stdout) == (0, ""), outcome
        return
    assert (outcome.code, outcome.stdout) == (ABORTED, ""), outcome
    assert outcome.stderr == f"galeed: fatal: {ENDED_BY_PART_STACKS[how]}\n", outcome


@pytest.mark.parametrize(
    ("how", "env", "why"),
    [
        ("off-stack", {}, "stacks: the host must be on a stack of its own: call mpk_host_stack "),
        ("unwind", {"GALEED_ON_VIOLATION": "unwind"}, "stacks: needs GALEED_ON_VIOLATION=abort: "),
        ("plain-open", {}, "stacks: 1 plain gates are open (mpk_gate_enter, mpk_callback_enter), "),
    ],
)
def test_part_stacks_is_refused_in_words(
    backend: str, program: Program, how: str, env: dict[str, str], why: str
) -> None:
    outcome = program("sites", how, "stacks", env=env)
    assert (outcome.code, outcome.stderr) == (0, ""), outcome
    assert outcome.stdout.startswith(f"refused: {why}"), outcome


def test_no_opening_instruction_but_the_call_gates_gives_foreign_code_rights(backend: str, program: Program) -> None:
    """Each WRPKRU that the runtime has, jumped to with all registers chosen, two ways."""
    if backend == "mprotect":
        pytest.skip("specified: there is no such instruction; rights change by system calls")
    count = int(program("sites", "count", "none").stdout)
    assert count > 20
    for site in range(count):
        for registers in ("matched", "mismatched"):
            outcome = program("sites", str(site), registers)
            assert outcome.stdout == "", f"site {site}, {registers}: {outcome}"
            assert outcome.code in {ABORTED, -signal.SIGILL, -signal.SIGSEGV}, f"site {site}, {registers}: {outcome}"
