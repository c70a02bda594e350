"""galeed-probe --scan as people start it, and samples to scan."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome
from tests.conftest import Run as RunCommand

PROBE = [sys.executable, "-W", "error", "-m", "mpk.probe"]
WRPKRU = b"\x0f\x01\xef"
Scan = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def probe(run: RunCommand) -> Callable[..., Outcome]:
    def call(*words: str | Path) -> Outcome:
        outcome = run([*PROBE, "--scan", *words])
        assert "Traceback" not in outcome.stderr, outcome
        return outcome

    return call


@pytest.fixture
def scan(probe: Callable[..., Outcome]) -> Scan:
    """The exit code and the JSON object."""

    def call(target: str | Path) -> tuple[int, dict[str, Any]]:
        outcome = probe(target, "--json")
        assert outcome.stderr == "", outcome
        found: dict[str, Any] = json.loads(outcome.stdout)
        return outcome.code, found

    return call


@pytest.fixture
def gcc(tmp_path: Path) -> Callable[..., Path]:
    if not shutil.which("gcc"):
        pytest.skip("no gcc on this machine")

    def call(name: str, source: str, *flags: str) -> Path:
        (tmp_path / name).write_text(source)
        subprocess.run(["gcc", *flags, name, "-o", "sample"], cwd=tmp_path, check=True)
        return tmp_path / "sample"

    return call
