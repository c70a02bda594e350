"""Answers come from real files: programs, objects, archives of both kinds of ar."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver import inspect_objects
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.errors import DriverError


def build(folder: Path, name: str, source: str, *options: str) -> Path:
    code = folder / f"{name}.c"
    code.write_text(source)
    subprocess.run([*find_clang().command, str(code), "-o", str(folder / name), *options], check=True)
    return folder / name


def test_defined_undefined_stripped(tmp_path: Path) -> None:
    has = build(tmp_path, "has", "int mpk_host_alloc(void) { return 1; } int main(void) { return mpk_host_alloc(); }")
    assert inspect_objects.defines(has, "mpk_host_alloc") is True
    # A longer name that ends alike is another name.
    alike = build(
        tmp_path, "alike", "int not_mpk_host_alloc(void) { return 1; } int main(void) { return not_mpk_host_alloc(); }"
    )
    assert inspect_objects.defines(alike, "mpk_host_alloc") is False
    only_used = build(tmp_path, "used.o", "int mpk_host_alloc(void); int f(void) { return mpk_host_alloc(); }", "-c")
    assert inspect_objects.defines(only_used, "mpk_host_alloc") is False
    stripped = build(tmp_path, "stripped", "int mpk_host_alloc; int main(void) { return 0; }", "-Wl,-s")
    assert inspect_objects.defines(stripped, "mpk_host_alloc") is None


GARBAGE = [b"", b"\x7fELF", b"\x7fELF\x01\x01" + b"\0" * 80, b"MZ" * 64, b"\x7fELF\x02\x01" + b"\xff" * 90]


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DriverError, match="ELF"):
        inspect_objects.defines(tmp_path / "x", "a")


def test_members(tmp_path: Path) -> None:
    long_name = "a_name_longer_than_sixteen_bytes.o"
    first = build(tmp_path, long_name, 'int x; __attribute__((section("galeed_text"))) int f(void) { return x; }', "-c")
    second = build(tmp_path, "b.o", "int g(void) { return 1; }", "-c")
    third = build(tmp_path, "c.o", "int data = 3;", "-c")
    archive = tmp_path / "lib.a"
    ar = [sys.executable, "-P", "-m", "llvm_pass.driver.ar"]
    subprocess.run([*ar, "rcs", str(archive), str(first), str(second), str(third)], check=True)
    found = {name: inspect_objects.rewritten(data, name) for name, data in inspect_objects.members(archive)}
    assert found == {long_name: True, "b.o": False, "c.o": None}
    assert [name for name, _ in inspect_objects.members(second)] == ["b.o"]


def test_damaged_archive(tmp_path: Path) -> None:
    bad = tmp_path / "bad.a"
    bad.write_bytes(b"!<arch>\n" + b"x" * 70)
    with pytest.raises(DriverError, match="damaged archive"):
        list(inspect_objects.members(bad))


def test_bitcode_is_not_rewritten(tmp_path: Path) -> None:
    left = build(tmp_path, "x.bc", "int f(void) { return 1; }", "-c", "-emit-llvm")
    assert inspect_objects.rewritten(left.read_bytes(), "x.bc") is False
