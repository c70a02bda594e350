"""Runs the RUN lines of every .ll file below this folder.

`; RUN: galeed-opt %s ... | filecheck %s` as with LLVM's lit: each line is one shell
command that must succeed; several lines are several commands. %s is the file, %S its folder.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_RUN = re.compile(r"^; RUN: (.*)$", re.MULTILINE)
_FILES = sorted(_HERE.glob("*/*.ll"))


def test_there_are_files_to_check() -> None:
    assert {path.parent.name for path in _FILES} == {
        "attributes",
        "callback-gates",
        "checked-calls",
        "entry-gates",
        "lend-calls",
        "lend-everything",
        "loop-versions",
        "policy",
        "print-boundary",
        "pseudo-pointers",
    }


def _filled(command: str, path: Path) -> str:
    return command.replace("%s", shlex.quote(str(path))).replace("%S", shlex.quote(str(path.parent)))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_file(path: Path) -> None:
    commands = _RUN.findall(path.read_text(encoding="utf-8"))
    assert commands, "no RUN line"
    python = shlex.quote(sys.executable)
    functions = f'set -o pipefail; galeed-opt() {{ {python} -m llvm_pass.cli "$@"; }}; filecheck() {{ {python} -m filecheck "$@"; }}; '
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    for command in commands:
        done = subprocess.run(
            ["/bin/bash", "-c", functions + _filled(command, path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
