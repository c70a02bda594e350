"""The scanner in C: no byte outside is read, and the CPU agrees with it about prefixes.

The programs lie in tests/native/scan; they need no runtime, only scan.c.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import compiled
from tests.compiled import CSRC, gcc
from tests.conftest import Run

NOTHING_TO_ASK = 77


@pytest.fixture(scope="session", params=["gcc", "gcc-trap"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Both programs, compiled as shipped and with every undefined behaviour a trap."""
    trap = ("-O1", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
    flavour = gcc() if request.param == "gcc" else gcc("gcc-trap", *trap)
    return compiled.programs("scan", flavour, [CSRC / "scan.c"])


def test_nothing_outside_is_read(folder: Path, run: Run) -> None:
    outcome = run([folder / "edges"])
    assert outcome.code == 0, outcome


def test_the_cpu_decides_which_prefixes_make_a_gadget(folder: Path, run: Run) -> None:
    outcome = run([folder / "silicon"])
    if outcome.code == NOTHING_TO_ASK:
        pytest.skip("this kernel or CPU has no FSGSBASE to ask about")
    assert outcome.code == 0, outcome
