"""Virtual keys in Python: the stateful property test and the documentation's examples, on both backends."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conftest import ROOT, Run, scaled

MACHINE = Path(__file__).with_name("keys_machine.py")
TIMEOUT_SECONDS = 900.0


def test_the_python_api_is_what_the_model_says(backend: str, run: Run) -> None:
    examples = str(scaled(60, 12))
    argv = [sys.executable, "-W", "error", str(MACHINE)]
    env = {"PYTHONPATH": str(ROOT), "KEYS_EXAMPLES": examples}
    outcome = run(argv, env=env, cwd=ROOT, timeout_seconds=TIMEOUT_SECONDS)
    assert (outcome.code, outcome.stdout) == (0, "ok\n"), outcome


def test_the_examples_in_the_documentation(backend: str, run: Run) -> None:
    code = "import doctest, mpk.keys; print(doctest.testmod(mpk.keys, raise_on_error=False))"
    outcome = run([sys.executable, "-W", "error", "-c", code], cwd=ROOT)
    assert outcome.code == 0, outcome
    assert "failed=0" in outcome.stdout, outcome
    assert "attempted=0" not in outcome.stdout, outcome
