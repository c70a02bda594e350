"""io_uring with buffers in the domain, and a Monoio server: programs of tests/integration/uring.

`rights` is built twice: `bare`, where the kernel does as it does, and `kept`, with
galeed::waiting_system_calls!. So each protection has its control.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import Outcome, Run, require_backend, scaled

_HERE = Path(__file__).parent / "uring"
_WORK = Path(__file__).parent / "async" / "server"  # calls.rs and work.c
_GALEED = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]
_ABORTED = -6


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
]


@pytest.fixture(scope="session")
def programs() -> Path:
    """A folder with `rights` and `server`, and each without waiting_system_calls!: `rights-bare`, `server-bare`."""

    def make(to: Path) -> None:
        words = [*_GALEED, "build", "-q", "--release", "--manifest-path", _HERE / "Cargo.toml"]
        with compiled.cargo_target("galeed") as target:
            changes = {"PYTHONPATH": os.pathsep.join(sys.path), "CARGO_TARGET_DIR": str(target)}
            made = target / "x86_64-unknown-linux-gnu" / "release"
            for name, features, kept in (
                ("rights", [], "rights-bare"),
                ("rights", ["--features", "kept"], "rights"),
                ("server", ["--features", "bare-system-calls"], "server-bare"),
                ("server", [], "server"),
            ):
                compiled.build([*words, "-p", name, *features], changes)
                shutil.copy(made / name, to / kept)

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("uring", [*compiled.RUST, _HERE, _WORK], versions, make)


@pytest.fixture
def case(programs: Path, run: Run) -> Callable[..., Outcome]:
    """Runs a program: `case("rights-bare", "inline", backend="pku")`."""

    def call(program: str, *words: str, backend: str) -> Outcome:
        require_backend(backend)
        # On mprotect threads hand the rights to each other; with ten other busy processes a case took 40 seconds.
        done = run([programs / program, *words], env={"GALEED_BACKEND": backend}, timeout_seconds=300)
        if done.stdout == "no ring: EPERM\n" and not done.stderr:
            pytest.skip("this machine allows no io_uring")
        return done

    return call


# What the kernel answers by itself, and what it leaves: (pku, mprotect). A buffer of the heap each time.
_BARE = {
    "inline": ("8", "8"),
    "interrupt": ("EFAULT, kept", "EFAULT, kept"),
    "interrupt-datagram": ("EFAULT, gone", "EFAULT, gone"),
    "interrupt-coop": ("EFAULT, kept", "EFAULT, kept"),
    "interrupt-defer": ("8", "8"),
    "never-waits": ("8", "8"),
    "accept": ("EFAULT, gone", "EFAULT, gone"),
    "another-thread": ("8", "EFAULT"),
    "another-thread-defer": ("8", "EFAULT"),
    "worker": ("all", "EFAULT or a part"),
    "file": ("all", "EFAULT or a part"),
    "polled": ("8", "EFAULT"),
    "registered": ("8", "8"),
    "registered-outside": ("8", "8"),
    "registered-tagged": ("0", "0"),
    "registered-late": ("1", "1"),
    "another-issuer": ("8", "8"),
    "their-ring": ("written", "written"),
    "forged": ("written", "written"),
}
# Where the heap is no matter: what the kernel answers, and nobody waits for ever.
_SAME = {
    "stopped": "EINVAL, 8",
    "behind": "8, 8",
    "drained": "8, 8",
    "no-ring": "EOPNOTSUPP",
    "no-time": "EINVAL",
    "no-waiting": "0",
}
_REFUSED = {
    "polled": ("no ring: EPERM", "SQPOLL"),
    "registered": ("EPERM", "cannot be registered"),
    "registered-tagged": ("EPERM", "cannot be registered"),
    "registered-late": ("EPERM", "cannot be registered"),
    "another-issuer": ("EEXIST", "belongs to the thread that made it"),
    "their-ring": ("EPERM", "foreign code may not ask for it"),
}
_GOES_ON = {name: {"accept": "accepted", "worker": "all", "file": "all"}.get(name, "8") for name in _BARE}


@pytest.mark.parametrize("name", _BARE)
def test_whose_rights_the_kernel_has(case: Callable[..., Outcome], backend: str, name: str) -> None:
    """The control of all below: what goes wrong, and what goes too well, without waiting_system_calls!."""
    done = case("rights-bare", name, backend=backend)
    assert done.code == 0, done
    assert done.stdout.strip() in _BARE[name][backend == "mprotect"].split(" or "), done


@pytest.mark.parametrize("name", sorted(_BARE.keys() - _REFUSED.keys() - {"forged"}))
def test_requests_on_the_heap_are_done_with_the_hosts_rights(
    case: Callable[..., Outcome], backend: str, name: str
) -> None:
    done = case("rights", name, backend=backend)
    assert (done.code, done.stdout.strip(), done.stderr) == (0, _GOES_ON[name], ""), done


@pytest.mark.parametrize("name", _SAME)
def test_the_kernel_answers_as_ever(case: Callable[..., Outcome], backend: str, name: str) -> None:
    """With memory kept open, or refusals, in between: requests that wait for others, numbers that are no ring's."""
    for program in ("rights-bare", "rights"):
        done = case(program, "wait", name, backend=backend)
        assert (done.code, done.stdout.strip(), done.stderr) == (0, _SAME[name], ""), (program, done)


def test_a_signal_handler_that_calls_foreign_code_takes_nothing_from_a_worker(
    case: Callable[..., Outcome], backend: str
) -> None:
    done = case("rights", "wait", "handler", backend=backend)
    assert (done.code, done.stdout.strip(), done.stderr) == (0, "all", ""), done


@pytest.mark.parametrize("name", _REFUSED)
def test_what_would_go_around_rights_is_refused_with_a_line(
    case: Callable[..., Outcome], backend: str, name: str
) -> None:
    done = case("rights", name, backend=backend)
    answer, why = _REFUSED[name]
    assert (done.code, done.stdout.strip()) == (0, answer), done
    assert done.stderr.count("\n") == 1, done
    assert done.stderr.startswith("galeed: io_uring: "), done
    assert why in done.stderr, done


def test_foreign_code_cannot_write_into_a_ring(case: Callable[..., Outcome], backend: str) -> None:
    """On pku; on mprotect rings are ordinary memory."""
    done = case("rights", "forged", backend=backend)
    if backend == "mprotect":
        assert done.stdout == "written\n", done
        return
    assert done.code == _ABORTED, done
    assert "boundary violation: foreign code in foreign_poke tried to write" in done.stderr, done


_CALLS = {
    **dict.fromkeys(("read", "recv", "recvfrom", "readv", "recvmsg", "recvmsg-later"), "8"),
    **dict.fromkeys(("pread64", "pread", "preadv64", "preadv", "getrandom"), "8"),
    **dict.fromkeys(("write", "send", "sendto", "writev", "sendmsg"), "8"),
    **dict.fromkeys(("pwrite64", "pwrite", "pwritev64", "pwritev"), "8"),
    **dict.fromkeys(("poll", "epoll_wait"), "1"),
}


@pytest.mark.parametrize("name", _CALLS)
def test_a_system_call_waits_for_the_heap(case: Callable[..., Outcome], backend: str, name: str) -> None:
    """Another thread is in foreign code. The program compares what was moved."""
    done = case("rights", "call", name, backend=backend)
    assert (done.code, done.stdout.strip()) == (0, _CALLS[name]), done
    if backend == "mprotect":
        bare = case("rights-bare", "call", name, backend=backend)
        assert (bare.code, bare.stdout.strip()) == (0, "EFAULT"), bare


def _told(stdout: str) -> dict[str, str]:
    return dict(word.split("=") for word in stdout.split())


def _load(connections: int) -> list[str]:
    return ["load", "2", str(connections), "20", "9000"]


@pytest.mark.parametrize("driver", ["io_uring", "epoll"])
def test_a_monoio_server_loses_nothing(programs: Path, run: Run, backend: str, driver: str) -> None:
    """A thread a core, Vecs in the domain; every byte is compared, each fifth request overflows in C.

    epoll: part `deputy` of hardening has forbidden io_uring, and Monoio takes its other driver.
    """
    connections = scaled(12, 4)
    all_ = connections * 20
    first = [] if driver == "io_uring" else ["harden"]
    done = run([programs / "server", *first, *_load(connections)], timeout_seconds=300)
    assert done.code == 0, done
    told = _told(done.stdout)
    assert told.pop("uring") == ("true" if driver == "io_uring" else "false"), done
    kinds = dict.fromkeys(("violations", "files", "threads"), all_ // 5)
    assert {name: int(value) for name, value in told.items() if name != "bytes"} == {
        "answered": all_,
        "datagrams": all_,
        "calls": 2 * all_,
        "reports": 2 * all_ - all_ // 5,
        **kinds,
    }, done
    assert done.stderr.count("spatial violation: foreign code in session_overflow") == all_ // 5


def test_without_waiting_system_calls_monoio_loses_what_comes_amid_foreign_code(
    programs: Path, run: Run, backend: str
) -> None:
    """The control, on both backends: some request of some hundred meets foreign rights, in one of some runs."""
    for _ in range(8):
        ended: list[str | Path] = ["timeout", "-k", "1", "40", programs / "server-bare", *_load(scaled(12, 8))]
        done = run(ended, timeout_seconds=60)
        if "Bad address" in done.stderr:
            return
    pytest.fail("the kernel refused nothing: waiting_system_calls! has no use for io_uring any more")
