"""The declarations that Python gets are mpk.h's own: constants, enums and prototypes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cffi import FFI

from mpk._build import declarations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunPython


def test_what_cffi_cannot_parse_is_taken_out() -> None:
    header = """\
/* A comment with #define NO 1
 * over lines */
#ifndef GUARD_H
#define GUARD_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
#define WIDTH 0x20 /* bytes */
#define NAME "text"
#define SUM (1 + 2)
enum colour { RED = -1, };
int paint(enum colour with);
#ifdef __cplusplus
}
#endif
#endif
"""
    text = declarations(header)
    assert "comment" not in text
    assert "extern" not in text
    assert "}" not in text.replace("};", "")
    assert re.findall(r"#define (\w+)", text) == ["WIDTH"]
    builder = FFI()
    builder.cdef(text)


def test_every_function_of_the_header_is_there(root: Path, run_python: RunPython) -> None:
    header = declarations((root / "mpk/csrc/mpk.h").read_text())
    # Outside of structs (they hold function pointers), a name before "(" is a function.
    names = set(re.findall(r"\b(mpk_\w+)\(", re.sub(r"\{.*?\}", "", header, flags=re.DOTALL)))
    assert len(names) > 40
    outcome = run_python("import sys; from mpk._native import lib; print(*set(sys.argv[1:]) - set(dir(lib)))", *names)
    assert (outcome.code, outcome.stdout) == (0, "\n"), str(outcome)


def test_every_error_has_a_class_and_a_line(root: Path, run_python: RunPython) -> None:
    codes = re.findall(r"\b(MPK_E\w+) = -\d+", (root / "mpk/csrc/mpk.h").read_text())
    assert len(codes) >= 9
    outcome = run_python(
        """
import sys
from mpk import errors
from mpk._native import lib
seen = set()
for name in sys.argv[1:]:
    try:
        errors.check(getattr(lib, name))
    except errors.MpkError as error:
        assert type(error) is not errors.MpkError, name
        assert error.code == getattr(lib, name), name
        assert str(error) and "\\n" not in str(error), name
        seen.add((type(error), str(error)))
assert len(seen) == len(sys.argv) - 1, "each its own class and words"
try:
    errors.check(-999)
except errors.MpkError as error:
    assert str(error)
errors.check(0)
""",
        *codes,
    )
    assert outcome.code == 0, str(outcome)


def test_importing_starts_nothing(run_python: RunPython) -> None:
    code = "import mpk, mpk.abi, mpk.domain; print('201000000000-' in open('/proc/self/maps').read())"
    outcome = run_python(code, env={"GALEED_BACKEND": "no such backend"})
    assert (outcome.code, outcome.stdout) == (0, "False\n"), str(outcome)


def test_start_maps_the_published_range_where_the_header_says(run_python: RunPython, backend: str) -> None:
    code = "import mpk, mpk.abi; mpk.start(); mpk.start(); maps = open('/proc/self/maps').read()\n"
    code += "assert any(line.startswith(f'{mpk.abi.PUBLISHED_BASE:x}-') for line in maps.splitlines()), maps\n"
    code += "print(mpk.backend().name.lower(), bool(mpk.backend_reason()))"
    outcome = run_python(code)
    assert (outcome.code, outcome.stdout) == (0, f"{backend} True\n"), str(outcome)


def test_a_bad_environment_is_one_error(run_python: RunPython) -> None:
    code = """
import mpk
try:
    mpk.Domain()
except mpk.EnvironmentVariableError as error:
    print(error)
"""
    for name in ("GALEED_BACKEND", "GALEED_FOREIGN_RIGHTS", "GALEED_ON_VIOLATION"):
        outcome = run_python(code, env={name: "sideways"})
        assert outcome.code == 0, str(outcome)
        assert outcome.stdout.count("\n") == 1, str(outcome)
        assert "GALEED_" in outcome.stdout, str(outcome)


def test_a_name_that_does_not_exist(run_python: RunPython) -> None:
    outcome = run_python("import mpk\ntry: mpk.nothing\nexcept AttributeError as error: print(error)")
    assert (outcome.code, outcome.stdout) == (0, "module 'mpk' has no attribute 'nothing'\n"), str(outcome)


def test_every_public_name_resolves(run_python: RunPython) -> None:
    outcome = run_python("import mpk\nfor name in mpk.__all__: getattr(mpk, name)\nprint(len(mpk.__all__) > 20)")
    assert (outcome.code, outcome.stdout) == (0, "True\n"), str(outcome)
