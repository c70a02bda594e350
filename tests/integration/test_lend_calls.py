"""Pass lend-calls on real code: a host in Rust and C++ whose library is prebuilt and linked as it comes.

Each program is built twice from the same modules, with the pass and without; the second one
is the control, in which the library's mistakes corrupt the host unnoticed.
"""

from __future__ import annotations

import ctypes.util
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Outcome, Run

HERE = Path(__file__).parent / "lendcalls"
POLICY = HERE / "galeed.toml"
OPT = [sys.executable, "-P", "-m", "llvm_pass.cli"]
PASS = ["--passes=lend-calls", "--policy", POLICY]
ZLIB = ctypes.util.find_library("z")

pytestmark = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="the prebuilt library wants the system's g++"),
]

# What work prints, gated or not.
WORK = """\
55 1 10 55
0x1010101 0x1010101 3
12502500 1 5000 12502500
0x1010101 0x1010101 3
9 and trusted
PREBUILT AND TRUSTED true
[2, 4, 6, 8]
6 7 42
10
5
10010
10
"""
LIBC = """\
5 1
3000 1
42 " apples"
42 2
15 "7 42 apples 2.5"
"""
# Attack -> what is said of it, and by what function.
STOPPED = {
    "overflow": "boundary violation: foreign code in pre_overflow tried to write",
    "stale": "boundary violation: foreign code in pre_use_noted tried to write",
    "code": "boundary violation: foreign code in pre_call_noted tried to read",
    "short": "spatial violation: foreign code in pre_sum tried to read 16 bytes",
    "function": "not supported: a function of the host given to pre_each, which has no gate for callbacks here",
    "variadic": "not supported: a call of pre_print from the host: it is variadic",
    "kept": "not supported: pre_kept of lent memory, it keeps the memory beyond the call",
}


def _library(to: Path) -> None:
    flags = ["-O2", "-fPIC", "-fexceptions", "-Wall", "-Wextra", "-Werror"]
    compiled.build(["gcc", *flags, "-c", HERE / "prebuilt.c", "-o", to / "prebuilt.o"])
    compiled.build(["g++", *flags, "-c", HERE / "thrower.cpp", "-o", to / "thrower.o"])
    compiled.build(["g++", "-shared", to / "prebuilt.o", to / "thrower.o", "-o", to / "libprebuilt.so"])


def _program(to: Path, name: str, gated: bool) -> None:
    """The crate with its own modules rewritten, or just compiled by the same clang."""
    clang = find_clang().command
    module, host = to / f"{name}.bc", to / f"{name}-host.o"
    compiled.build([*clang, "-O1", "-g", "-fPIE", "-c", "-emit-llvm", HERE / "host.cpp", "-o", module])
    if gated:
        compiled.build([*OPT, module, *PASS, "-o", module])
    compiled.build([*clang, "-O1", "-fPIE", "-c", "-x", "ir", module, "-o", host])
    link = ["-L", to, "-l", "dylib=prebuilt", "-C", f"link-arg={host}", "-C", "link-arg=-lstdc++"]
    link += ["-C", "link-arg=-Wl,-rpath,$ORIGIN", *(["-C", f"link-arg=-l:{ZLIB}"] if ZLIB else [])]
    changes = {"LEND_OPT": shlex.join(OPT), "LEND_CLANG": shlex.join(clang), "PYTHONPATH": str(ROOT)}
    changes["LEND_POLICY"] = str(POLICY) if gated else ""
    command = ["cargo", "rustc", "-q", "--manifest-path", HERE / "Cargo.toml", "--target-dir", to / f"{name}-target"]
    command += ["--features", "zlib"] if ZLIB else []
    command += ["--", "-C", "linker-plugin-lto", "-C", f"linker={HERE / 'link.sh'}", "-C", "linker-flavor=gcc"]
    compiled.build([*command, "-C", "codegen-units=1", *link], changes)
    shutil.move(to / f"{name}-target" / "debug" / "lendcalls", to / name)
    shutil.rmtree(to / f"{name}-target")


@pytest.fixture(scope="session")
def programs() -> Path:
    """gated and plain, beside their library."""

    def make(to: Path) -> None:
        _library(to)
        _program(to, "gated", True)
        _program(to, "plain", False)

    versions = [compiled.version(each) for each in (tuple(find_clang().command), ("rustc",), ("gcc",))]
    return compiled.kept("lend-calls", [*compiled.RUST, HERE], [*versions, str(ZLIB)], make)


def _plain(programs: Path, *words: str) -> str:
    done = subprocess.run([programs / "plain", *words], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_works_as_without_gates(programs: Path, run: Run, backend: str) -> None:
    """Private and mapped memory, results, callbacks, addresses, exceptions, in Rust and C++."""
    done = run([programs / "gated", "work"])
    assert (done.code, done.stdout) == (0, WORK), done
    assert _plain(programs, "work") == WORK


@pytest.mark.parametrize("attack", STOPPED)
def test_what_it_may_not_is_stopped(attack: str, programs: Path, run: Run, backend: str) -> None:
    done: Outcome = run([programs / "gated", attack])
    assert done.code == -signal.SIGABRT, done
    assert STOPPED[attack] in done.stderr
    assert "unnoticed" not in done.stdout


def test_a_panic_passes_the_library(programs: Path, run: Run, backend: str) -> None:
    """Out of a callback, through C that nobody rewrote, to the host's catch_unwind."""
    done = run([programs / "gated", "panic"])
    assert (done.code, done.stdout) == (0, _plain(programs, "panic")), done


def test_undefended_it_corrupts(programs: Path) -> None:
    """The controls: the same modules, the same library, no pass."""
    for attack in ("overflow", "stale"):
        assert _plain(programs, attack) == "unnoticed: corrupted\n"
    assert _plain(programs, "code").startswith("unnoticed: 11\n")
    for misuse in ("function", "short", "panic", "variadic", "kept"):
        assert "unnoticed: nothing changed\n" in _plain(programs, misuse)


def test_the_c_library_by_its_table(programs: Path, run: Run, backend: str) -> None:
    """A callback that sorts, a pointer left in a cell of the host's, a format's arguments; the host's threads."""
    done = run([programs / "gated", "libc"])
    assert (done.code, done.stdout) == (0, LIBC), done
    assert _plain(programs, "libc") == LIBC
    assert run([programs / "gated", "threads"]).stdout == _plain(programs, "threads") == "7050\n"


def test_an_explicit_lease_goes_as_it_was_lent(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "gated", "lease"])
    assert (done.code, done.stdout) == (0, "12\n"), done


@pytest.mark.parametrize(("policy", "said"), [("report", "Ok(0)"), ("unwind", "Err(Spatial)")])
def test_after_a_refused_call_it_goes_on(policy: str, said: str, programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "gated", "refused"], env={"GALEED_ON_VIOLATION": policy})
    assert (done.code, done.stdout) == (0, f"{said}\n4 3\n"), done
    assert _plain(programs, "refused") == "Ok(6)\n4 3\n"


@pytest.mark.skipif(ZLIB is None, reason="no zlib of the distribution's")
def test_the_distributions_zlib(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "gated", "zlib"])
    assert (done.code, done.stdout) == (0, "true 0xa78a0df0\ntrue 0x3ce98e51\n"), done
    assert _plain(programs, "zlib") == done.stdout


def test_with_foreign_rights_read_too(programs: Path, run: Run, backend: str) -> None:
    rights = {"GALEED_FOREIGN_RIGHTS": "read"}
    assert run([programs / "gated", "work"], env=rights).stdout == WORK
    assert STOPPED["overflow"] in run([programs / "gated", "overflow"], env=rights).stderr


def test_a_program_without_a_host_does_not_link(tmp_path: Path) -> None:
    """The runtime of hostless programs calls straight through: gates with it would be none."""
    source = "void pre_call_noted(void);\nint main(void) { pre_call_noted(); }\n"
    (tmp_path / "main.c").write_text(source)
    module, given = tmp_path / "main.bc", tmp_path / "given.o"
    clang = find_clang().command
    compiled.build([*clang, "-O1", "-c", "-emit-llvm", tmp_path / "main.c", "-o", module])
    compiled.build([*OPT, module, *PASS, "-o", module])
    compiled.build([*clang, "-c", "-x", "ir", module, "-o", tmp_path / "main.o"])
    compiled.build(["gcc", "-c", HERE / "prebuilt.c", "-o", given])
    command = [
        sys.executable,
        "-P",
        "-m",
        "llvm_pass.driver.cc",
        "c",
        tmp_path / "main.o",
        given,
        "-o",
        tmp_path / "main",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode != 0
    assert "galeed_start" in done.stderr
