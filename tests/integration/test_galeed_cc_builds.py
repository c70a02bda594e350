"""galeed-cc and galeed-ar under the build tools that call compilers: make and cmake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from llvm_pass.driver import inspect_objects
from tests.integration.conftest import AR, CC, CXX, Tool, is_rewritten

MAKEFILE = """
CFLAGS = -O2 -g -MMD
OBJECTS = main.o lib.o code.o
prog: $(OBJECTS) ; $(CC) $(LDFLAGS) $^ -o $@
libboth.a: lib.o code.o ; $(AR) rcs $@ $^
-include $(OBJECTS:.o=.d)
"""


def test_plain_make(tool: Tool, folder: Path) -> None:
    (folder / "Makefile").write_text(MAKEFILE)
    variables = [f"CC={' '.join(CC)}", f"AR={' '.join(AR)}"]
    assert tool(["make", "-s"], *variables, "prog", "libboth.a").code == 0
    assert tool([str(folder / "prog")], "made").stdout == "made\n"
    verdicts = {n: inspect_objects.rewritten(d, n) for n, d in inspect_objects.members(folder / "libboth.a")}
    assert verdicts == {"lib.o": True, "code.o": False}
    assert "main.c" in (folder / "main.d").read_text()


CMAKE = """
cmake_minimum_required(VERSION 3.16)
project(mixed C CXX ASM)
include(CheckCSourceRuns)
check_c_source_runs("int g(int *p) { return *p; } int main(int c, char **v) { return g(&c) - 1 + !v; }" RUNS)
if(NOT RUNS)
  message(FATAL_ERROR "a program of ours does not run")
endif()
add_library(lib STATIC lib.c code.s)
add_library(shared SHARED lib.c)
add_executable(prog main.c)
target_link_libraries(prog lib)
"""


# cmake links it with what the C compiler's link of a trial program named beyond the C++ compiler's.
CMAKE_BOTH = """
cmake_minimum_required(VERSION 3.16)
project(both C CXX)
add_executable(both both.cpp lib.c)
"""
BOTH = """
#include <cstddef>
extern "C" long total(const int *at, size_t n);
int main() { int two[] = {1, -1}; return static_cast<int>(total(two, 2)); }
"""


def _wrapped(folder: Path) -> list[str]:
    """What tells cmake about our compilers, each as a command of one word."""
    wrappers = {}
    for name, command in {"C_COMPILER": CC, "CXX_COMPILER": CXX, "AR": AR}.items():
        wrappers[name] = folder / f"galeed-{name.lower()}"
        wrappers[name].write_text("#!/bin/sh\nexec " + " ".join(command) + ' "$@"\n')
        wrappers[name].chmod(0o755)
    return [f"-DCMAKE_{name}={path}" for name, path in wrappers.items()]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_cmake_with_c_and_cxx_in_one_program(tool: Tool, folder: Path) -> None:
    (folder / "CMakeLists.txt").write_text(CMAKE_BOTH)
    (folder / "both.cpp").write_text(BOTH)
    done = tool(["cmake"], "-S", ".", "-B", "out", "-DCMAKE_BUILD_TYPE=Release", *_wrapped(folder))
    assert done.code == 0, done
    done = tool(["cmake"], "--build", "out")
    assert done.code == 0, done
    assert tool([str(folder / "out" / "both")]).code == 0


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_cmake(tool: Tool, folder: Path) -> None:
    (folder / "CMakeLists.txt").write_text(CMAKE)
    chosen = _wrapped(folder)
    done = tool(["cmake"], "-S", ".", "-B", "out", "-DCMAKE_BUILD_TYPE=Release", *chosen)
    assert done.code == 0, done
    assert "Clang" in done.stdout
    done = tool(["cmake"], "--build", "out")
    assert done.code == 0, done
    assert tool([str(folder / "out" / "prog")], "built").stdout == "built\n"
    archive = dict(inspect_objects.members(folder / "out" / "liblib.a"))
    assert inspect_objects.rewritten(archive["lib.c.o"], "lib.c.o") is True
    assert is_rewritten(folder / "out" / "libshared.so") is True
