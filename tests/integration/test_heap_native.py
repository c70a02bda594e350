"""The C heap against its contract: unit clauses, a model, threads and forks, misuse.

The programs in tests/native/heap are linked with the runtime's own sources, also
under gcc's sanitizers, and run in processes of their own on each backend.
"""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Protocol

import pytest

from tests import compiled
from tests.compiled import gcc
from tests.conftest import Run, scaled

# ThreadSanitizer keeps its shadow at 0x010000000000 to 0x340000000000, where our fixed
# ranges lie; below is memory that it watches.
ELSEWHERE = (
    *("-DMPK_HOST_BASE=0x1000000000", "-DMPK_PUBLISHED_BASE=0x2000000000", "-DMPK_PUBLISHED_USER=0x2010000000"),
)

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
    "sized-align-odd": ("type", "wrong alignment"),
    "sized-double": ("temporal", "double free"),
    "usable-freed": ("temporal", "double free"),
}


class Build(Protocol):
    """A program of tests/native/heap, under a sanitizer if one is named, at a debug level."""

    def __call__(self, program: str, sanitizer: str = "", debug: int = 0) -> Path: ...


@pytest.fixture(scope="session")
def build() -> Build:
    def call(program: str, sanitizer: str = "", debug: int = 0) -> Path:
        return folders[sanitizer, debug] / program

    def flavour(sanitizer: str, debug: int) -> compiled.Flavour:
        flags = ["-O2", f"-DMPK_HEAP_DEBUG={debug}"]
        if sanitizer:
            flags += [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
        if sanitizer == "thread":
            flags += ELSEWHERE
        return gcc("-".join(filter(None, ("gcc", sanitizer, f"debug{debug}"))), *flags)

    wanted = [("", 0), ("", 1), ("", 2), ("undefined", 0), ("address", 0), ("thread", 0)]
    folders = {one: compiled.programs("heap", gcc() if one == ("", 0) else flavour(*one)) for one in wanted}
    return call


LARGE = 3000


def sized(arguments: tuple[str, ...]) -> list[str]:
    """The words for a program: on an emulated CPU large counts are a tenth, and the unit test is short."""
    if arguments == ("unit",):
        return ["unit", *["short"] * scaled(0, 1)]
    counts = {word: int(word) for word in arguments if word.isdigit() and int(word) >= LARGE}
    return [str(scaled(counts[word], counts[word] // 10)) if word in counts else word for word in arguments]


def test_unit(build: Build, run: Run, backend: str) -> None:
    program, *rest = sized(("unit",))
    outcome = run([build(program), *rest])
    assert outcome.code == 0, outcome


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_model(build: Build, run: Run, backend: str, seed: str) -> None:
    outcome = run([build("model"), *sized((seed, "60000"))])
    assert outcome.code == 0, outcome


def test_threads_and_forks(build: Build, run: Run, backend: str) -> None:
    outcome = run([build("threads"), *sized(("20000", "10"))])
    assert outcome.code == 0, outcome


@pytest.mark.parametrize("arguments", [("marks", "3000000"), ("strangers", "1000")])
def test_races(build: Build, run: Run, backend: str, arguments: tuple[str, ...]) -> None:
    outcome = run([build("races"), *sized(arguments)])
    assert outcome.code == 0, outcome


def test_block_freed_by_two_threads_at_once_ends_the_process(build: Build, run: Run, backend: str) -> None:
    outcome = run([build("races"), "frees", "100000"], env={"GALEED_ON_VIOLATION": "abort"})
    assert outcome.code == -signal.SIGABRT, outcome
    assert "double free" in outcome.stderr or "freed by two threads" in outcome.stderr, outcome


@pytest.mark.parametrize("level", ["random", "guards", "quarantine", "zero", "hardened"])
@pytest.mark.parametrize("arguments", [("unit",), ("model", "5", "20000"), ("threads", "5000", "3")])
def test_each_part_of_hardening_keeps_the_contract(
    build: Build, run: Run, backend: str, arguments: tuple[str, ...], level: str
) -> None:
    program, *rest = sized(arguments)
    outcome = run([build(program), *rest], env={"GALEED_HEAP": level})
    assert outcome.code == 0, outcome


@pytest.mark.parametrize("level", [None, "hardened"])
@pytest.mark.parametrize("program", ["limits", "giveback"])
def test_limits_and_memory_given_back(build: Build, run: Run, backend: str, program: str, level: str | None) -> None:
    outcome = run([build(program)], env={"GALEED_HEAP": level})
    assert outcome.code == 0, outcome


@pytest.mark.parametrize("guards", ["madvise", "protection"])
def test_hardening_does_what_it_says(build: Build, run: Run, backend: str, guards: str) -> None:
    outcome = run([build("hardened"), guards])
    assert outcome.code == 0, outcome
    assert "galeed: spatial violation: host code wrote memory" in outcome.stderr, outcome
    assert "galeed: temporal violation: host code wrote memory" in outcome.stderr, outcome


def test_an_unknown_level_stops_the_start(build: Build, run: Run) -> None:
    outcome = run([build("unit")], env={"GALEED_HEAP": "hard"})
    assert outcome.code == 1, outcome
    assert 'GALEED_HEAP is "hard"; it may be default, hardened, or some of random, guards' in outcome.stderr, outcome


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


@pytest.mark.parametrize("rights", ["none", "read"])
def test_foreign_code_reaches_no_byte_of_the_heap(build: Build, run: Run, backend: str, rights: str) -> None:
    outcome = run([build("tamper")], env={"GALEED_FOREIGN_RIGHTS": rights}, timeout_seconds=400)
    assert outcome.code == 0, outcome.stderr[-2000:]
    counts = re.fullmatch(r"ok, refused (\d+) allowed (\d+)\n", outcome.stdout)
    assert counts, outcome.stdout
    refused, allowed = map(int, counts.groups())
    assert refused > 5000, outcome.stdout
    assert (allowed > 5000) == (rights == "read"), outcome.stdout


@pytest.mark.parametrize("level", [None, "hardened"])
@pytest.mark.parametrize("debug", [1, 2])
@pytest.mark.parametrize("arguments", [("model", "6", "60000"), ("threads", "20000", "3"), ("limits",), ("hardened",)])
def test_debug_levels(
    build: Build, run: Run, backend: str, arguments: tuple[str, ...], debug: int, level: str | None
) -> None:
    program, *rest = sized(arguments)
    outcome = run([build(program, debug=debug), *rest], env={"GALEED_HEAP": level})
    assert outcome.code == 0, outcome


@pytest.mark.parametrize(("what", "notices"), [("word", 1), ("count", 2)])
@pytest.mark.parametrize("debug", [0, 1, 2])
def test_debug_levels_notice_what_is_broken(
    build: Build, run: Run, backend: str, debug: int, what: str, notices: int
) -> None:
    outcome = run([build("corrupt", debug=debug), what])
    assert outcome.code == (-signal.SIGABRT if debug >= notices else 0), outcome
    assert (outcome.stdout == "unnoticed\n") == (debug < notices), outcome
    assert outcome.stderr.startswith("galeed: fatal: mpk heap: ") == (debug >= notices), outcome


def test_thread_sanitizer_watches_the_domain(build: Build, run: Run) -> None:
    outcome = run([build("stress", "thread"), "race"], env={"GALEED_BACKEND": "mprotect"})
    assert outcome.code != 0, outcome
    assert "WARNING: ThreadSanitizer: data race" in outcome.stderr, outcome


@pytest.mark.parametrize("level", [None, "hardened"])
def test_stress(build: Build, run: Run, backend: str, level: str | None) -> None:
    outcome = run([build("stress"), *sized(("20000",))], env={"GALEED_HEAP": level})
    assert outcome.code == 0, outcome


@pytest.fixture(scope="session")
def clang_programs() -> Path:
    """The folder of the programs under clang's UBSan in trap mode, which needs no library of its own."""
    return compiled.programs("heap", compiled.clang_ubsan())


@pytest.mark.parametrize("level", [None, "hardened"])
@pytest.mark.parametrize(
    "arguments",
    [("unit",), ("model", "7", "20000"), ("threads", "5000", "3"), ("stress", "3000"), ("limits",), ("giveback",)],
)
def test_no_undefined_behaviour(
    clang_programs: Path, run: Run, backend: str, arguments: tuple[str, ...], level: str | None
) -> None:
    program, *rest = sized(arguments)
    outcome = run([clang_programs / program, *rest], env={"GALEED_HEAP": level})
    assert outcome.code == 0, outcome


# Forking a program with threads is what it warns of, and what these do.
SANITIZERS = {
    "undefined": {},
    "address": {"ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0"},
    "thread": {"TSAN_OPTIONS": "die_after_fork=0:halt_on_error=1:history_size=4:report_thread_leaks=0"},
}


@pytest.mark.parametrize("level", [None, "hardened"])
@pytest.mark.parametrize("sanitizer", SANITIZERS)
@pytest.mark.parametrize(
    "arguments", [("unit",), ("model", "4", "20000"), ("threads", "5000", "3"), ("stress", "3000")]
)
def test_sanitized(build: Build, run: Run, sanitizer: str, arguments: tuple[str, ...], level: str | None) -> None:
    program, *rest = arguments
    settings = {"GALEED_BACKEND": "mprotect", "GALEED_HEAP": level, **SANITIZERS[sanitizer]}
    outcome = run([build(program, sanitizer), *rest], env=settings, timeout_seconds=400)
    assert outcome.code == 0, outcome


# With parts of hardening nothing is lent ahead of need, so there is one level.
@pytest.mark.parametrize("sanitizer", ["", *SANITIZERS])
def test_growth(build: Build, run: Run, backend: str, sanitizer: str) -> None:
    outcome = run([build("growth", sanitizer)], env={"GALEED_HEAP": None, **SANITIZERS.get(sanitizer, {})})
    assert outcome.code == 0, outcome
