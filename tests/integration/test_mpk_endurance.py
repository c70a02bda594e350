"""Gates under load: many threads, signals, forks, exec, domains by the thousand, nothing left.

The programs lie in tests/native/endurance; each judges itself. Counts are chosen so
that a case takes seconds; GALEED_ENDURANCE=1 (`make endurance`) runs the full ones.
On mprotect each crossing is several system calls, made one thread at a time: a
million of them is ten minutes of waiting, so a tenth is run there. An emulated CPU
runs a tenth of the quick ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import compiled
from tests.compiled import FLAVOURS
from tests.conftest import Run, scaled

FULL = os.environ.get("GALEED_ENDURANCE") == "1"
# Case: how often, in a quick run and in a full one, as (mprotect, pku).
COUNTS = {
    "crossings threads": ((6_400, 100_000), (100_000, 1_000_000)),
    "crossings stacks": ((6_400, 100_000), (100_000, 1_000_000)),
    "crossings storm": ((20_000, 20_000), (500_000, 500_000)),
    "crossings forks": ((50, 50), (2_000, 2_000)),
    "crossings first": ((100, 100), (2_000, 2_000)),
    "limits domains": ((2_000, 2_000), (10_000, 10_000)),
    "limits keys": ((300, 300), (5_000, 5_000)),
    "limits space": ((0, 0), (0, 0)),
    "limits exec": ((0, 0), (0, 0)),
}
PATIENCE_SECONDS = 1800.0 if FULL else 120.0


@pytest.fixture(scope="session", params=FLAVOURS)
def programs(request: pytest.FixtureRequest) -> Path:
    """The folder of the compiled programs: as shipped, and under clang's UBSan in trap mode."""
    return compiled.programs("endurance", FLAVOURS[request.param]())


@pytest.mark.parametrize("case", COUNTS)
def test_holds(backend: str, programs: Path, run: Run, case: str) -> None:
    program, mode = case.split()
    count = COUNTS[case][FULL][backend == "pku"]
    count = scaled(count, count if FULL else count // 10)
    outcome = run([programs / program, mode, str(count)], timeout_seconds=PATIENCE_SECONDS)
    assert outcome.code == 0, outcome
    assert outcome.stdout.startswith("ok"), outcome
    if (case, backend) == ("crossings threads", "pku") and FULL:
        assert outcome.stdout == "ok: 1000000 round trips from 64 threads\n", outcome
