"""The C heap of two domains, plain and hardened, against a model in Python, on both backends."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conftest import ROOT, Run

MACHINE = Path(__file__).with_name("heap_machine.py")
TIMEOUT_SECONDS = 900.0


def test_the_heap_is_what_the_model_says(backend: str, run: Run, tmp_path: Path) -> None:
    env = {
        "PYTHONPATH": str(ROOT),
        "HEAP_EXAMPLES": "60" if backend == "mprotect" else "10",  # an emulated CPU is slow
        "GALEED_ON_VIOLATION": "report",
        "GALEED_REPORT": str(tmp_path / "report.jsonl"),
        "GALEED_HEAP": None,
    }
    outcome = run([sys.executable, str(MACHINE)], env=env, cwd=ROOT, timeout_seconds=TIMEOUT_SECONDS)
    assert (outcome.code, outcome.stdout) == (0, "ok\n"), outcome
