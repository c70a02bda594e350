"""The scanner in C: no byte outside is read, and the CPU agrees with it about prefixes.

The programs lie in tests/native/scan; they need no runtime, only scan.c.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

FLAGS = ("-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror")
NOTHING_TO_ASK = 77


@pytest.fixture(scope="module", params=["-O2", "-O1 -fsanitize=undefined -fsanitize-undefined-trap-on-error"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both programs, compiled as shipped and with every undefined behaviour a trap."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc on this machine")
    folder = tmp_path_factory.mktemp("scan")
    csrc, tests = ROOT / "mpk" / "csrc", ROOT / "tests" / "native"
    for source in sorted((tests / "scan").glob("*.c")):
        command = ["gcc", *FLAGS, *str(request.param).split(), f"-I{csrc}", f"-I{tests / 'core'}"]
        command += [str(source), str(csrc / "scan.c"), "-o", str(folder / source.stem)]
        subprocess.run(command, check=True)
    return folder


def test_nothing_outside_is_read(folder: Path, run: Run) -> None:
    outcome = run([folder / "edges"])
    assert outcome.code == 0, outcome


def test_the_cpu_decides_which_prefixes_make_a_gadget(folder: Path, run: Run) -> None:
    outcome = run([folder / "silicon"])
    if outcome.code == NOTHING_TO_ASK:
        pytest.skip("this kernel or CPU has no FSGSBASE to ask about")
    assert outcome.code == 0, outcome
