"""One suite under one compiler: unpacked, built by its own build system, run, counted."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.suites.archives import unpack
from experiments.workshop import ROOT, clang_words, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experiments.model import Json, Options
    from experiments.suites.recipes import Suite

COMPILERS = ("clang", "galeed-cc")
# A suite that takes longer on its own hangs.
LIMIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Outcome:
    """What came out. code: exit status of the tests, or of the build where that failed; None: no end."""

    passed: int
    failed: int
    code: int | None
    built: bool
    seconds: float
    log: Path

    def as_object(self) -> dict[str, Json]:
        """For result.json."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "exit": self.code,
            "built": self.built,
            "seconds": round(self.seconds, 1),
        }

    def __str__(self) -> str:
        if not self.built:
            return "not built"
        end = "" if self.code == 0 else ", no end" if self.code is None else f", exit {self.code}"
        return f"{self.passed} passed, {self.failed} failed{end}"


def count(patterns: Sequence[str], said: str) -> tuple[int, int]:
    """Passed and failed tests, as Suite.counts says."""
    passed = failed = 0
    for pattern in patterns:
        for match in re.finditer(pattern, said, re.MULTILINE):
            groups = {name: value for name, value in match.groupdict().items() if value is not None}
            bad = int(groups.get("failed", 0)) + ("bad" in groups)
            failed += bad
            if "total" in groups:
                passed += int(groups["total"]) - bad
            else:
                passed += int(groups.get("passed", 0 if groups else 1))
    return passed, failed


def _wrapper(path: Path, words: Sequence[str]) -> Path:
    """A compiler as a command of one word, for build systems."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def wrappers(compiler: str, folder: Path) -> dict[str, str]:
    """CC and CXX, made in the folder. Raises LabError when there is no clang."""
    if compiler == "clang":
        words = clang_words()
        pair = {"CC": (*words,), "CXX": (*words, "--driver-mode=g++")}
    else:
        driver = (sys.executable, "-P", "-m", "llvm_pass.driver.cc")
        pair = {"CC": (*driver, "c"), "CXX": (*driver, "c++")}
    paths = {name: folder / "compilers" / f"{compiler}-{name.lower()}" for name in pair}
    return {name: str(_wrapper(paths[name], words)) for name, words in pair.items()}


def run_shell(lines: Sequence[str], folder: Path, environment: dict[str, str], log: Path) -> tuple[int | None, str]:
    """The exit status and all that was said, which goes into the log behind the lines themselves.

    None: out of time; everything that it started is ended then.
    """
    script = "\n".join(("bad=0", *lines))
    with log.open("a+b") as out:
        out.write(f"$ {script}\n".encode())
        out.flush()
        begin = out.tell()
        process = subprocess.Popen(
            ["sh", "-e", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        code: int | None
        try:
            code = process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        out.seek(begin)
        return code, out.read().decode(errors="replace")


def run(suite: Suite, compiler: str, options: Options) -> Outcome:
    """Raises LabError when the sources cannot be had, or with --no-build were not built before."""
    output = options.output.resolve()
    folder = output / suite.name / compiler
    log = options.output / f"{suite.name}.{compiler}.log"
    log.unlink(missing_ok=True)
    environment = clean_environment({**wrappers(compiler, output), "LC_ALL": "C", "PYTHONPATH": str(ROOT)})
    done = folder.with_name(f"{compiler}.built")
    for name in suite.others:
        environment[f"OTHER_{name}"] = str(folder.with_name(f"{compiler}.{name}"))
    began = time.monotonic()
    if options.build:
        done.unlink(missing_ok=True)
        unpack(suite.archive, folder)
        for name, archive in suite.others.items():
            unpack(archive, folder.with_name(f"{compiler}.{name}"))
        options.say(f"building {suite.name} ({compiler})")
        code, _ = run_shell(suite.build, folder, environment, log)
        if code != 0:
            return Outcome(0, 0, code, False, time.monotonic() - began, log)
        done.touch()
    elif not done.is_file():
        raise LabError(f"{suite.name} was not built before by {compiler}; run without --no-build")
    options.say(f"testing {suite.name} ({compiler})")
    code, said = run_shell(suite.test, folder, environment, log)
    passed, failed = count(suite.counts, said)
    return Outcome(passed, failed, code, True, time.monotonic() - began, log)
