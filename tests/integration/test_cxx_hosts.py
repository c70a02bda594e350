"""Rewritten C++ under its hosts: Rust, and C++ that was not rewritten.

tests/integration/cxx: foreign.cpp is the library, host.cpp and src/lib.rs are the host. Each
program is built twice, with the library rewritten and as plain clang++ makes it; what the
two say must be the same, but for what a gate refuses by design.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from llvm_pass.libc.table import builtin
from tests import compiled
from tests.conftest import ROOT, Run

_HERE = Path(__file__).parent / "cxx"
_SOURCES = ("foreign", "rows")
_LEVELS = ("-O0", "-O2")
_FLAGS = ("-std=c++20", "-g", "-Wall", "-Wextra", "-Werror")
_PRIVATE, _MAPPED = 100, 1024  # words: less than a page, and more

# rows.cpp: signals, tasks and mutexes of C++.
# Exceptions of C++ in every direction, panics through C++, objects and containers in lent memory.
_SAME = (
    *("exceptions", "callbacks", "through-rust", "classes", "listener-outside"),
    *("handler", "interrupts", "task=0", "its-mutex"),
    *("panic=0", "panic=1", "early", "threads", f"casts={_PRIVATE}", f"casts={_MAPPED}"),
    *(f"contains={what}" for what in range(7)),
    *(f"contains-mapped={what}" for what in range(7)),
)


@pytest.fixture(scope="session", params=_LEVELS)
def programs(request: pytest.FixtureRequest) -> Path:
    """A folder with the programs `plain` and `rewritten` of one level."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    level = str(request.param)
    clang = tuple(find_clang().driver(True))
    ours = (sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c++")

    def make(to: Path) -> None:
        include = [f"-I{ROOT / 'pseudoptr' / 'include'}", f"-I{ROOT / 'mpk' / 'csrc'}"]
        compiled.build([*clang, *_FLAGS, "-O1", *include, "-c", _HERE / "host.cpp", "-o", to / "host.o"])
        for name, compiler in (("plain", clang), ("rewritten", ours)):
            library = [to / f"{name}-{source}.o" for source in _SOURCES]
            for source, into in zip(_SOURCES, library, strict=True):
                words = [*compiler, *_FLAGS, level, "-c", _HERE / f"{source}.cpp", "-o", into]
                compiled.build(words, {"PYTHONPATH": str(ROOT)})
        cargo = ["cargo", "build", "--quiet", "--locked", "--manifest-path", _HERE / "Cargo.toml"]
        with compiled.cargo_target("plain") as target:
            compiled.build(cargo, {"CARGO_TARGET_DIR": str(target)})
            runtime = [to / "host.o", target / "debug" / "libcxx_host.a", "-lpthread", "-ldl", "-lm"]
            for name in ("plain", "rewritten"):
                library = [to / f"{name}-{source}.o" for source in _SOURCES]
                compiled.build([*clang, *library, *runtime, "-o", to / name])

    versions = [compiled.version(clang), compiled.version(("rustc",))]
    return compiled.kept(f"cxx-hosts{level}", [*compiled.RUST, _HERE], [*_FLAGS, level, *versions], make)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", _SAME)
def test_as_without_us(programs: Path, run: Run, backend: str, scenario: str) -> None:
    plain = run([programs / "plain", scenario])
    assert plain.code == 0, plain
    rewritten = run([programs / "rewritten", scenario])
    assert (rewritten.code, rewritten.stdout) == (0, plain.stdout), f"{backend}: {rewritten}"


@pytest.mark.slow
@pytest.mark.parametrize("place", range(3))
def test_a_violation_passes_cxx_frames_and_leaves_order(programs: Path, run: Run, backend: str, place: int) -> None:
    """In a frame with destructors, in a handler, in a destructor that unwinding runs: three times each."""
    done = run([programs / "rewritten", f"violation={place}"])
    assert (done.code, done.stdout) == (0, "1\n"), done
    assert done.stderr.count("spatial violation: foreign code in breaks") == 3


@pytest.mark.slow
@pytest.mark.parametrize("place", range(3))
def test_a_violation_names_file_and_line(programs: Path, run: Run, backend: str, tmp_path: Path, place: int) -> None:
    """Also at -O2, behind inlining, in a destructor: of the C++ source, not of what the pass inserted."""
    log = tmp_path / "report.jsonl"
    run([programs / "rewritten", f"violation={place}"], env={"GALEED_REPORT": str(log)})
    done = run([sys.executable, "-m", "mpk.report", str(log), "--json"], env={"PYTHONPATH": str(ROOT)})
    assert done.code == 1, done
    lines = (_HERE / "foreign.cpp").read_text().splitlines()
    wanted = [number for number, line in enumerate(lines, 1) if "log[at] = 1;" in line]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["source_file"] for each in told] == [str(_HERE / "foreign.cpp")] * 3
    assert [each["source_line"] for each in told] == [wanted[{0: 1, 1: 2, 2: 0}[place]]] * 3
    assert told[0]["module"] == str(programs / "rewritten")


@pytest.mark.slow
@pytest.mark.parametrize("how", [2, 3])
def test_a_panic_that_foreign_code_swallows_ends_the_process(programs: Path, run: Run, backend: str, how: int) -> None:
    done = run([programs / "rewritten", f"panic={how}"])
    assert done.code == -6, done
    assert done.stderr == "galeed: foreign code caught a Rust panic and did not rethrow it\n"


@pytest.mark.slow
def test_rust_gets_a_panic_for_an_exception(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "rewritten", "escape-caught"])
    assert done.code == 0, done
    said = [f"foreign function may_throw threw a C++ exception of type {name}" for name in ("St13runtime_error", "i")]
    assert done.stdout.splitlines()[:2] == said
    assert done.stdout.splitlines()[3] == "3"  # and the next call works
    closed = run([programs / "rewritten", "escape-closed"])  # declared extern "C", as most Rust does
    assert closed.code == -6, closed
    assert said[0] in closed.stderr
    assert "panic in a function that cannot unwind" in closed.stderr


@pytest.mark.slow
def test_a_cxx_host_that_did_not_ask_for_exceptions_gets_no_object_of_the_library(
    programs: Path, run: Run, backend: str
) -> None:
    done = run([programs / "rewritten", "distrust"])
    assert (done.code, done.stdout) == (7, "~distrust\na panic of Rust\n"), done
    assert "threw a C++ exception of type St13runtime_error" in done.stderr


@pytest.mark.slow
def test_the_hosts_virtual_functions_are_not_called_on_lent_objects(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "rewritten", "listener-inside"])
    assert done.code == -6, done
    assert "boundary violation: foreign code in _Z6notifyP8Listenerl" in done.stderr
    assert "used by code that was not rewritten" in done.stderr


@pytest.mark.slow
def test_std_thread_is_refused_where_a_thread_cannot_be_kept_out(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "rewritten", "starts-thread"])
    if backend == "mprotect":
        assert (done.code, done.stdout) == (0, "-1\n"), done  # EPERM, as std::system_error
        assert "foreign code asked for a thread: refused" in done.stderr
    else:
        assert (done.code, done.stdout) == (0, "42\n"), done


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "sums"), [("task=1", "16\n-1000\n0\n"), ("turns", "800804\n")])
def test_threads_of_cxx_share_its_mutex_and_call_back(
    programs: Path, run: Run, backend: str, scenario: str, sums: str
) -> None:
    """std::async; two std::threads at a condition variable. The library's objects of each thread go with it."""
    done = run([programs / "rewritten", scenario])
    if backend == "mprotect":  # std::system_error of EPERM
        refused = "-1\n-1\n0\n" if scenario == "task=1" else "-1\n"
        assert (done.code, done.stdout) == (0, refused), done
        assert done.stderr.count("foreign code asked for a thread: refused (EPERM)") == 1
    else:
        assert (done.code, done.stdout) == (0, sums), done


@pytest.mark.slow
def test_a_mutex_in_lent_memory_is_refused(programs: Path, run: Run, backend: str) -> None:
    """libc locks it, and was not rewritten; a copy of it would be another mutex."""
    done = run([programs / "rewritten", "lent-mutex"])
    assert (done.code, done.stdout) == (-6, ""), done
    assert "boundary violation: foreign code in locks_lent" in done.stderr


@pytest.mark.slow
def test_objects_of_a_thread_go_as_foreign_code(programs: Path, run: Run, backend: str) -> None:
    """Threads of Rust's: destructors of `thread_local` read what Rust lent and call Rust; what was freed is seen."""
    done = run([programs / "rewritten", "thread-ends"])
    assert (done.code, done.stdout) == (0, "9 3 66\n0\n"), done  # strings, foreign destructors, what they read
    done = run([programs / "rewritten", "thread-ends=1"])
    assert (done.code, done.stdout) == (-6, ""), done
    assert re.search(r"temporal violation: foreign code in \w*AtThreadsEndD\dEv tried to read", done.stderr), done


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(0, 0), (1, 3), (2, 4), (3, 6)])
def test_what_is_left_for_the_end_runs_on_its_own_side(
    programs: Path, run: Run, backend: str, how: int, code: int
) -> None:
    """main returns, C++ calls std::exit or std::quick_exit, Rust ends: in plain C++'s order, which objects made
    before main begin and end; C++'s handlers and destructors foreign, Rust's not."""
    plain, done = (run([programs / each, f"exits={how}"]) for each in ("plain", "rewritten"))
    assert plain.code == done.code == code, done
    assert plain.stdout.startswith("1234\n")  # by priority, then the others, then a function's own
    assert ("thread-local of Rust 2" in done.stdout) == (how != 2)
    assert done.stdout == re.sub(" 0$", " 1", plain.stdout, flags=re.MULTILINE)
    assert done.stdout != plain.stdout  # some of them say that they are foreign


@pytest.mark.slow
def test_a_destructor_after_main_that_uses_what_rust_freed_is_stopped(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "rewritten", "exits=4"])
    assert (done.code, "stale:" in done.stdout) == (-6, False), done
    assert re.search(r"temporal violation: foreign code in \w*UsesStaleD\dEv tried to read", done.stderr), done


@pytest.mark.slow
def test_a_handler_of_rust_amid_an_exception_of_cxx_may_call_what_throws(
    programs: Path, run: Run, backend: str
) -> None:
    """The handler gets a panic; the exception that was being handled is as it was."""
    done = run([programs / "rewritten", "throws-in-handler"])
    assert (done.code, done.stdout) == (0, "0\n51\n"), done


@pytest.mark.slow
def test_a_thread_that_is_ended_inside_foreign_code_ends_the_process(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "rewritten", "ends-thread"])
    assert done.code == -6, done
    said = "galeed: the thread was ended inside ends_thread: pthread_exit and pthread_cancel cannot pass a gate\n"
    assert done.stderr == said


def test_the_rows_of_libstdcxx_name_functions_that_it_has() -> None:
    """A mangled name with a slip of the pen would check nothing, and say nothing."""
    path = subprocess.run(
        [*find_clang().driver(True), "-print-file-name=libstdc++.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    nm = shutil.which("nm")
    if nm is None or "/" not in path:
        pytest.skip("no nm, or no libstdc++")
    library = Path(path).resolve()
    listed = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    symbols = set(re.findall(r" (\w+)(?:@|$)", listed, re.MULTILINE))
    rows = {name for name in builtin() if name.startswith(("_Z", "__dynamic"))}
    assert len(rows) > 30
    assert rows <= symbols, rows - symbols
