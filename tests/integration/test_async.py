"""Rust's async runtimes with rewritten C in their tasks: programs of tests/integration/async."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import Run, environment, scaled

_HERE = Path(__file__).parent / "async"
_GALEED = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]
_BUILD_SECONDS = 900

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
]


@pytest.fixture(scope="session")
def programs() -> Path:
    """A folder with the programs; `server-bare` is the server without waiting_system_calls!."""

    def make(to: Path) -> None:
        words = [*_GALEED, "build", "-q", "--release", "--manifest-path", _HERE / "Cargo.toml"]
        with compiled.cargo_target("galeed") as target:
            changes = {"PYTHONPATH": os.pathsep.join(sys.path), "CARGO_TARGET_DIR": str(target)}
            made = target / "x86_64-unknown-linux-gnu" / "release" / "server"
            compiled.build([*words, "-p", "server", "--features", "bare-system-calls"], changes)
            shutil.copy(made, to / "server-bare")
            compiled.build(words, changes)
            shutil.copy(made, to)

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("async", [*compiled.RUST, _HERE], versions, make)


def _told(stdout: str) -> dict[str, str]:
    return dict(word.split("=") for word in stdout.split())


def test_a_tokio_server_loses_nothing(programs: Path, run: Run, backend: str) -> None:
    """Every byte of every answer is compared by the load; each fifth request overflows in C and is refused."""
    connections, requests = scaled(12, 8), 20
    done = run([programs / "server", "load", str(connections), str(requests), "9000"], timeout_seconds=300)
    assert done.code == 0, done
    told, all_ = _told(done.stdout), connections * requests
    assert int(told["answered"]) == int(told["calls"]) == all_
    assert int(told["violations"]) == int(told["blocking"]) == all_ // 5
    assert int(told["reports"]) == all_ - all_ // 5  # the callbacks out of C
    assert told["moved"] == "true"  # tasks went on on other threads than before
    assert done.stderr.count("spatial violation: foreign code in session_overflow") == all_ // 5


def test_an_exception_of_cxx_ends_its_task_alone(programs: Path, run: Run, backend: str) -> None:
    """Each task owns an object of C++ and takes it from worker to worker; every third is ended by a throw, in the
    task or on the blocking pool: a JoinError with the type. The others come to their sums, and nothing is left."""
    tasks = scaled(60, 12)
    done = run([programs / "server", "tally", str(tasks)])
    assert done.code == 0, done
    told = _told(done.stdout)
    assert (int(told["right"]), int(told["thrown"])) == (2 * (tasks - tasks // 3), 2 * tasks // 3)
    assert (told["alive"], told["foreign"], told["leases"], told["moved"]) == ("0", "0", "0", "true"), done
    assert done.stderr == ""


def test_without_waiting_system_calls_the_kernel_refuses_closed_memory(programs: Path, run: Run) -> None:
    """The control, on mprotect: some call of a few hundred meets closed memory, in one of some runs."""
    for _ in range(8):
        # A connection that the server gave up may leave the load waiting.
        ended: list[str | Path] = ["timeout", "-k", "1", "40", programs / "server-bare", "load", "12", "20", "9000"]
        done = run(ended, env={"GALEED_BACKEND": "mprotect"}, timeout_seconds=60)
        if "Bad address" in done.stderr:
            return
    pytest.fail("the kernel refused nothing: waiting_system_calls! has no use any more")


@pytest.mark.parametrize(
    ("feature", "why"),
    [
        ("", ""),
        ("await-in-catch", r"error\[E0728\]: `await` is only allowed inside `async` functions and blocks"),
        ("begun-across-await", r"future cannot be sent between threads safely[^$]*`begun`"),
        ("opened-across-await", r"future cannot be sent between threads safely[^$]*`opened`"),
    ],
)
def test_a_gate_and_rights_cannot_be_held_across_await(feature: str, why: str) -> None:
    words = ["cargo", "check", "-q", "--locked", "-p", "server", "--manifest-path", str(_HERE / "Cargo.toml")]
    words += ["--features", feature] if feature else []
    with compiled.cargo_target("plain") as target:
        changed = environment({"CARGO_TARGET_DIR": str(target)})
        done = subprocess.run(words, env=changed, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
    assert (done.returncode == 0) == (not feature), done.stderr
    assert re.search(why, done.stderr), done.stderr
