"""galeed-probe: its JSON, its text, and its answers to bad environments and bad usage."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import environment, pku_available

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run

PROBE = [sys.executable, "-W", "error", "-m", "mpk.probe"]
COSTS = ["rdpkru", "wrpkru", "getpid", "mprotect_page", "pkey_mprotect_page", "gate_round_trip"]


def test_json(run: Run, backend: str) -> None:
    outcome = run([*PROBE, "--json"])
    assert outcome.code == 0, str(outcome)
    assert outcome.stderr == ""
    facts: dict[str, Any] = json.loads(outcome.stdout)
    assert facts["backend"]["name"] == backend
    assert facts["backend"]["reason"]
    assert facts["backend"]["foreign_rights"] == "none"
    assert (facts["keys_free"] > 0) == pku_available()
    assert facts["kernel"].startswith("Linux ")
    assert facts["features"]["fsgsbase"]["available"], "the runtime could not have started without"
    assert facts["features"]["seccomp"]["available"]
    assert list(facts["costs_ns"]) == COSTS
    keys_only = {"rdpkru", "wrpkru", "pkey_mprotect_page"}
    for name, value in facts["costs_ns"].items():
        if name in keys_only and not pku_available():
            assert value is None, name
        else:
            assert 0.1 < value < 1e6, name
    assert {compiler["name"] for compiler in facts["compilers"]} >= {"clang", "rustc", "cargo", "cc"}
    ziglang = [c for c in facts["compilers"] if c["from"] == "ziglang"]
    assert [c["version"].split(".")[0] for c in ziglang] == ["22"]


def test_features_agree_with_the_kernel(run: Run) -> None:
    features = json.loads(run([*PROBE, "--json", "--no-costs"]).stdout)["features"]
    flags = set()
    with open("/proc/cpuinfo") as file:  # noqa: PTH123  # one line at a time
        for line in file:
            if line.startswith("flags"):
                flags = set(line.split())
                break
    assert features["pku_cpu"]["available"] == ("pku" in flags)
    assert features["pku_enabled"]["available"] == ("ospke" in flags)
    assert features["pku_alloc"]["available"] == pku_available()
    for feature in features.values():
        assert feature["available"] == (feature["value"] > 0)
        assert feature["available"] != feature["detail"].startswith("no")


def test_text(run: Run, backend: str) -> None:
    outcome = run(PROBE)
    assert outcome.code == 0, str(outcome)
    lines = outcome.stdout.splitlines()
    assert any(line.split() == ["chosen", backend] for line in lines), str(outcome)
    for title in ("Backend", "CPU and kernel, by trial", "Compilers", "Costs, medians"):
        assert title in lines
    wrpkru = next(line for line in lines if line.startswith("  WRPKRU"))
    assert wrpkru.endswith(" ns" if pku_available() else "unavailable")


def test_without_costs(run: Run) -> None:
    assert "Costs" not in run([*PROBE, "--no-costs"]).stdout
    costs = json.loads(run([*PROBE, "--no-costs", "--json"]).stdout)["costs_ns"]
    assert costs == dict.fromkeys(COSTS)


def test_forced_pku_where_there_is_none(run: Run) -> None:
    if pku_available():
        pytest.skip("this machine has protection keys")
    outcome = run([*PROBE, "--json", "--no-costs"], env={"GALEED_BACKEND": "pku"})
    assert outcome.code == 2, str(outcome)
    facts = json.loads(outcome.stdout)
    assert facts["backend"]["name"] is None
    assert facts["backend"]["error"]
    assert outcome.stderr == f"galeed-probe: {facts['backend']['error']}\n"


@pytest.mark.parametrize("name", ["GALEED_BACKEND", "GALEED_FOREIGN_RIGHTS", "GALEED_ON_VIOLATION", "GALEED_ON_TRAP"])
def test_bad_environment(run: Run, name: str) -> None:
    outcome = run([*PROBE, "--no-costs"], env={name: "sideways"})
    assert outcome.code == 2, str(outcome)
    assert outcome.stderr.startswith("galeed-probe: ")
    assert outcome.stderr.count("\n") == 1
    assert "chosen" in outcome.stdout, "the rest is shown all the same"


def test_bad_options(run: Run) -> None:
    for arguments in (["--jsn"], ["extra"], ["--json=yes"]):
        outcome = run([*PROBE, *arguments])
        assert outcome.code == 2, str(outcome)
        assert "Traceback" not in outcome.stderr
        assert outcome.stderr.splitlines()[-1].startswith("galeed-probe: error: "), str(outcome)


def test_output_that_cannot_be_written() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [*PROBE, "--no-costs"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "galeed-probe: cannot write the result: No space left on device\n"


@pytest.mark.parametrize("arguments", [["--no-costs"], ["--scan", sys.executable]])
def test_an_output_that_is_closed(arguments: list[str]) -> None:
    command = shlex.join([*PROBE, *arguments]) + " >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert done.returncode == 2
    assert done.stderr == "galeed-probe: standard output is closed; send it to a file or to /dev/null\n"


def test_a_reader_that_leaves_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [*PROBE, "--no-costs"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [("mpk.probe",), ("mpk.hardening", "--", "true")])
def test_without_the_native_part(run: Run, root: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A copy of the package that was never built says so in one line."""
    shutil.copytree(root / "mpk", tmp_path / "mpk", ignore=shutil.ignore_patterns("*.so", "csrc", "rust"))
    # -S: an installed copy cannot stand in.
    outcome = run(
        [sys.executable, "-S", "-P", "-m", *words],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    assert outcome.code == 2, str(outcome)
    assert outcome.stderr.count("\n") == 1
    assert "make setup" in outcome.stderr


def test_a_broken_compiler_is_named(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "clang-broken"
    broken.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    for path, words in ((broken, "Permission denied"), (tmp_path / "missing", "No such file")):
        compilers = json.loads(run([*PROBE, "--json", "--no-costs"], env={"GALEED_CLANG": str(path)}).stdout)[
            "compilers"
        ]
        assert compilers[0]["from"] == "GALEED_CLANG"
        assert words in compilers[0]["problem"]
    broken.chmod(0o755)
    compilers = json.loads(run([*PROBE, "--json", "--no-costs"], env={"GALEED_CLANG": str(broken)}).stdout)["compilers"]
    assert compilers[0]["problem"] == "exit code 3: no such luck"


def test_compilers_that_are_looked_for_in_several_places_say_where(run: Run) -> None:
    said = run([*PROBE, "--no-costs"]).stdout
    assert "  clang, PATH " in said
    assert "  clang, ziglang " in said
    assert "  rustc " in said
