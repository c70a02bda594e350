"""A Rust library without std, under a C main that nobody rewrote and whose eyes its heap is closed to.

tests/integration/freestanding: src is the library (no_std, panic = "abort", a panic handler of its own),
main.c the program, compiled by the system's compiler. pseudoptr/docs/runtime/freestanding.md is the page.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Outcome, Run, environment

_HERE = Path(__file__).parent / "freestanding"
_FLAGS = ("-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-prio-ctor-dtor", "-pthread")
_CXX_FLAGS = ("-std=c++20", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread")
_LIBRARIES = ("-ldl", "-lm")
_FEATURES = ("", "own-runtime", "std")

pytestmark = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not in PATH"),
]


@contextmanager
def _library(features: str, level: str = "--release") -> Iterator[Path]:
    """The static library with these features, built here and now."""
    cargo = ["cargo", "build", "--quiet", "--locked", "--manifest-path", _HERE / "Cargo.toml"]
    cargo += [word for word in (level,) if word]
    with compiled.cargo_target("plain") as target:
        compiled.build([*cargo, "--features", features], {"CARGO_TARGET_DIR": str(target)})
        yield target / ("release" if level else "debug") / "libfreestanding.a"


@pytest.fixture(scope="session")
def programs() -> Path:
    """A folder with a program for each runtime below the library, and one that starts a thread too early."""
    gcc = compiled.gcc().compiler

    def make(to: Path) -> None:
        for feature in _FEATURES:
            with _library(feature) as library:
                words = [*gcc, *_FLAGS, _HERE / "main.c", library, *_LIBRARIES]
                compiled.build([*words, "-o", to / (feature or "libc")])
                if feature != "own-runtime":
                    cxx = [*find_clang().driver(True), *_CXX_FLAGS, _HERE / "main.cpp", library, *_LIBRARIES]
                    compiled.build([*cxx, "-o", to / f"{feature or 'libc'}-cxx"])
                if not feature:
                    compiled.build([*words, "-DEARLY_THREAD", "-o", to / "early-thread"])
        with _library("", "") as debug:
            compiled.build([*gcc, *_FLAGS, _HERE / "main.c", debug, *_LIBRARIES, "-o", to / "debug"])

    versions = [compiled.version(each) for each in (gcc, tuple(find_clang().driver(True)), ("rustc",))]
    return compiled.kept("freestanding", [*compiled.RUST, _HERE], [*_FLAGS, *_CXX_FLAGS, *versions], make)


def _stopped(done: Outcome, *said: str) -> None:
    assert done.code == -6, done
    assert done.stdout == "", done
    for each in said:
        assert each in done.stderr, done


@pytest.mark.slow
@pytest.mark.parametrize("program", ["libc", "debug", "own-runtime", "std"])
def test_the_library_works(programs: Path, run: Run, backend: str, program: str) -> None:
    """Collections, growth, two objects, one exported function calling another."""
    done = run([programs / program, "ordinary"])
    assert (done.code, done.stdout, done.stderr) == (0, "49800 -5 -3 3: -5 1 1\n", ""), done


@pytest.mark.slow
@pytest.mark.parametrize("program", ["libc", "debug", "std"])
def test_only_live_handles_and_memory_of_cs_own_are_taken(programs: Path, run: Run, backend: str, program: str) -> None:
    done = run([programs / program, "handles"])
    assert done.code == 0, done
    taken, buffers, secret, after = done.stdout.splitlines()
    assert taken == "-1 -1 -6 -6 -3"  # beside it twice, raw address, null, made up
    assert buffers == "-6 -6 -1 -5 -6"  # Rust's object, Rust's frames, the object's end, not aligned, null
    assert secret == "1"
    assert after == "0 -2 -2"  # freed; used again; freed again


@pytest.mark.slow
@pytest.mark.parametrize("program", ["libc", "own-runtime", "std"])
@pytest.mark.parametrize(("scenario", "access"), [("raw-read", "read"), ("raw-write", "write")])
def test_main_cannot_touch_the_heap_by_address(
    programs: Path, run: Run, backend: str, program: str, scenario: str, access: str
) -> None:
    """Of an object with pages of its own, too, which pseudo-pointers elsewhere map."""
    said = f"boundary violation: foreign code in main tried to {access} memory that it may not"
    _stopped(run([programs / program, scenario]), said)


@pytest.mark.slow
def test_the_address_is_the_right_one(programs: Path, run: Run, backend: str) -> None:
    """The control: where a violation is only reported, the same access finds the object."""
    report = {"GALEED_ON_VIOLATION": "report"}
    done = run([programs / "libc", "raw-read"], env=report)
    assert (done.code, done.stdout) == (0, "1\n4242\n"), done
    done = run([programs / "libc", "raw-write"], env=report)
    assert (done.code, done.stdout) == (0, "1\n"), done


@pytest.mark.slow
def test_main_cannot_touch_what_a_handle_names(programs: Path, run: Run, backend: str) -> None:
    said = "a live pseudo-pointer was used by code that was not rewritten"
    _stopped(run([programs / "libc", "through-the-handle"]), "boundary violation: foreign code in main", said)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["libc", "std"])
def test_functions_of_cs_are_called_as_foreign_code(programs: Path, run: Run, backend: str, program: str) -> None:
    """They come back into the library, and cannot touch its heap meanwhile."""
    done = run([programs / program, "callback"])
    assert (done.code, done.stdout) == (0, "5 760 10\n"), done
    _stopped(run([programs / program, "raw-in-a-callback"]), "boundary violation: foreign code in each tried to read")


@pytest.mark.slow
def test_the_heap_is_closed_before_main(programs: Path, run: Run, backend: str) -> None:
    _stopped(run([programs / "libc"], env={"TEST_EARLY": "1"}), "boundary violation: foreign code in main")


@pytest.mark.slow
def test_a_panic_ends_the_process_by_the_librarys_handler(programs: Path, run: Run, backend: str) -> None:
    _stopped(run([programs / "libc", "panics"]), "galeed: panicked at ", "the sum has room")


@pytest.mark.slow
def test_last_words_and_end_are_the_runtimes_own(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "own-runtime", "panics"])
    assert done.code == 70, done
    assert done.stderr.startswith("said: galeed: panicked at ")


@pytest.mark.slow
def test_a_runtime_that_can_stop_panics_is_asked_to(programs: Path, run: Run, backend: str) -> None:
    """Hundreds of them, through galeed::catch; afterwards the heap is closed to main as before."""
    done = run([programs / "own-runtime", "panics-caught"])
    assert (done.code, done.stdout) == (-6, "caught\n"), done
    assert "boundary violation: foreign code in main" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("program", ["libc-cxx", "std-cxx"])
def test_a_main_in_cxx(programs: Path, run: Run, backend: str, program: str) -> None:
    """Classes around handles, exceptions beside them, an object that is made before main and goes behind it."""
    done = run([programs / program, "ordinary"])
    assert (done.code, done.stderr) == (0, ""), done
    assert done.stdout.splitlines() == ["40 7 5050 107", "on the way out", "-2 -2", "global 42"]
    ended = run([programs / program, "exits"])
    assert (ended.code, ended.stdout) == (5, "global 42\n"), ended


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "where"), [("raw", "main"), ("raw-in-a-callback", "each")])
def test_a_main_in_cxx_cannot_touch_the_heap(programs: Path, run: Run, backend: str, scenario: str, where: str) -> None:
    said = f"boundary violation: foreign code in {where} tried to read memory that it may not"
    _stopped(run([programs / "libc-cxx", scenario]), said)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["libc-cxx", "std-cxx"])
def test_exceptions_stay_on_their_side_of_rusts_frames(programs: Path, run: Run, backend: str, program: str) -> None:
    """What is caught in the function that Rust called is its own affair. What leaves it ends the process, whether
    nobody would catch it or a frame beyond Rust's, which would skip Rust's destructors and the ends of gates."""
    done = run([programs / program, "throws-inside"])
    assert (done.code, done.stdout) == (0, "caught 6\nsurvived 1\n"), done
    for scenario in ("throws-out", "throws-past"):
        done = run([programs / program, scenario])
        said = "galeed: each threw a C++ exception of type St12out_of_range: it cannot pass Rust's frames\n"
        assert (done.code, done.stdout, done.stderr) == (-6, "", said), done


@pytest.mark.slow
def test_threads_of_main(programs: Path, run: Run, backend: str) -> None:
    """On mprotect rights are the process's: who cannot be closed out is not let in."""
    calls = run([programs / "libc", "thread"])
    touches = run([programs / "libc", "raw-in-a-thread"])
    if backend == "mprotect":
        _stopped(calls, "was called by a thread that is not foreign")
        assert (touches.code, touches.stdout) == (0, "it waits\n"), touches
    else:
        assert (calls.code, calls.stdout) == (0, "1\n"), calls
        _stopped(touches, "boundary violation")


@pytest.mark.slow
def test_a_thread_before_the_constructor_ends_the_process(programs: Path, run: Run, backend: str) -> None:
    said = "cannot close the heap to main: main can be made foreign only while it is the process's one thread"
    _stopped(run([programs / "early-thread"]), said)


@pytest.mark.slow
@pytest.mark.parametrize(("feature", "symbol"), [("open-main", "galeed_library"), ("no-runtime", "galeed_runtime")])
def test_what_was_forgotten_does_not_link(tmp_path: Path, feature: str, symbol: str) -> None:
    gcc = compiled.gcc().compiler
    with _library(feature) as library:
        words = [str(word) for word in (*gcc, *_FLAGS, _HERE / "main.c", library, *_LIBRARIES, "-o", tmp_path / "none")]
        done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"undefined reference to `{symbol}'" in done.stderr


@pytest.mark.slow
def test_no_part_of_std_is_in_it(programs: Path) -> None:
    """Of Rust's libraries, that is: core and alloc are."""
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("no nm")
    listed = {
        name: subprocess.run(
            [nm, "-C", "--defined-only", programs / name], capture_output=True, text=True, check=True
        ).stdout
        for name in ("libc", "own-runtime", "std")
    }
    assert " std::" not in listed["libc"] + listed["own-runtime"]
    assert " std::" in listed["std"]  # the pattern finds it where it is


@pytest.mark.slow
def test_the_crates_build_without_std_by_themselves() -> None:
    cargo = ["cargo", "build", "--quiet", "--package", "galeed", "--package", "galeed-mpk", "--no-default-features"]
    with compiled.cargo_target("plain") as target:
        compiled.build([*cargo, "--manifest-path", ROOT / "Cargo.toml"], {"CARGO_TARGET_DIR": str(target)})
