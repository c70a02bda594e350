"""galeed::foreign and galeed::export: a prebuilt library under gates that rustc wrote, Rust that C calls by name.

tests/integration/attributes, once by `cargo galeed`, so that caller.c is rewritten, and once by plain
cargo, where the prebuilt library has its gates all the same. The library is that of lendcalls.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import Run

HERE = Path(__file__).parent / "attributes"
PREBUILT = [Path(__file__).parent / "lendcalls" / name for name in ("prebuilt.c", "thrower.cpp")]
COMMAND = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]

pytestmark = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="the prebuilt library wants the system's g++"),
]

WORK = """\
55
[1, 7, 7, 7, 1] 10
12502500
[1, 7, 7, 7, 1] 5000
(6, 16, 8)
2 true
"GATED TEXT"
[2, 4, 6]
foreign function pre_throw threw a C++ exception of type l
in the middle: true
a closure
107006
13 14
asked by C
14
"""
# Mistake -> what is said of it. The library's own, or of the host that calls it.
STOPPED = {
    "short": "spatial violation: foreign code in pre_sum tried to read 16 bytes",
    "overflow": "boundary violation: foreign code in pre_overflow tried to write",
    "stale": "boundary violation: foreign code in pre_use_noted tried to write",
    "unterminated": "spatial violation: foreign code in pre_upper tried to read 17 bytes",
    "not-exported": "boundary violation: foreign code in pre_each tried to read",
    "no-gate": "a panic would leave rust_panics for code that called it through no gate",
}


@pytest.fixture(scope="session")
def programs() -> Path:
    """rewritten and plain, beside their library."""

    def make(to: Path) -> None:
        flags = ["-O2", "-fPIC", "-fexceptions", "-Wall", "-Wextra", "-Werror"]
        for source, compiler in zip(PREBUILT, ("gcc", "g++"), strict=True):
            compiled.build([compiler, *flags, "-c", source, "-o", to / f"{source.stem}.o"])
        objects = [to / f"{source.stem}.o" for source in PREBUILT]
        compiled.build(["g++", "-shared", *objects, "-o", to / "libprebuilt.so"])
        words = ["build", "-q", "--locked", "--manifest-path", HERE / "Cargo.toml", "--target-dir"]
        changes = {"PREBUILT": str(to), "PYTHONPATH": os.pathsep.join(sys.path)}
        with compiled.cargo_target("galeed") as target:
            compiled.build([*COMMAND, *words, target], changes)
            shutil.copy(target / "x86_64-unknown-linux-gnu" / "debug" / "attributes", to / "rewritten")
        with compiled.cargo_target("plain") as target:
            compiled.build(["cargo", *words, target], changes)
            shutil.copy(target / "debug" / "attributes", to / "plain")

    versions = [compiled.version(each) for each in (tuple(find_clang().command), ("rustc",), ("gcc",))]
    return compiled.kept("attributes", [*compiled.RUST, HERE, *PREBUILT], versions, make)


def test_works(programs: Path, run: Run, backend: str) -> None:
    """Private, mapped and stack memory, strings, results, closures, panics; Rust called by C."""
    done = run([programs / "rewritten", "work"])
    assert (done.code, done.stdout) == (0, WORK), done


def test_works_without_rewritten_code(programs: Path, run: Run, backend: str) -> None:
    """Up to the panic that would leave an exported function for plain C."""
    done = run([programs / "plain", "work"])
    assert (done.code, done.stdout) == (-signal.SIGABRT, WORK[: WORK.index("asked by C")]), done
    assert f"galeed: {STOPPED['no-gate']}" in done.stderr, done


@pytest.mark.parametrize("name", ["rewritten", "plain"])
@pytest.mark.parametrize("mistake", STOPPED)
def test_mistakes_are_stopped(programs: Path, run: Run, backend: str, mistake: str, name: str) -> None:
    done = run([programs / name, mistake])
    assert done.code == -signal.SIGABRT, done
    assert f"galeed: {STOPPED[mistake]}" in done.stderr, done
    assert "unnoticed" not in done.stdout


def test_a_refused_call_is_not_made(programs: Path, run: Run, backend: str) -> None:
    """report: nothing is read, and the result is zero."""
    done = run([programs / "rewritten", "short"], env={"GALEED_ON_VIOLATION": "report"})
    assert done.code == 0, done
    assert done.stderr.count("galeed: ") == 1, done


def test_an_exported_function_gets_strayed_pointers_as_they_are(programs: Path, run: Run, backend: str) -> None:
    """They trap in Rust, rather than be turned into an address beside the object."""
    done = run([programs / "rewritten", "beyond"])
    assert done.code == -signal.SIGABRT, done
    assert "offset 24" in done.stderr, done
