"""Rust's own runtime inside the isolation: start-up, panics, platform, threads and channels.

tests/integration/runtime: foreign.c is rewritten, src is Rust as people write it. Each case is a
process, and says what it saw; that rights, leases and heap are as before it asserts itself.
pseudoptr/docs/runtime has a page for each row: what works, what differs, what does not.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Outcome, Run

_HERE = Path(__file__).parent / "runtime"
_CC = (sys.executable, "-P", "-m", "llvm_pass.driver.cc")
_FLAGS = ("-g", "-O1", "-fPIC", "-fexceptions", "-Wall", "-Wextra", "-Werror")
_FOREIGN = (("foreign.c", "c", "-std=gnu11"), ("overflow.cpp", "c++", "-std=c++20"))
_RUST = {"RUST_BACKTRACE": "0"}
ABORTED, CRASHED = -6, -11

Case = Callable[..., Outcome]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def programs() -> Path:
    """`unwind` and `abort`, the program with either panic strategy, and `no_main`."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")

    def make(to: Path) -> None:
        for source, language, standard in _FOREIGN:
            words = [*_CC, language, standard, *_FLAGS, "-c", _HERE / source, "-o", to / f"{source}.o"]
            compiled.build(words, {"PYTHONPATH": str(ROOT)})
        foreign = ":".join(str(to / f"{source}.o") for source, _, _ in _FOREIGN)
        cargo = ["cargo", "build", "--quiet", "--locked", "--manifest-path", _HERE / "Cargo.toml"]
        with compiled.cargo_target("plain") as target:
            changes = {"ROWS_FOREIGN": foreign, "CARGO_TARGET_DIR": str(target)}
            for profile, folder in (("dev", "debug"), ("abort", "abort")):
                compiled.build([*cargo, "--profile", profile], changes)
                shutil.copy(target / folder / "rows", to / ("unwind" if profile == "dev" else profile))
                if profile == "dev":
                    shutil.copy(target / folder / "no_main", to / "no_main")

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("runtime", [*compiled.RUST, _HERE], [*_FLAGS, *versions], make)


@pytest.fixture
def case(programs: Path, run: Run, backend: str) -> Case:
    """Runs a case on the backend: `case("early", build="abort", ROWS_EARLY="1")`."""

    def call(*words: str, build: str = "unwind", **variables: str) -> Outcome:
        return run([programs / build, *words], env={**_RUST, **variables})

    return call


def said(done: Outcome) -> str:
    """What a case that ends well prints."""
    assert done.code == 0, done
    return done.stdout


# ---- Start-up


@pytest.mark.parametrize("build", ["unwind", "abort"])
def test_memory_and_calls_before_main(case: Case, build: str) -> None:
    """A constructor of Rust allocates and, the second time, calls C; one of C runs as foreign code."""
    assert said(case("early", build=build)) == "2000 None 3\n"
    assert said(case("early", build=build, ROWS_EARLY="1")) == "2000 Some(2000) 3\n"


def test_std_starts_inside_the_domain(case: Case) -> None:
    assert said(case("own")) == "576 0\n"


def test_closed_standard_files_are_opened(programs: Path, run: Run, backend: str, tmp_path: Path) -> None:
    """By std, as without us: the runtime, which starts earlier, takes none of the three numbers for its own files."""
    report = tmp_path / "report.jsonl"
    done = run(["sh", "-c", 'exec "$0" own <&- 2>&-', programs / "unwind"], env={"GALEED_REPORT": str(report)})
    assert (done.code, done.stdout) == (0, "576 0\n"), done
    stopped = run(
        ["sh", "-c", 'exec "$0" signal-heap-in-c 2>&-', programs / "unwind"], env={"GALEED_REPORT": str(report)}
    )
    assert stopped.code == ABORTED, stopped
    assert [line[0] for line in report.read_text().splitlines()] == ["{"]


def test_arguments_and_environment_reach_c(case: Case) -> None:
    done = case("arguments", "ä word", "", "last", ROWS_GIVEN="from outside")
    assert said(done) == "from outside\nby Rust\narguments\nä word\n\nlast\n"


def test_no_main(programs: Path, run: Run, backend: str) -> None:
    """C's constructor, a signal handler that reads the heap, arguments, threads, panics."""
    done = run([programs / "no_main", "one", "two"], env=_RUST)
    assert (done.code, done.stdout) == (5, "50 3 true\n"), done


# ---- Panics


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("panic-callback", "0\n"),
        ("panic-inside", "2 4\n"),
        ("panic-thread", "20\n"),
        ("panic-said", "caught true\n"),
        ("exception", "foreign function f_raises threw an exception\n"),
        ("exception-twice", "foreign function f_raises threw an exception\n"),
        ("violation", "10\n"),
    ],
)
def test_what_unwinds_leaves_rights_and_leases(case: Case, name: str, says: str) -> None:
    assert said(case(name)) == says


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("panic-closed", "panic in a function that cannot unwind"),
        ("panic-double", "panic in a destructor during cleanup"),
    ],
)
def test_what_may_not_unwind_ends_the_process(case: Case, name: str, why: str) -> None:
    done = case(name)
    assert (done.code, done.stdout) == (ABORTED, ""), done
    assert why in done.stderr


def test_an_exception_out_of_a_function_that_was_declared_closed_is_said(case: Case) -> None:
    """Rust leaves open what then happens; here the panic goes on. It never looks like a return."""
    done = case("exception-closed")
    assert done.code in (101, ABORTED), done
    assert (done.stdout, "foreign function f_raises threw an exception" in done.stderr) == ("", True), done


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("panic-closed", "under C, which may not be unwound"),
        ("panic-double", "the first one"),
        ("panic-said", "under C with 100 bytes"),
        ("exception", "foreign function f_raises threw an exception"),
        ("exception-closed", "foreign function f_raises threw an exception"),
    ],
)
def test_the_first_panic_ends_an_abort_build(case: Case, name: str, why: str) -> None:
    """`catch_unwind` stands around each of them, and is not reached; hooks are, with the host's rights."""
    done = case(name, build="abort")
    assert (done.code, done.stdout) == (ABORTED, ""), done
    assert why in done.stderr or name == "exception", done


def test_an_abort_build_is_stopped_and_goes_on_as_the_other(case: Case) -> None:
    """A violation unwinds by a jump, not by a panic."""
    assert said(case("violation", build="abort")) == "10\n"


# ---- Platform: stacks


@pytest.mark.parametrize("early", [{}, {"ROWS_EARLY": "1"}])
@pytest.mark.parametrize(("name", "thread"), [("main", "main"), ("thread", "deep"), ("callback", "main")])
def test_rusts_message_of_an_overflow(case: Case, name: str, thread: str, early: dict[str, str]) -> None:
    """Also where constructors called rewritten C before Rust could install its handler."""
    done = case(f"overflow-{name}", **early)
    assert (done.code, done.stdout) == (ABORTED, ""), done
    assert re.search(rf"thread '{thread}' \(\d+\) has overflowed its stack", done.stderr), done


@pytest.mark.parametrize(
    ("name", "function"),
    [
        *(("overflow-c", "f_overflows"), ("overflow-c-thread", "f_overflows")),
        *(("overflow-cxx", "f_overflows_in_cxx"), ("overflow-cxx-thread", "f_overflows_in_cxx")),
    ],
)
def test_an_overflow_of_cs_own_frames_is_said(case: Case, name: str, function: str) -> None:
    done = case(name)
    assert (done.code, done.stdout) == (CRASHED, ""), done
    line = rf"galeed: thread \d+ has overflowed its stack in foreign code, in {function}\n"
    assert re.fullmatch(line, done.stderr), done


# ---- Platform: signals


def test_handlers_that_touch_no_heap_work_anywhere(case: Case) -> None:
    """In the host, in C, in the host under C; and at any instruction of a loop of C."""
    assert said(case("signal-counts")) == "[1, 1, 1]\ntrue\n"


def test_handlers_on_top_of_host_code_use_the_heap(case: Case) -> None:
    assert said(case("signal-heap-in-host")) == "10\n"


def test_a_handler_on_top_of_c_is_foreign(case: Case) -> None:
    done = case("signal-heap-in-c")
    assert (done.code, done.stdout) == (ABORTED, ""), done
    assert "boundary violation: foreign code in f_raise tried to read" in done.stderr


def test_a_handler_says_that_it_is_the_hosts(case: Case) -> None:
    """`galeed::on_signal`: the heap, and a call of C from inside the handler."""
    assert said(case("signal-as-host")) == "[5, 5, 5]\n[5, 5, 5]\n"


def test_handlers_of_c_and_signal_stacks(case: Case) -> None:
    """Foreign on top of C. Rust's signal stacks are there, for C's handlers too, on every thread."""
    assert said(case("signal-of-c")) == "20200\n1 1\n1\n"


def test_sigpipe_is_rusts(case: Case) -> None:
    assert said(case("pipes")) == "BrokenPipe 32\ntrue\n"


# ---- Platform: processes


def test_child_processes(case: Case) -> None:
    """Spawned and forked (`pre_exec`), from the host and from a callback."""
    children = "given\n5000 given Some(3) Some(3) NotFound\n"
    assert said(case("processes")) == 2 * children


def test_forks(case: Case) -> None:
    """While others allocate and call C: in the host, and in C, whose child calls back or returns."""
    seen = [code for _ in range(5) for code in (7, 40, 7)]
    folded = [code for at, code in enumerate(seen) if at == 0 or seen[at - 1] != code]
    assert said(case("forks")) == f"{folded}\n"


def test_the_child_of_a_fork_in_c_is_foreign(case: Case) -> None:
    done = case("fork-peeks")
    assert (done.code, done.stdout) == (0, "6\n"), done
    assert "boundary violation: foreign code in f_fork_peeks tried to read" in done.stderr


# ---- Threads and channels


@pytest.mark.parametrize("build", ["unwind", "abort"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("threads", "12288\n"),
        ("under-c", "3\n"),
        ("locals", "21 Temporal\n"),
        ("channels", "200 200 200\n"),
        ("parking", "20\n"),
    ],
)
def test_threads_and_channels(case: Case, name: str, says: str, build: str) -> None:
    """Lent memory moves between threads; each thread of the host's starts with the host's rights."""
    assert said(case(name, build=build)) == says


def test_threads_of_c_start_closed_and_call_back(case: Case, backend: str) -> None:
    """pku. On mprotect C may have no threads: EPERM."""
    done = case("started-by-c")
    if backend == "mprotect":
        assert said(done) == 3 * "1 1\n" + "0 true\n"
        assert "foreign code asked for a thread: refused (EPERM)" in done.stderr
    else:  # foreign before (1) and behind (2) its callback; the second begins in a function of Rust
        assert said(done) == 3 * "103 100\n" + "12 true\n"


def test_thread_locals_of_threads_that_c_started(case: Case, backend: str) -> None:
    """Their destructors have the host's rights, call C and free lent memory; C's thread is foreign behind them."""
    wanted = "1 0 {0}\n" if backend == "mprotect" else "103 {0} {0}\n"
    assert said(case("locals-of-c")) == "".join(wanted.format(round_) for round_ in (1, 2, 3))


def test_a_thread_of_c_has_no_right_to_the_hosts_memory(case: Case, backend: str) -> None:
    done = case("peeks")
    if backend == "mprotect":
        assert said(done) == "1\n"
    else:
        assert (done.code, done.stdout) == (ABORTED, ""), done
        assert "boundary violation: foreign code in a thread of its own tried to read" in done.stderr
