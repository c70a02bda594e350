"""``galeed-report``: places in the source, of programs that compilers made, and of broken ones."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llvm_pass.driver.clang import find_clang
from mpk import report
from mpk.places import Image, Place, PlaceError
from tests import compiled

_SOURCE = """#include "inner.h"
int before(int n) { return n * 3; }
__attribute__((noinline)) int wanted(const int *p, int n) {
    int sum = twice(n);
    for (int i = 0; i < n; i++)
        sum += p[i] / n; /* the only division */
    return sum;
}
int (*table[])(const int *, int) = {wanted};
"""
_INNER = "static inline int twice(int n) {\n    return n * 2;\n}\n"


def _division(path: Path) -> int:
    """Where the first division of `wanted` lies, from the file's first byte in memory."""
    words = ["objdump", "-d", "--no-show-raw-insn", "--disassemble=wanted", str(path)]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (line, *_) = [line for line in text.splitlines() if "idiv" in line]
    return int(line.split(":")[0], 16)


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("debug", [("-gdwarf-5",), ("-gdwarf-4",), ("-gdwarf-5", "-ffunction-sections", "-gz")])
def test_file_and_line(tmp_path: Path, level: str, debug: tuple[str, ...]) -> None:
    (tmp_path / "inner.h").write_text(_INNER)
    (tmp_path / "source.c").write_text(_SOURCE)
    library = tmp_path / "library.so"
    words = [*find_clang().command, level, *debug, "-shared", "-fPIC", tmp_path / "source.c", "-o", library]
    compiled.build(words)
    place = Image(library).place(_division(library))
    assert (place.function, place.file, place.line) == ("wanted", str(tmp_path / "source.c"), 6)


def test_a_program_at_a_fixed_address(tmp_path: Path) -> None:
    """Offsets count from where the file begins in memory."""
    (tmp_path / "inner.h").write_text(_INNER)
    (tmp_path / "source.c").write_text(_SOURCE + "int main(void) { return table[0](0, 0); }\n")
    program = tmp_path / "program"
    compiled.build([*find_clang().command, "-O1", "-g", "-no-pie", tmp_path / "source.c", "-o", program])
    place = Image(program).place(
        _division(program) - 0x200000 if _division(program) < 0x400000 else _division(program) - 0x400000
    )
    assert (place.function, place.line) == ("wanted", 6)


def test_without_debug_information(tmp_path: Path) -> None:
    (tmp_path / "inner.h").write_text(_INNER)
    (tmp_path / "source.c").write_text(_SOURCE)
    library = tmp_path / "library.so"
    compiled.build([*find_clang().command, "-O1", "-shared", "-fPIC", tmp_path / "source.c", "-o", library])
    assert Image(library).place(_division(library)) == Place("wanted")
    place, why = report.locate({"module": str(library), "module_offset": hex(_division(library))})
    assert place.function == "wanted"
    assert why.endswith("build with -g")


def test_files_that_are_no_programs(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="No such file"):
        Image(tmp_path / "nowhere")
    for data in (b"", b"text", b"\x7fELF", b"\x7fELF\x02\x01\x01" + b"\xff" * 57):
        (tmp_path / "broken").write_bytes(data)
        with pytest.raises(PlaceError):
            Image(tmp_path / "broken").place(0)


_TOLD: dict[str, Any] = {
    "violation": "spatial",
    "access": "write",
    "function": "fill",
    "bytes": 8,
    "offset": 32,
    "detail": "too far",
    "lease": {"index": 3, "bound": 32},
    "allocation": None,
    "backend": "pku",
    "action": "abort",
    "module": None,
    "module_offset": None,
    "pc": "0x1",
}


def test_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    path.write_text(json.dumps(_TOLD) + "\n\n" + json.dumps({**_TOLD, "module": "/nowhere/x", "module_offset": "0x10"}))
    assert report.main([str(path)]) == 1
    first, second = capsys.readouterr().out.split("\n  pku, abort\n")[:2]
    assert first.splitlines()[0] == "unknown+None: spatial violation: write of 8 bytes, called as fill"
    assert first.splitlines()[1] == "  at offset 32 of lease #3, 32 bytes"
    assert "did not learn which file" in first
    assert second.startswith("/nowhere/x+0x10: spatial violation")
    assert "No such file" in second
    assert report.main([str(path), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["source_file"] for line in lines] == [None, None]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", ":1: not JSON"),
        (b"\n[]\n", ":2: no violation"),
        (b"{}\n", ":1: no violation"),
        (b"\xff\xfe", "the report is no text"),
    ],
)
def test_what_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, said: str) -> None:
    (tmp_path / "report").write_bytes(data)
    assert report.main([str(tmp_path / "report")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("galeed-report: ") and said in error
    assert error.count("\n") == 1
    (tmp_path / "report").write_bytes(b"")
    assert report.main([str(tmp_path / "report")]) == 0
    assert report.main([str(tmp_path / "missing")]) == 2
