"""C++ programs by plain clang++ and by galeed-c++ say the same, and end the same way.

tests/differential/cpp: exceptions, virtual calls and run-time types, what runs before and
after main, operator new and delete, the library's templates, coroutines. No host: every
pointer is raw, every check lets it pass, and all the rest must work as it did.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Run

SOURCES = sorted((ROOT / "tests" / "differential" / "cpp").glob("*.cpp"))
LEVELS = ("-O0", "-O2")
FLAGS = ("-std=c++20", "-w", "-pthread")
PARTS = tuple(ROOT / name for name in ("llvm_pass", "pseudoptr/include", "mpk/csrc"))


def _programs(source: Path) -> Path:
    """A folder with the source as it is ("plain") and rewritten, at each level."""
    clang = tuple(find_clang().driver(True))
    ours = (sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c++")

    def make(to: Path) -> None:
        compiled.build([*clang, "-O1", *FLAGS, source, "-o", to / "plain"])
        changes = {"PYTHONPATH": str(ROOT)}
        for level in LEVELS:
            compiled.build([*ours, level, *FLAGS, source, "-o", to / f"rewritten{level}"], changes)

    name = f"differential-cpp-{source.stem}"
    return compiled.kept(name, [*PARTS, source], [*LEVELS, *FLAGS, compiled.version(clang)], make)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_rewritten_programs_say_the_same(source: Path, run: Run) -> None:
    programs = _programs(source)
    plain = run([programs / "plain"])
    assert plain.code == 0, plain
    for level in LEVELS:
        rewritten = run([programs / f"rewritten{level}"])
        assert (rewritten.code, rewritten.stdout) == (plain.code, plain.stdout), f"{level}: {rewritten}"
