"""galeed-opt as people type it: good input, and every kind of bad input in one line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[3]
_OPT = [sys.executable, "-m", "llvm_pass.cli"]
_MODULE = "define i32 @f(ptr %p) {\n  %v = load i32, ptr %p, align 4\n  ret i32 %v\n}\n"
_NEWER = 'define void @f() {\n  frobnicate i32 1\n}\n!llvm.ident = !{!0}\n!0 = !{!"clang version 31.0.1"}\n'


def _opt(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [*_OPT, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    return subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment, timeout=60)


def _refused(done: subprocess.CompletedProcess[bytes]) -> str:
    assert done.returncode == 2, done
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("galeed-opt: ")
    return line


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "module.ll"
    path.write_text(_MODULE)
    return path


@pytest.fixture
def bitcode(source: Path, tmp_path: Path) -> Path:
    path = tmp_path / "module.bc"
    assert _opt(source, "--passes=", "-o", path).returncode == 0
    assert path.read_bytes().startswith(b"BC\xc0\xde")
    return path


def test_text_from_stdin_to_stdout() -> None:
    done = _opt("-S", stdin=_MODULE.encode())
    assert done.returncode == 0, done.stderr
    assert b"@galeed_load4(" in done.stdout
    assert b"define hidden i32 @f.foreign(" in done.stdout


def test_bitcode_by_magic_whatever_its_name(bitcode: Path, tmp_path: Path) -> None:
    misnamed = bitcode.rename(tmp_path / "really.ll")
    assert _opt(misnamed, "-S", "--passes=pseudo-pointers").stdout.count(b"@galeed_load4(") >= 2


def test_the_same_input_gives_the_same_output(source: Path) -> None:
    assert _opt(source).stdout == _opt(source).stdout != b""


def test_one_dash_as_in_opt(source: Path) -> None:
    assert _opt(source, "-passes=attributes", "-S", "-verify-each").returncode == 0


def test_reports(source: Path, tmp_path: Path) -> None:
    remarks = tmp_path / "remarks.yaml"
    words: list[str | Path] = [
        "--stats",
        "--time-passes",
        "--json",
        "--disable-output",
        "--pass-remarks-output",
        remarks,
    ]
    done = _opt(source, *words)
    assert done.stdout == b""
    report = json.loads(done.stderr)
    assert report["stats"]["pseudo-pointers: loads"] == 1
    assert {"LLVM", "entry-gates"} <= report["seconds"].keys()
    assert remarks.read_text() == ""
    assert b"*** IR after entry-gates ***" in _opt(source, "--print-changed", "--disable-output").stderr
    assert b"lines, " in _opt(source, "--time-passes", "--disable-output").stderr


def test_print_passes() -> None:
    names = [line.split()[0] for line in _opt("--print-passes").stdout.decode().splitlines()]
    assert names == [
        "attributes",
        "profile",
        "loop-versions",
        "pseudo-pointers",
        "checked-calls",
        "callback-gates",
        "entry-gates",
        "lend-calls",
        "lend-everything",
        "print<boundary>",
    ]
    assert [item["name"] for item in json.loads(_opt("--print-passes", "--json").stdout)] == names


def test_refuses_what_it_cannot_read(tmp_path: Path, bitcode: Path) -> None:
    assert "No such file" in _refused(_opt(tmp_path / "missing.ll"))
    assert "is a directory" in _refused(_opt(tmp_path))
    assert "the input is empty" in _refused(_opt())
    assert "no LLVM module" in _refused(_opt(stdin=b"\x7fELF\0\0\0"))
    assert "expected top-level entity" in _refused(_opt(stdin=b"int main(void) { return 0; }"))
    assert "written by LLVM22" in _refused(_opt(stdin=bitcode.read_bytes()[:-200]))


def test_names_both_versions_of_foreign_text() -> None:
    line = _refused(_opt(stdin=_NEWER.encode()))
    assert "LLVM/clang 31.0.1" in line
    assert "read by LLVM 22.1" in line
    assert "same LLVM major" in line


def test_names_both_versions_of_foreign_bitcode(bitcode: Path) -> None:
    # The identification's epoch and string: LLVM refuses another epoch.
    data = bytearray(bitcode.read_bytes())
    bits = int.from_bytes(data[:64], "little")
    char6 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"
    old = sum(char6.index(letter) << (6 * at) for at, letter in enumerate("LLVM22"))
    new = sum(char6.index(letter) << (6 * at) for at, letter in enumerate("LLVM31"))
    at = next(shift for shift in range(400) if (bits >> shift) & (2**36 - 1) == old)
    bits ^= (old ^ new) << at
    data[:64] = bits.to_bytes(64, "little")
    line = _refused(_opt(stdin=bytes(data[:600])))
    assert "written by LLVM31" in line
    assert "read by LLVM 22.1" in line


def test_refuses_nonsense(source: Path, tmp_path: Path) -> None:
    assert "unknown pass 'frob'" in _refused(_opt(source, "--passes=frob"))
    assert "unrecognized arguments: --frob" in _refused(_opt(source, "--frob"))
    assert "there is no directory" in _refused(_opt(source, "-o", tmp_path / "none" / "x.bc"))


def test_refuses_to_rewrite_twice(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.bc"
    assert _opt(source, "-o", output).returncode == 0
    assert "through the passes already" in _refused(_opt(output))
    assert _opt(output, "--passes=", "-S").returncode == 0


def test_an_output_appears_whole_or_not_at_all(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.bc"
    output.write_bytes(b"before")
    source.write_text("garbage")
    _refused(_opt(source, "-o", output))
    assert output.read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"module.ll", "out.bc"}


def test_no_bitcode_to_a_terminal(source: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [*_OPT, str(source)]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=False, env=environment)
    assert done.returncode == 2
    assert b"will not write bitcode to a terminal" in done.stderr
    os.close(theirs)
    os.close(ours)


def test_lend_calls_takes_names_and_needs_its_pass(tmp_path: Path) -> None:
    host = tmp_path / "host.ll"
    host.write_text(
        "declare void @lib_f(ptr)\ndefine void @host(ptr %p) {\n  call void @lib_f(ptr %p)\n  ret void\n}\n"
    )
    done = _opt(host, "-passes=lend-calls", "--lend-calls=x,lib_?", "-S")
    assert b"call void @galeed.host.lib_f(ptr %p)" in done.stdout
    assert "needs the pass of that name" in _refused(_opt(host, "--lend-calls=lib_f"))
    assert "'l f' in 'lend-calls' is no name" in _refused(_opt(host, "--passes=lend-calls", "--lend-calls=l f"))
    assert "has no function to gate" in _refused(_opt(host, "--passes=lend-calls", "--policy", ""))
