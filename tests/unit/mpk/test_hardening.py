"""mpk.hardening: policies as text, the report, the error, the runner."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import mpk
from mpk.hardening import prepared_environment
from tests.conftest import Run, RunPython


def test_policies_are_words() -> None:
    strict = mpk.HardenPolicy.parse("strict")
    assert mpk.HardenPart.SEAL in strict.parts and not strict.optional
    assert mpk.HardenPolicy.of_level(mpk.HardenLevel.STRICT) == strict
    mixed = mpk.HardenPolicy.parse("fork,full?")
    assert mixed.parts == mpk.HardenPolicy.parse("full").parts
    assert mpk.HardenPart.FORK not in mixed.optional and mpk.HardenPart.SEAL in mixed.optional
    for wrong in ("", "strict,", "strikt", "seal ", "?", "a\0b"):
        with pytest.raises(mpk.InvalidArgumentError, match="it may be none, basic, strict, full"):
            mpk.HardenPolicy.parse(wrong)


@pytest.mark.parametrize("wrong", [None, 1, b"strict", mpk.HardenPart.DUMP])
def test_what_is_no_policy_is_a_type_error(wrong: Any) -> None:
    for call in (mpk.harden, mpk.HardenPolicy.parse, mpk.HardenPolicy.of_level):
        with pytest.raises(TypeError, match=r"^(policy|text|level) is .*; it must be of type "):
            call(wrong)


def test_every_part_has_its_name_in_c() -> None:
    for part in mpk.HardenPart:
        assert part.name and mpk.HardenPolicy.parse(part.name.lower()).parts == part


def test_a_domain_works_in_a_hardened_interpreter(backend: str, run_python: RunPython) -> None:
    code = """
import os, mpk
domain = mpk.Domain()
secret = domain.allocate(3)
report = mpk.harden("basic,landlock,syscalls,seal?")
assert mpk.HardenPart.SYSCALLS in report.applied == mpk.hardened()
domain.write(secret, b"abc")
print(domain.read(secret))
for what in (lambda: open("/etc/passwd"), lambda: os.memfd_create("x"), lambda: os.execv("/bin/true", ["true"])):
    try:
        what()
    except PermissionError as error:
        print(error.errno)
try:
    mpk.Domain()
except mpk.HardenError as error:
    print("hardening forbids this now" in str(error))
"""
    outcome = run_python(code)
    assert (outcome.code, outcome.stdout) == (0, "b'abc'\n13\n1\n1\nTrue\n"), str(outcome)


def test_what_was_not_prepared_is_an_error_with_the_cure(backend: str, run_python: RunPython) -> None:
    code = """
import mpk
try:
    mpk.harden(mpk.HardenPolicy(mpk.HardenPart.SECRETMEM | mpk.HardenPart.DUMP))
except mpk.HardenError as error:
    print(error, mpk.hardened() == 0, sep="; ")
"""
    outcome = run_python(code)
    assert outcome.code == 0, str(outcome)
    assert outcome.stdout.startswith("secretmem: has to be prepared") and outcome.stdout.endswith("; True\n")


def test_the_runner_prepares_a_command(backend: str, run: Run) -> None:
    runner = [sys.executable, "-m", "mpk.hardening"]
    code = "import mpk; print(mpk.harden('rseq').applied.name)"
    outcome = run([*runner, "--policy", "rseq", "--", sys.executable, "-c", code])
    assert (outcome.code, outcome.stdout) == (0, "RSEQ\n"), str(outcome)
    for words, text in (
        (["--", "no-such-program"], "no such program in PATH"),
        (["--policy", "x", "true"], "'x'"),
        (["--policy", "\udcff", "true"], "'\\udcff'"),
    ):
        outcome = run([*runner, *words])
        assert outcome.code == 2 and text in outcome.stderr and outcome.stderr.count("\n") == 1, str(outcome)


def test_the_prepared_environment_keeps_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    for _ in range(2):
        environment = prepared_environment("full?")
        assert environment["GLIBC_TUNABLES"] == "glibc.malloc.check=0:glibc.pthread.rseq=0"
        assert environment["GALEED_HARDEN"] == "full?"
        monkeypatch.setenv("GLIBC_TUNABLES", environment["GLIBC_TUNABLES"])


def test_all_of_mpk_is_there_after_landlock(backend: str, run_python: RunPython) -> None:
    code = "import mpk; mpk.harden('landlock'); print([getattr(mpk, name).__name__ for name in mpk.__all__] != [])"
    outcome = run_python(code)
    assert (outcome.code, outcome.stdout) == (0, "True\n"), str(outcome)


def test_part_stacks_needs_a_host_that_python_cannot_be(backend: str, run_python: RunPython) -> None:
    code = """
import mpk
try:
    mpk.harden("stacks")
except mpk.HardenError as error:
    print(error)
report = mpk.harden("stacks?,dump")
print(report.missing == mpk.HardenPart.STACKS, mpk.hardened() == mpk.HardenPart.DUMP)
"""
    outcome = run_python(code)
    assert outcome.code == 0, outcome
    first, second = outcome.stdout.splitlines()
    assert first.startswith("stacks: the host must be on a stack of its own: call mpk_host_stack "), outcome
    assert second == "True True", outcome
