"""galeed-audit --evidence on what real programs wrote: which allocation crossed, and where in C."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit import cli
from tests.conftest import Run
from tests.integration.test_sharing import HERE, program, pytestmark

__all__ = ["program", "pytestmark"]

_SOURCE = HERE / "c" / "foreign.c"
# Mistake -> the rule whose finding it is, the C function, and a part of the line in C.
_FOUND = {
    "beside-slice": ("I16", "c_fill", "*at++ = value"),
    "write-str": ("I10", "c_upper", "*at -= 32"),
    "free": ("I02", "c_free_owned", "free("),
    "gone": ("I07", "c_call_kept", ""),
    "late-out": (None, "c_measure", "*"),
}


@pytest.mark.parametrize("mistake", _FOUND)
def test_a_violation_of_a_real_run(
    program: Path, run: Run, backend: str, mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = tmp_path / "run.jsonl"
    run([program, mistake], env={"GALEED_REPORT": str(evidence), "GALEED_SITES": "full"})
    words = ["-q", str(HERE / "src"), "--rule", "I*", "--evidence", str(evidence), "--format", "json"]
    assert cli.main(words) == 1
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    rule, function, line = _FOUND[mistake]
    (seen,) = report["runs"]
    assert (seen["rule"], seen["entry"], report["notes"]) == (rule, function, [])
    if line:
        assert seen["function"] == function and seen["artifact"].endswith("tests/integration/sharing/c/foreign.c")
        assert line in _SOURCE.read_text(encoding="utf-8").splitlines()[seen["line"] - 1]
    assert [each["rule"] for each in report["findings"]] == ([rule] if rule else [])
    if mistake == "free":
        assert "of an allocation of 8 bytes" in seen["text"] and "src/mistakes.rs:" in seen["text"]
