"""What galeed-cc makes of loops that LLVM would turn into calls of libc."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.conftest import Run

LOOPS = """
#include <wchar.h>
unsigned long narrow(const char *p) { unsigned long n = 0; for (; *p; p++) n++; return n; }
unsigned long wide(const wchar_t *p) { unsigned long n = 0; for (; *p; p++) n++; return n; }
"""


def test_loops_do_not_become_strlen(run: Run, tmp_path: Path) -> None:
    """libc's could not read a pseudo-pointer."""
    (tmp_path / "loops.c").write_text(LOOPS)
    compiler = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c", "-O2", "-c", "loops.c"]
    done = run(compiler, env={"PYTHONPATH": os.pathsep.join(sys.path)}, cwd=tmp_path)
    assert done.code == 0, done
    undefined = run(["nm", "-u", "loops.o"], cwd=tmp_path).stdout
    assert "galeed_" in undefined
    assert "strlen" not in undefined
    assert "wcslen" not in undefined
