"""What the tests of the compiler drivers share: a folder of sources, and a way to run a tool in it;
and the test programs of the crate `galeed`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llvm_pass.driver import inspect_objects
from tests.conftest import Outcome, Run

CC = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c"]
CXX = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c++"]
AR = [sys.executable, "-P", "-m", "llvm_pass.driver.ar"]
LIBRARY = "#include <stddef.h>\nlong total(const int *at, size_t n) { long s = 0; while (n--) s += *at++; return s; }\n"
PROGRAM = '#include <stdio.h>\nint main(int argc, char **argv) { printf("%s\\n", argv[argc - 1]); return argc; }\n'

Tool = Callable[..., Outcome]
Program = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a few sources."""
    (tmp_path / "lib.c").write_text(LIBRARY)
    (tmp_path / "main.c").write_text(PROGRAM)
    (tmp_path / "code.s").write_text(".text\n.globl seven\nseven: movl $7, %eax\nret\n")
    (tmp_path / "sub.x").mkdir()
    return tmp_path


@pytest.fixture
def tool(folder: Path, run: Run) -> Tool:
    """Runs a command in the folder: `tool(CC, "-c", "lib.c")`."""

    def call(command: list[str], *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Outcome:
        scratch = folder / ".tmp"
        scratch.mkdir(exist_ok=True)
        changes = {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(scratch), **(env or {})}
        done = run([*command, *words], cwd=folder, env=changes, stdin=stdin, timeout_seconds=300)
        assert "Traceback" not in done.stderr, done.stderr
        assert list(scratch.iterdir()) == [], "temporary files were left"
        return done

    return call


@pytest.fixture
def program(programs: Path, run: Run) -> Program:
    """Runs one of the test's own `programs` by name."""

    def call(name: str, *arguments: str, **keywords: Any) -> Outcome:
        return run([programs / name, *arguments], **{"timeout_seconds": 300.0, **keywords})

    return call


def is_rewritten(path: Path) -> bool | None:
    return inspect_objects.rewritten(path.read_bytes(), str(path))


@pytest.fixture(scope="session")
def crate_programs(root: Path) -> dict[str, Path]:
    """The crate's test programs, by name. Built once: they only run per backend."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GALEED_")}
    output = ""
    for build in (["test", "--lib", "--tests", "--no-run"], ["build", "--examples"]):
        done = subprocess.run(
            ["cargo", *build, "--package", "galeed", "--message-format=json"],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        output += done.stdout
    messages = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return {each["target"]["name"]: Path(each["executable"]) for each in messages if each.get("executable")}
