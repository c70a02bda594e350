"""The explicit interface with rewritten C: guards, out-parameters, closures, ownership. tests/integration/sharing.

`work` does all that is allowed; each mistake runs in a process of its own, and must be stopped
as what it is, in the name of the C function that Rust called.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import Run

HERE = Path(__file__).parent / "sharing"
COMMAND = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]

pytestmark = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
]

NOT_OUT = (
    "Error(-35: nothing of Rust's that foreign code owns: "
    "it was never handed over as a whole, or has come back already)"
)
WORK = f"""\
9
[7, 7, 8, 8, 8]
(8, 2)
0 Some(42)
0 None
[6, 6, 6] 11
12
[1, 2, 3]
Err("two") 3
(1, 2)
42
Some({NOT_OUT})
5 Some({NOT_OUT})
Some(Error(-36: it was handed over as another type: take it back as that))
6000
"TO C"
"OF C"
"""
# Mistake -> what is said of it, and why.
STOPPED = {
    "beside-slice": ("spatial violation: foreign code in c_fill tried to write 4 bytes", "behind the lent memory"),
    "write-str": ("rights violation: foreign code in c_upper tried to write 1 byte", "for reading only"),
    "late-out": ("temporal violation: foreign code in c_measure tried to write 8 bytes", "the lease has ended"),
    "gone": ("temporal violation: foreign code in c_call_kept tried to execute", "Rust has dropped the closure"),
    "scope-left": ("temporal violation: foreign code in c_call_kept tried to execute", "Rust has dropped the closure"),
    "mixed": ("type violation: foreign code in c_mix tried to execute", "the user data of one callback"),
    "made-up": ("forged violation: foreign code in c_make_up tried to execute", "no closure was ever lent"),
    "poke": ("type violation: foreign code in c_poke tried to write 1 byte", "function or closure"),
    "called-data": ("type violation: foreign code in c_mix tried to execute", "pseudo-pointer to data"),
    "other-thread": ("rights violation: foreign code in c_call_kept tried to execute", "on the thread that made it"),
    "free": (
        "rights violation: foreign code in c_free_owned tried to free",
        "may not free memory that the host owns (free)",
    ),
    "realloc": ("rights violation: foreign code in c_grow_owned tried to free", "that the host owns (realloc)"),
    "destroy-twice": ("temporal violation: foreign code in c_destroy_owned tried to free", "has come back already"),
    "late-owner": ("temporal violation: foreign code in c_add tried to read 8 bytes", "the lease has ended"),
    "free-lent": (
        "rights violation: foreign code in c_release tried to free",
        "may not free memory that the host owns (free)",
    ),
    "drop-of-c": ("forged violation: host code freed memory", "it comes from another allocator"),
}
ADVICE = {
    "write-str": "to do      lend the object as mutable",
    "free": "to do      the host owns this memory",
    "other-thread": "to do      call the closure on its own thread",
    "called-data": "to do      the foreign code calls what is no function",
    "poke": "or the pointer is to a function or closure",
}


@pytest.fixture(scope="session")
def program() -> Path:
    """The crate as `cargo galeed build` makes it, and as cargo does: sharing, plain."""

    def make(to: Path) -> None:
        words = ["build", "-q", "--locked", "--manifest-path", HERE / "Cargo.toml", "--target-dir"]
        with compiled.cargo_target("galeed") as target:
            compiled.build([*COMMAND, *words, target], {"PYTHONPATH": os.pathsep.join(sys.path)})
            shutil.copy(target / "x86_64-unknown-linux-gnu" / "debug" / "sharing", to)
        with compiled.cargo_target("plain") as target:
            compiled.build(["cargo", *words, target])
            shutil.copy(target / "debug" / "sharing", to / "plain")

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("sharing", [*compiled.RUST, HERE], versions, make) / "sharing"


def test_works(program: Path, run: Run, backend: str) -> None:
    done = run([program, "work"])
    assert (done.code, done.stdout) == (0, WORK), done


@pytest.mark.parametrize("mistake", STOPPED)
def test_mistakes_are_stopped(program: Path, run: Run, backend: str, mistake: str) -> None:
    done = run([program, mistake])
    what, why = STOPPED[mistake]
    assert done.code == -signal.SIGABRT, done
    assert f"galeed: {what}" in done.stderr, done
    assert why in done.stderr, done
    assert ADVICE.get(mistake, "to do") in done.stderr, done


def test_a_dropped_closure_can_be_survived(program: Path, run: Run, backend: str) -> None:
    """unwind: the call is an error, and the next closure works. report: it does nothing and gives 0."""
    done = run([program, "gone-caught"], env={"GALEED_ON_VIOLATION": "unwind"})
    assert (done.code, done.stdout) == (0, "1\nTemporal\n2\n"), done
    done = run([program, "gone"], env={"GALEED_ON_VIOLATION": "report"})
    assert (done.code, done.stdout) == (0, "1\n0\n"), done


def test_a_closure_that_changes_things_is_not_entered_twice(program: Path, run: Run, backend: str) -> None:
    done = run([program, "again"])
    assert done.code != 0
    assert "foreign code called a closure that was still running" in done.stderr, done


@pytest.mark.parametrize("mistake", ["gone", "mixed", "made-up", "other-thread"])
def test_closures_are_minded_without_rewritten_code_too(program: Path, mistake: str) -> None:
    """By the function that C calls: a plain build has no gates."""
    plain = program.with_name("plain")
    done = subprocess.run([plain, mistake], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGABRT, done
    assert STOPPED[mistake][1] in done.stderr, done
