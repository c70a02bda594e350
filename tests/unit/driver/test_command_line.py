"""The C compiler's command line: nothing lost, nothing misread."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llvm_pass.driver import options
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.command_line import Mode, expand_response_files, parse, split_words
from llvm_pass.driver.compile import first_stage_options, refuse_unsupported, second_stage_options
from llvm_pass.driver.errors import DriverError


def test_every_separate_option_of_clang_is_known() -> None:
    """The table is held to clang's own list: a missing name would turn a value into an input."""
    answer = subprocess.run([*find_clang().command, "--help-hidden"], capture_output=True, text=True, check=True)
    names = re.findall(r"^  (-[^\s=]+) <[^>]+>", answer.stdout, re.MULTILINE)
    assert len(names) > 50
    missing = [n for n in names if n not in options.SEPARATE and not n.startswith(options.SEPARATE_JOINED)]
    assert missing == []


@pytest.mark.parametrize(
    ("command", "mode", "output", "inputs"),
    [
        ("-c a.c -o a.o", Mode.OBJECT, "a.o", [("a.c", "c")]),
        ("-c a.c -oa.o", Mode.OBJECT, "a.o", [("a.c", "c")]),
        ("-S a.cpp --output=a.s", Mode.ASSEMBLY, "a.s", [("a.cpp", "c++")]),
        ("-x c - -c", Mode.OBJECT, None, [("-", "c")]),
        ("-xc++ a.c -x none b.c -c", Mode.OBJECT, None, [("a.c", "c++"), ("b.c", "c")]),
        ("a.C b.o -lz -o p", Mode.LINK, "p", [("a.C", "c++"), ("b.o", None)]),
        ("-E a.c", Mode.OTHER, None, [("a.c", "c")]),
        ("-M a.c -c", Mode.OTHER, None, [("a.c", "c")]),
        ("-MD -MF a.d -c a.c", Mode.OBJECT, None, [("a.c", "c")]),
        ("-I include -D X=a.c -include b.h -c a.c", Mode.OBJECT, None, [("a.c", "c")]),
        ("-Xlinker a.c -z now b.o", Mode.LINK, None, [("b.o", None)]),
        ("-dumpmachine", Mode.OTHER, None, []),
        ("-print-search-dirs a.c", Mode.OTHER, None, [("a.c", "c")]),
        ("--version", Mode.OTHER, None, []),
        ("-fsyntax-only a.c", Mode.OTHER, None, [("a.c", "c")]),
        ("-c -- -odd.c", Mode.OBJECT, None, [("-odd.c", "c")]),
        ("-c a.s b.S", Mode.OBJECT, None, [("a.s", "assembler"), ("b.S", "assembler-with-cpp")]),
        ("-c a.i b.ii", Mode.OBJECT, None, [("a.i", "cpp-output"), ("b.ii", "c++-cpp-output")]),
        ("-c c.m d.mm e.bc", Mode.OBJECT, None, [("c.m", "objective-c"), ("d.mm", "objective-c++"), ("e.bc", "ir")]),
        ("a.c -emit-llvm", Mode.OTHER, None, [("a.c", "c")]),
    ],
)  # fmt: skip
def test_reads(command: str, mode: Mode, output: str | None, inputs: list[tuple[str, str | None]]) -> None:
    line = parse(shlex.split(command))
    assert (line.mode, line.output) == (mode, output)
    assert [(item.name, item.language) for item in line.inputs] == inputs
    assert line.words == shlex.split(command)  # nothing lost, order kept


@given(
    st.lists(
        st.sampled_from(
            ["-c", "a.c", "-o", "x", "-I", "-Ifoo", "-O2", "-foo=bar", "-x", "c", "-MD", "-", "--", "-Wl,-z"]
        )
    )
)
def test_words_come_back(words: list[str]) -> None:
    assert parse(words).words == words


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)))
def test_response_file_words(words: list[str]) -> None:
    text = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert split_words(text) == words


def test_response_files(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("-DX='a b'\n\"c d\".c")
    outer.write_text(f"-c @{inner} e\\ f")
    assert expand_response_files([f"@{outer}", "@missing"]) == ["-c", "-DX=a b", "c d.c", "e f", "@missing"]
    loop = tmp_path / "loop"
    loop.write_text(f"@{loop}")
    with pytest.raises(DriverError, match="nested deeper"):
        expand_response_files([f"@{loop}"])


def test_own_options() -> None:
    line = parse(["--galeed-verbose", "--galeed-save-temps", "-c", "a.c"])
    assert line.verbose
    assert line.save_temps
    assert line.words == ["-c", "a.c"]
    with pytest.raises(DriverError, match="--galeed-typo"):
        parse(["--galeed-typo"])


def test_flags_of_the_stages() -> None:
    command = (
        "-O2 -g -march=native -fPIC -DX -I y -std=c99 -Wall -MD -MF d -flto=thin -gsplit-dwarf "
        "-fsanitize=undefined -mllvm -a -c a.c -o b"
    )
    line = parse(command.split())
    first, second = first_stage_options(line), second_stage_options(line)
    assert (
        first == "-O2 -g -march=native -fPIC -DX -I y -std=c99 -Wall -MD -MF d -fsanitize=undefined -mllvm -a".split()
    )
    assert second == "-O2 -g -march=native -fPIC -std=c99 -mllvm -a".split()


@pytest.mark.parametrize(
    "command",
    [
        "-m32 -c a.c",
        "--target=aarch64-linux-gnu -c a.c",
        "-target wasm32 -c a.c",
        "-fsanitize=undefined,hwaddress -c a.c",
    ],
)
def test_refuses_what_could_not_be_right(command: str) -> None:
    with pytest.raises(DriverError):
        refuse_unsupported(parse(command.split()))
    refuse_unsupported(parse("--target=x86_64-unknown-linux-gnu -m64 -fsanitize=undefined -c a.c".split()))
