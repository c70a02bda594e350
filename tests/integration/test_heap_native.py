"""The C heap against its contract: unit clauses, a model, threads and forks, misuse.

The programs in tests/native/heap are linked with the runtime's own sources, also
under gcc's sanitizers, and run in processes of their own on each backend.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import ROOT, Run

RUNTIME = ROOT / "mpk" / "csrc"
PROGRAMS = ROOT / "tests" / "native" / "heap"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread")

# What each wrong pointer is, and in which words.
MISUSES = {
    "double": ("temporal", "double free"),
    "double-later": ("temporal", "double free"),
    "double-thread": ("temporal", "double free"),
    "double-large": ("temporal", "double free"),
    "double-huge": ("temporal", "double free"),
    "realloc-freed": ("temporal", "double free"),
    "interior": ("spatial", "inside an allocation"),
    "interior-odd": ("spatial", "inside an allocation"),
    "interior-large": ("spatial", "inside an allocation"),
    "end": ("spatial", "inside an allocation"),
    "realloc-interior": ("spatial", "inside an allocation"),
    "stack": ("forged", "another allocator"),
    "malloc": ("forged", "another allocator"),
    "other-domain": ("forged", "another domain"),
    "metadata": ("forged", "never allocated"),
    "size-words": ("forged", "never allocated"),
    "never": ("forged", "never allocated"),
    "beyond": ("forged", "never allocated"),
    "handle": ("boundary", "pseudo-pointer"),
    "sized": ("type", "wrong size"),
    "sized-zero": ("type", "wrong size"),
    "sized-flags": ("type", "wrong size"),
    "sized-most": ("type", "wrong size"),
    "sized-large": ("type", "wrong size"),
    "sized-align": ("type", "wrong alignment"),
    "sized-double": ("temporal", "double free"),
    "usable-freed": ("temporal", "double free"),
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


@pytest.mark.parametrize("arguments", [("marks", "3000000"), ("strangers", "1000")])
def test_races(build: Build, run: Run, backend: str, arguments: tuple[str, ...]) -> None:
    outcome = run([build("races"), *arguments])
    assert outcome.code == 0, outcome


def test_block_freed_by_two_threads_at_once_ends_the_process(build: Build, run: Run, backend: str) -> None:
    outcome = run([build("races"), "frees", "100000"], env={"GALEED_ON_VIOLATION": "abort"})
    assert outcome.code == -signal.SIGABRT, outcome
    assert "double free" in outcome.stderr or "freed by two threads" in outcome.stderr, outcome


@pytest.mark.parametrize("policy", ["abort", "unwind", "report"])
@pytest.mark.parametrize("case", MISUSES)
def test_misuse_is_a_typed_violation(
    build: Build, run: Run, backend: str, tmp_path: Path, case: str, policy: str
) -> None:
    report = tmp_path / "report.jsonl"
    outcome = run([build("misuse"), case], env={"GALEED_ON_VIOLATION": policy, "GALEED_REPORT": str(report)})
    assert outcome.code == (-signal.SIGABRT if policy == "abort" else 0), outcome
    assert ("survived" in outcome.stderr) == (policy != "abort"), outcome
    (line,) = report.read_text().splitlines()
    told = json.loads(line)
    kind, words = MISUSES[case]
    access = "read" if case == "usable-freed" else "free"
    assert (told["violation"], told["access"], told["action"]) == (kind, access, policy), told
    assert words in told["detail"], told
    assert told["function"] is None
    verb = {"read": "read", "free": "freed"}[access]
    size = f"{told['bytes']} byte" if told["bytes"] else "memory"
    assert f"galeed: {kind} violation: host code {verb} {size}" in outcome.stderr, outcome
    lives = kind in {"spatial", "type"}
    assert (told["allocation"] is not None) == lives, told
    if lives:
        pointers = outcome.stderr.partition("pointers: ")[2].splitlines()[0].split()
        assert told["allocation"]["base"] in pointers
        assert told["allocation"]["bytes"] == (10000 if "large" in case else 100)


@pytest.mark.parametrize("sanitizer", ["undefined", "address"])
@pytest.mark.parametrize("arguments", [("unit",), ("model", "4", "20000"), ("threads", "5000", "3")])
def test_sanitized(build: Build, run: Run, sanitizer: str, arguments: tuple[str, ...]) -> None:
    program, *rest = arguments
    settings = {"GALEED_BACKEND": "mprotect", "ASAN_OPTIONS": "detect_leaks=0"}
    outcome = run([build(program, sanitizer), *rest], env=settings)
    assert outcome.code == 0, outcome
