"""std::string over memory of any kind: galeed-c++ leaves none of it to libstdc++.so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import Run

PROGRAM = """
#include <cstdio>
#include <string>
int main(int, char **words) {
    std::string made(words[1], 3);
    made += '!';
    made.append(words[1] + 1);
    made.insert(1, "more than fits without the heap, ").replace(0, 1, words[1]);
    std::printf("%zu %zu %s\\n", made.find("rite"), made.size(), made.c_str());
}
"""


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("standard", ["-std=c++17", "-std=gnu++20"])
def test_strings_are_compiled_with_their_user(run: Run, tmp_path: Path, level: str, standard: str) -> None:
    """What is in libstdc++.so was not rewritten, and could not read a pseudo-pointer."""
    (tmp_path / "strings.cpp").write_text(PROGRAM)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    compiler = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c++", standard, level, "-Wall", "-Werror"]
    done = run([*compiler, "-c", "strings.cpp"], env=environment, cwd=tmp_path)
    assert done.code == 0, done
    undefined = run(["nm", "-u", "strings.o"], cwd=tmp_path).stdout
    assert "galeed_" in undefined
    assert "basic_string" not in undefined
    done = run([*compiler, "strings.o", "-o", "strings"], env=environment, cwd=tmp_path)
    assert done.code == 0, done
    said = run([tmp_path / "strings", "writer"])
    assert (said.code, said.stdout) == (0, "1 47 writermore than fits without the heap, ri!riter\n"), said
