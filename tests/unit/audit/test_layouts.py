"""Structs by DWARF: every version and the forms of both compilers say the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from audit.errors import AuditError
from audit.facts.binary import layouts
from llvm_pass.driver.clang import find_clang

_SOURCE = """\
struct pair { char left; long right; };
typedef struct { short one; int two; struct pair three; } unnamed;
struct bits { int a : 3; int b : 5; };
struct declared;
struct outer { struct inner { int deep; double far; } in; int *to; struct declared *other; };
int long_function(struct outer *one, unnamed *two, struct bits *three) {
  struct local { char first; int second; } here = {1, 2};
  return one->to[0] + two->two + three->a + here.second;
}
struct pair after = {'a', 1};
struct local2 { int x; } *last;
"""
_EXPECTED = {
    ("pair", 16, (("left", 0), ("right", 8))),
    ("unnamed", 24, (("one", 0), ("two", 4), ("three", 8))),
    ("inner", 16, (("deep", 0), ("far", 8))),
    ("outer", 32, (("in", 0), ("to", 16), ("other", 24))),
    ("local", 8, (("first", 0), ("second", 4))),
    ("local2", 4, (("x", 0),)),
}


def _object(folder: Path, compiler: str, version: int, kind: tuple[str, ...] = ("-c",)) -> Path:
    if compiler == "gcc" and shutil.which("gcc") is None:
        pytest.skip("gcc is not in PATH")
    source, made = folder / "one.c", folder / "one.o"
    source.write_text(_SOURCE, encoding="utf-8")
    words = ["gcc"] if compiler == "gcc" else find_clang().driver(False)
    subprocess.run([*words, *kind, f"-gdwarf-{version}", "-o", made, source], check=True)
    return made


@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_structs_of_c(compiler: str, version: int, tmp_path: Path) -> None:
    for kind in (("-c",), ("-shared", "-fPIC")):
        path = _object(tmp_path, compiler, version, kind)
        found = layouts.Layouts()
        layouts.read("one", path.read_bytes(), found)
        assert {(each.name, each.bytes, each.fields) for each in found.c} == _EXPECTED
        pair = next(each for each in found.c if each.name == "pair")
        assert (Path(pair.file).name, pair.line) == ("one.c", 1)


def test_what_is_read_twice_is_kept_once(tmp_path: Path) -> None:
    data, found = _object(tmp_path, "gcc", 5).read_bytes(), layouts.Layouts()
    layouts.read("one", data, found)
    layouts.read("two", data, found)
    assert len(found.c) == len(_EXPECTED)


def test_damage_ends(tmp_path: Path) -> None:
    data = _object(tmp_path, "gcc", 5).read_bytes()
    said = set()
    for at in range(64, len(data), 29):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        try:
            layouts.read("one", bytes(changed), layouts.Layouts())
        except AuditError as error:
            said.add(str(error))
    assert said and not any("\n" in each for each in said)
