"""The C heap against its contract: unit clauses, a model, threads and forks, misuse.

The programs in tests/native/heap are linked with the runtime's own sources, also
under gcc's sanitizers, and run in processes of their own on each backend.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Protocol

import pytest

from tests import compiled
from tests.compiled import gcc
from tests.conftest import Run

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
    """A program of tests/native/heap, under a sanitizer if one is named."""

    def __call__(self, program: str, sanitizer: str = "") -> Path: ...


@pytest.fixture(scope="session")
def build() -> Build:
    def call(program: str, sanitizer: str = "") -> Path:
        return folders[sanitizer] / program

    sanitizers = {name: (f"-fsanitize={name}", "-fno-sanitize-recover=all") for name in ("undefined", "address")}
    flavours = {"": gcc()} | {name: gcc(f"gcc-{name}", "-O2", *flags) for name, flags in sanitizers.items()}
    folders = {name: compiled.programs("heap", flavour) for name, flavour in flavours.items()}
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
