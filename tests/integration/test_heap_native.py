"""The C heap against its contract: unit clauses, a model, threads and forks, misuse.

The programs in tests/native/heap are linked with the runtime's own sources, also
under gcc's sanitizers, and run in processes of their own on each backend.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import ROOT, Run

RUNTIME = ROOT / "mpk" / "csrc"
PROGRAMS = ROOT / "tests" / "native" / "heap"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread")

# What each wrong pointer is called in the one line that ends the process.
MISUSES = {
    "double": "double free",
    "double-later": "double free",
    "double-thread": "double free",
    "double-large": "double free",
    "double-huge": "double free",
    "realloc-freed": "double free",
    "interior": "inside an allocation",
    "interior-odd": "inside an allocation",
    "interior-large": "inside an allocation",
    "end": "inside an allocation",
    "realloc-interior": "inside an allocation",
    "stack": "not in the domain",
    "malloc": "not in the domain",
    "metadata": "never allocated",
    "size-words": "never allocated",
    "never": "never allocated",
    "beyond": "never allocated",
    "usable-freed": "its usable size was asked for",
}


class Build(Protocol):
    """Builds a program of tests/native/heap, under a sanitizer if one is named."""

    def __call__(self, program: str, sanitizer: str = "") -> Path: ...


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc)")
    folder = tmp_path_factory.mktemp("heap")

    def compile_(arguments: list[str]) -> None:
        done = subprocess.run([compiler, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def archive(sanitizer: str) -> list[str]:
        objects = folder / (sanitizer or "plain")
        if not objects.exists():
            objects.mkdir()
            for source in sorted(RUNTIME.glob("*.[cS]")):
                extra = [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"] if sanitizer else []
                compile_([*FLAGS, *extra, "-c", str(source), "-o", str(objects / f"{source.stem}.o")])
        return [str(one) for one in sorted(objects.glob("*.o"))]

    def call(program: str, sanitizer: str = "") -> Path:
        path = folder / f"{program}-{sanitizer or 'plain'}"
        if not path.exists():
            extra = [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"] if sanitizer else []
            source = str(PROGRAMS / f"{program}.c")
            compile_([*FLAGS, *extra, f"-I{RUNTIME}", source, *archive(sanitizer), "-o", str(path)])
        return path

    return call


def test_unit(build: Build, run: Run, backend: str) -> None:
    outcome = run([build("unit")])
    assert outcome.code == 0, outcome


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_model(build: Build, run: Run, backend: str, seed: str) -> None:
    outcome = run([build("model"), seed, "60000"])
    assert outcome.code == 0, outcome


def test_threads_and_forks(build: Build, run: Run, backend: str) -> None:
    outcome = run([build("threads"), "20000", "10"])
    assert outcome.code == 0, outcome


@pytest.mark.parametrize("case", MISUSES)
def test_misuse_is_fatal(build: Build, run: Run, backend: str, case: str) -> None:
    outcome = run([build("misuse"), case])
    assert outcome.code == -6, outcome  # SIGABRT
    lines = [line for line in outcome.stderr.splitlines() if not line.startswith("pointers:")]
    assert len(lines) == 1, outcome
    assert MISUSES[case] in lines[0], outcome


@pytest.mark.parametrize("sanitizer", ["undefined", "address"])
@pytest.mark.parametrize("arguments", [("unit",), ("model", "4", "20000"), ("threads", "5000", "3")])
def test_sanitized(build: Build, run: Run, sanitizer: str, arguments: tuple[str, ...]) -> None:
    program, *rest = arguments
    settings = {"GALEED_BACKEND": "mprotect", "ASAN_OPTIONS": "detect_leaks=0"}
    outcome = run([build(program, sanitizer), *rest], env=settings)
    assert outcome.code == 0, outcome
