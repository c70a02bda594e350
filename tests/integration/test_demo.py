"""The demo, whole: built by plain cargo and by cargo galeed, run, judged, written."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CASES = ("honest", "cve-2022-37434", "quiet-overflow", "stale-address", "use-after-free")
KINDS = {
    "honest": None,
    "cve-2022-37434": "spatial",
    "quiet-overflow": "spatial",
    "stale-address": "boundary",
    "use-after-free": "temporal",
}
TIMEOUT_SECONDS = 1800.0  # the first run builds three times; an emulated CPU is slow

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Demo:
    """One whole run. result: what result.json holds."""

    backend: str
    code: int
    printed: str
    complaints: str
    output: Path
    result: dict[str, Any]


@pytest.fixture(scope="module")
def finished() -> dict[str, Demo]:
    """Runs by backend: each is made once for all tests of this file."""
    return {}


@pytest.fixture
def demo(
    backend: str, run: Any, root: Path, finished: dict[str, Demo], tmp_path_factory: pytest.TempPathFactory
) -> Demo:
    if backend not in finished:
        output = tmp_path_factory.mktemp(f"demo-{backend}")
        command = [sys.executable, "-m", "experiments.cli", "run", "demo", "--backend", backend]
        if os.environ.get("GALEED_TESTS_COMPILE") == "0":
            command.append("--no-build")
        done = run([*command, "--output", output], cwd=root, timeout_seconds=TIMEOUT_SECONDS)
        written = output / "result.json"
        loaded = json.loads(written.read_text()) if written.is_file() else {}
        finished[backend] = Demo(backend, done.code, done.stdout, done.stderr, output, loaded)
    return finished[backend]


def test_exit_code(demo: Demo) -> None:
    assert demo.code == 0, f"{demo.printed}\n{demo.complaints}"


def test_result_has_the_documented_shape(demo: Demo) -> None:
    assert set(demo.result) == {"machine", "cases"}
    rows = demo.result["cases"]
    assert [(row["case"], row["backend"]) for row in rows] == [(name, demo.backend) for name in CASES]
    for row in rows:
        assert set(row) == {"case", "backend", "undefended", "defended", "violation", "ratio"}
        assert row["ratio"] is None or row["ratio"] > 0


def test_every_case_came_out_as_stated(demo: Demo) -> None:
    for row in demo.result["cases"]:
        kind = KINDS[row["case"]]
        if kind is None:
            assert (row["undefended"], row["defended"], row["violation"]) == ("ok", "ok", None)
            assert (row["ratio"] is None) == demo.result["machine"]["emulated"]
            continue
        assert (row["undefended"], row["defended"]) == ("corrupted", "stopped")
        assert row["violation"]["violation"] == kind
        assert row["violation"]["backend"] == demo.backend
        assert row["violation"]["action"] == "unwind"


def test_the_cve_is_named_in_full(demo: Demo) -> None:
    violation = next(row["violation"] for row in demo.result["cases"] if row["case"] == "cve-2022-37434")
    assert violation["function"] == "inflate"
    assert violation["offset"] == 65
    assert violation["lease"]["bound"] == 64
    assert violation["allocation"]["bytes"] == 64


def test_the_table_shows_every_case(demo: Demo) -> None:
    lines = [line for line in demo.printed.splitlines() if demo.backend in line]
    for name in CASES:
        assert any(line.startswith(name) for line in lines), demo.printed


DECEIVED = """
import sys
from experiments import cli
from experiments.demo import experiment
real = experiment.build
experiment.build = lambda program, way, options: real(program, "plain", options)
experiment.timing.ROUNDS = 1
sys.exit(cli.main(["run", "demo", "--backend", "mprotect", "--output", sys.argv[1]]))
"""


def test_a_deviation_is_exit_1_and_says_which(run_python: Any, tmp_path: Path) -> None:
    """With the undefended program in the defended one's place every attack must be missed."""
    done = run_python(DECEIVED, str(tmp_path), timeout_seconds=TIMEOUT_SECONDS)
    assert done.code == 1, str(done)
    said = [line.partition("not as stated: ")[2] for line in done.stderr.splitlines()]
    missed = [line.split(" on ")[0] for line in said if line]
    assert missed == list(CASES[1:])
    assert all((tmp_path / f"{name}.mprotect.defended.stderr").is_file() for name in CASES)
