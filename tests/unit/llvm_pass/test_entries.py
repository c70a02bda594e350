"""Entries from files and from the command line: version scripts, lists, and what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llvm_pass.driver.command_line import parse
from llvm_pass.driver.exported import with_entries
from llvm_pass.policy import Policy, PolicyError, of_file
from llvm_pass.policy.exports import ListError, read
from tests.unit.llvm_pass.test_opt import opt

ZLIB = """ZLIB_1.2.0 {
  global:
    compressBound;
  local:
    deflate_copyright; inflate_fast; _*;
};
ZLIB_1.2.1 { gzopen; } ZLIB_1.2.0;
"""


def test_version_scripts_decide_as_the_linker_does() -> None:
    exported = read(ZLIB, "zlib.map")
    names = ("compressBound", "gzopen", "inflate", "inflate_fast", "_tr_init")
    assert [exported.has(name) for name in names] == [True, True, True, False, False]
    closed = read("{ global: a*; local: a_private; b; *; };", "")
    assert [closed.has(name) for name in ("a1", "a_private", "b", "c")] == [True, False, False, False]
    assert closed.wanted == ("a*",)
    first = read("{ local: f_*; global: f_x*; *; };", "")
    assert [first.has(name) for name in ("f_x", "g")] == [False, True]
    wild = read('{ global: [^ab]*; "x*"; local: *; };', "")
    assert [wild.has(name) for name in ("cd", "ad", "x*", "a*")] == [True, False, True, False]


def test_dynamic_lists_and_plain_ones_name_all_that_there_is() -> None:
    for text in ('{ one; two*; extern "C" { three; }; };', "# a list\none two*\nthree # last\n"):
        listed = read(text, "")
        assert [listed.has(name) for name in ("one", "two_b", "three", "four")] == [True, True, True, False]
    assert not read("", "").has("anything")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("{ global: a;\n", 1, "ends in the middle"),
        ('{\n extern "C++" { f*; };\n};', 2, 'extern "C++"'),
        ("V1 V2 { a; };", 1, "'{' is missing before 'V2'"),
        ("{ a b; };", 1, "';' is missing before 'b'"),
        ("good\nb%d\n", 2, "'b%d' is no name"),
        ("{ global: a, b; };", 1, "'a,' is no name"),
    ],
)
def test_what_is_no_list_says_where(text: str, line: int, said: str) -> None:
    with pytest.raises(ListError, match=re.escape(said)) as caught:
        read(text, "")
    assert caught.value.line == line


def test_a_policy_reads_lists_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "zlib.map").write_text(ZLIB)
    (tmp_path / "galeed.toml").write_text('\nentries = ["own_*", "@sub/zlib.map"]\n')
    policy = of_file(tmp_path / "galeed.toml")
    names = ("own_f", "inflate", "inflate_fast")
    assert [policy.is_entry(name, taken=True) for name in names] == [True, True, False]
    assert policy.files == (str(tmp_path / "galeed.toml"), str(tmp_path / "sub" / "zlib.map"))
    before = policy.rewriting()
    (tmp_path / "sub" / "zlib.map").write_text(ZLIB.replace("_*", "*"))
    assert of_file(tmp_path / "galeed.toml").rewriting() != before, "cargo galeed must build anew"
    (tmp_path / "sub" / "zlib.map").unlink()
    with pytest.raises(PolicyError, match=r"galeed.toml:2: sub/zlib.map: No such file"):
        of_file(tmp_path / "galeed.toml")


MODULE = "define void @one() {\n  ret void\n}\ndefine internal void @inside() {\n  ret void\n}\n"


def test_entries_that_no_input_has_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.ll").write_text(MODULE)
    (tmp_path / "b.ll").write_text(MODULE.replace("one", "two"))
    (tmp_path / "list").write_text("one\nnowhere\n")
    (tmp_path / "broken").write_text("{ x\n")
    words = ("a.ll", "b.ll", "--disable-output", "--entries")
    for entries in ("one,two", "*o*", "@list", "", "@list,two"):
        done = opt(*words, entries, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), entries
    for entries, said in (
        ("one,thwo", "--entries: no input defines 'thwo'; did you mean 'two'?"),
        ("inside", "--entries: 'inside' is no entry: no gate: only called in this file"),
        ("one,x*,y", "--entries: no input defines 'x*', 'y'; there are one, two"),
        ("a b", "--entries: 'a b' is no function's name, nor @FILE"),
        ("@missing", "--entries: missing: No such file or directory"),
        ("@broken", "--entries: broken:1: the file ends in the middle of a list in braces"),
    ):
        done = opt(*words, entries, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, f"galeed-opt: {said}\n")
    done = opt(*words, "one", "--passes=attributes", cwd=tmp_path)
    assert "not among the passes" in done.stderr and done.returncode == 2


def test_the_version_script_of_a_shared_object_made_at_once(tmp_path: Path) -> None:
    script = tmp_path / "x.map"
    script.write_text("{ global: one; local: *; };")
    for words in (
        f"-Wl,--version-script={script}",
        f"-Wl,--version-script,{script}",
        f"-Xlinker --version-script={script}",
    ):
        policy = with_entries(Policy(), parse(["-shared", "a.c", *words.split()]))
        assert policy.is_entry("one", taken=False) and not policy.is_entry("two", taken=False)
        assert policy.is_entry("two", taken=True), "by a pointer"
    whole = f"-Wl,--version-script={script}"
    assert with_entries(Policy(), parse(["a.c", whole])) == Policy(), "a program"
    assert with_entries(Policy(), parse(["-shared", "-c", "a.c", whole])) == Policy(), "an object"
    own = Policy().with_entries(["two"], "galeed.toml:1", Path())
    assert with_entries(own, parse(["-shared", "a.c", whole])) == own
    asked = with_entries(own, parse(["-c", "a.c", "--galeed-entries=three,f*"]))
    assert [asked.is_entry(name, taken=True) for name in ("two", "three", "ff")] == [False, True, True]
