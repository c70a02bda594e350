"""What every test may use: the backend parameter and programs in processes of their own.

A backend is chosen once per process and a stopped attack ends its process, so
whatever touches the runtime runs in a process of its own.

Markers are strict, warnings are errors (pyproject.toml). A test on ``pku`` is
skipped, visibly, where the CPU or the kernel has no protection keys;
GALEED_REQUIRE_PKU=1 turns that skip into a failure.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest

from experiments import machine

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("pku", "mprotect")
DEFAULT_TIMEOUT_SECONDS = 120.0
EMULATED_PATIENCE = 5  # a time-out is for what hangs, not for a slow machine


def pytest_configure() -> None:
    """Signals as a shell's foreground gives them: under nohup and in background jobs some are ignored,
    children inherit that, and what tests ask of an interrupted program would not happen.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for other in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(other, signal.SIG_DFL)


def scaled(full: int, emulated: int) -> int:
    """How often to do something: fewer times where the CPU is translated in software.

    There (tests/pkuvm) a step takes 10 to 100 times as long; the steps are the same ones.
    GALEED_TESTS_FULL=1 asks for the full size there too.
    """
    small = machine.emulated() and os.environ.get("GALEED_TESTS_FULL") != "1"
    return emulated if small else full


@dataclass(frozen=True)
class Outcome:
    """How a process ended. code: exit code; negative, the signal that ended it."""

    code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Run(Protocol):
    """Runs a command and returns how it ended; never raises for a bad exit code.

    timeout_seconds: on a CPU as they are; an emulated one is given EMULATED_PATIENCE times it.
    """

    def __call__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str | None] | None = None,
        stdin: str = "",
        cwd: Path | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Outcome: ...


class RunPython(Protocol):
    """Runs a Python snippet in a new interpreter (same one as the tests')."""

    def __call__(
        self,
        code: str,
        *arguments: str,
        env: Mapping[str, str | None] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Outcome: ...


@cache
def pku_available() -> bool:
    """Whether keys can be had here, asked of CPU and kernel, not of the code under test."""
    flags = Path("/proc/cpuinfo").read_text().split()
    if "ospke" not in flags:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    key = libc.pkey_alloc(0, 0)
    if key < 0:
        return False
    libc.pkey_free(key)
    return True


def require_backend(name: str) -> None:
    """Skips (or fails, under GALEED_REQUIRE_PKU=1) where the backend cannot run."""
    if name != "pku" or pku_available():
        return
    message = "this CPU or kernel has no protection keys (pku backend)"
    if os.environ.get("GALEED_REQUIRE_PKU") == "1":
        pytest.fail(f"GALEED_REQUIRE_PKU=1, but {message}")
    pytest.skip(message)


def environment(changes: Mapping[str, str | None] | None = None, backend: str | None = None) -> dict[str, str]:
    """The tests' own environment without GALEED_* policy, plus the changes (None removes)."""
    ambient = {"GALEED_BACKEND", "GALEED_FOREIGN_RIGHTS", "GALEED_ON_VIOLATION", "GALEED_REPORT"}
    ambient |= {"GALEED_ON_TRAP", "GALEED_PROFILE", "GALEED_SITES"}
    ambient |= {"GALEED_HEAP", "GALEED_HARDEN", "GALEED_HARDEN_MEMORY"}
    result = {name: value for name, value in os.environ.items() if name not in ambient}
    if backend is not None:
        result["GALEED_BACKEND"] = backend
    for name, value in (changes or {}).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn; `run` and `run_python` set GALEED_BACKEND to it."""
    name = str(request.param)
    require_backend(name)
    return name


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a program in its own process, on the test's backend if it has one."""
    chosen = str(request.getfixturevalue("backend")) if "backend" in request.fixturenames else None

    def call(
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str | None] | None = None,
        stdin: str = "",
        cwd: Path | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Outcome:
        argv = [os.fspath(word) for word in argv]
        seconds = timeout_seconds * scaled(1, EMULATED_PATIENCE)
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                env=environment(env, chosen),
                cwd=cwd,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said = "\n".join(stream.decode(errors="replace") for stream in (late.stdout, late.stderr) if stream)
            pytest.fail(f"{argv} did not end in {seconds:g} s; what it had said:\n{said}", pytrace=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def run_python(run: Run) -> RunPython:
    """Runs a Python snippet in its own process, on the test's backend if it has one."""

    def call(
        code: str,
        *arguments: str,
        env: Mapping[str, str | None] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Outcome:
        argv = [sys.executable, "-W", "error", "-c", code, *arguments]
        return run(argv, env=env, cwd=ROOT, timeout_seconds=timeout_seconds)

    return call


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's top folder."""
    return ROOT
