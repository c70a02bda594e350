"""galeed-cc with what else instruments code: sanitizers and coverage find what they look for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT
from tests.integration.conftest import CC, Tool, is_rewritten

_OVERFLOW = """
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) int get(const int *p, long i) { return p[i]; }
int main(int argc, char **argv) {
    int *p = calloc(10, sizeof *p);
    (void)argv;
    printf("%d\\n", get(p, 3));
    int last = get(p, 8 + argc) & 1;
    free(p);
    return last;
}
"""


@pytest.mark.parametrize(
    ("flags", "symbol"),
    [
        ("-fsanitize=address", b"__asan_report_load"),
        ("-fsanitize=thread", b"__tsan_read"),
        ("-fsanitize=undefined", b"__ubsan_handle_"),
        ("-fsanitize=address,undefined -fsanitize-coverage=trace-pc-guard", b"__sanitizer_cov_trace_pc_guard"),
        ("-fprofile-instr-generate -fcoverage-mapping", b"__profc_total"),
        ("-fprofile-instr-generate -fsanitize=thread", b"__profc_total"),
        ("--coverage", b"llvm_gcov_init"),
    ],
)
@pytest.mark.parametrize("level", ["-O0", "-O2 -g"])
def test_instrumented_objects_are_rewritten_too(
    tool: Tool, folder: Path, level: str, flags: str, symbol: bytes
) -> None:
    done = tool(CC, *level.split(), *flags.split(), "-c", "lib.c")
    assert (done.code, done.stderr) == (0, "")
    assert is_rewritten(folder / "lib.o") is True
    assert symbol in (folder / "lib.o").read_bytes()


_UNDEFINED = """
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) int scaled(const int *p, int by) {
    return *p * by; /* the product */
}
int main(int argc, char **argv) {
    int *p = malloc(sizeof *p);
    (void)argv;
    *p = 1 << 29;
    printf("%d\\n", scaled(p, argc));
    free(p);
    return 0;
}
"""


def _linked(tool: Tool, folder: Path, source: str, flag: str, level: str) -> Path:
    """A program without a host, with the sanitizer's runtime of gcc: clang's own is not always there."""
    gcc, name = shutil.which("gcc"), {"address": "asan", "undefined": "ubsan"}[flag]
    probe = [gcc or "gcc", f"-print-file-name=lib{name}.so"]
    if gcc is None or "/" not in subprocess.run(probe, capture_output=True, text=True, check=True).stdout:
        pytest.skip(f"no gcc with lib{name}")
    (folder / "program.c").write_text(source)
    assert tool(CC, level, "-g", f"-fsanitize={flag}", "-c", "program.c").code == 0
    include = [f"-I{ROOT / 'pseudoptr' / 'include'}", f"-I{ROOT / 'mpk' / 'csrc'}"]
    standalone = ROOT / "llvm_pass" / "driver" / "standalone.c"
    compiled.build(
        [*find_clang().command, "-std=c11", "-O2", "-c", standalone, *include, "-o", folder / "standalone.o"]
    )
    program = folder / "program"
    compiled.build([gcc, f"-fsanitize={flag}", folder / "program.o", folder / "standalone.o", "-o", program])
    return program


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_undefined_behaviour_is_told_with_its_line(tool: Tool, folder: Path, level: str) -> None:
    program = _linked(tool, folder, _UNDEFINED, "undefined", level)
    done = tool([str(program)])
    assert (done.code, done.stdout, done.stderr) == (0, f"{1 << 29}\n", "")
    done = tool([str(program)], *"abc")
    line = next(number for number, text in enumerate(_UNDEFINED.splitlines(), 1) if "the product" in text)
    assert f"program.c:{line}:" in done.stderr and "signed integer overflow" in done.stderr, done


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_address_sanitizer_sees_checked_addresses(tool: Tool, folder: Path, level: str) -> None:
    """Raw memory has no lease; the sanitizer's own bounds hold as without us."""
    program = _linked(tool, folder, _OVERFLOW, "address", level)
    done = tool([str(program)])
    assert (done.code, done.stdout) == (0, "0\n")
    done = tool([str(program)], "further")
    assert done.code != 0
    assert "heap-buffer-overflow" in done.stderr, done
