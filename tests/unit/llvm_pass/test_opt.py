"""galeed-opt over several inputs, its reports and explanations, and what can go wrong around it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llvm_pass.opt.completion import SHELLS, script
from llvm_pass.opt.parser import parser
from llvm_pass.passes import PASSES
from tests.conftest import ROOT

OPT = [sys.executable, "-m", "llvm_pass.cli"]
MODULE = "define i32 @f(ptr %p) {\n  %v = load i32, ptr %p, align 4\n  ret i32 %v\n}\n"
# LLVM's parser calls itself for each brace, until its stack is full.
DEADLY = "@g = global " + "{" * 300_000
SOURCE = "int own;\nint sum(const int *p, int n) {\n  int s = own;\n  while (n--) s += *p++;\n  return s;\n}\n"


def opt(*words: str | Path, cwd: Path, **others: object) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": ""}
    done = subprocess.run(
        [*OPT, *map(str, words)],
        cwd=cwd,
        env=surroundings,
        text=True,
        check=False,
        timeout=120,
        **{"capture_output": True, "stdin": subprocess.DEVNULL, **others},  # type: ignore[call-overload]
    )
    assert "Traceback" not in (done.stderr or ""), done.stderr
    return done  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.ll").write_text(MODULE.replace("@f", f"@{name}"))
    (tmp_path / "out").mkdir()
    return tmp_path


def test_one_bad_input_costs_one_line_and_not_the_run(folder: Path) -> None:
    (folder / "deadly.ll").write_text(DEADLY)
    (folder / "broken.ll").write_text("garbage")
    inputs = ["a.ll", "deadly.ll", "missing.ll", "b.ll", "broken.ll", "c.ll"]
    done = opt(*inputs, "-S", "-o", "out", "--jobs", "3", "--stats-json", "s.json", cwd=folder)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["deadly.ll", "missing.ll", "broken.ll"], lines
    assert "LLVM ended with signal 11" in lines[0]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.ll", "b.ll", "c.ll"]
    report = json.loads((folder / "s.json").read_text())
    assert [module["input"] for module in report["modules"]] == ["a.ll", "b.ll", "c.ll"]
    assert report["total"]["stats"]["entry-gates: gates"] == 3
    alone = opt("b.ll", "-S", cwd=folder)
    assert (folder / "out" / "b.ll").read_text() == alone.stdout, "the same, alone or beside others"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.ll", "b.ll"], "several inputs need -o DIRECTORY"),
        (["a.ll", "b.ll", "-o", "one.bc"], "several inputs need -o DIRECTORY"),
        (["a.ll", "out/../a.ll", "-o", "%s.bc"], "would both be written"),
        (["a.ll", "b.ll", "-S", "-o", "."], "its output would replace the input a.ll"),
        (["a.ll", "-", "-o", "out"], "stdin can only be the one input"),
        (["a.ll", "--pass-remarks-output", "a.ll", "-o", "x"], "is an input or another output"),
        (["a.ll", "--stats-json", "x", "-o", "x"], "is an input or another output"),
        (["a.ll", "--explain", "aa"], "no function 'aa' is defined"),
        (["a.ll", "--pass-remarks", "(", "-o", "x"], "is no regular expression"),
        (["a.ll", "-o", "/dev/full"], "/dev/full: No space left"),
        (["a.ll", "-o", "x", "--stats-json", "/dev/full"], "/dev/full: No space left"),
        (["a.ll", "-o", ""], "the output's name is empty"),
        (["a.ll", "-o", "/proc/x.bc"], "/proc/x.bc: "),
        (["a.ll", "--jobs", "0"], "'0' is no number from 1 to 1024"),
        (["a.ll", "--completion", "csh"], "invalid choice: 'csh'"),
        (["a.ll", "--policy", "missing.toml"], "missing.toml: No such file"),
        (["x" * 300], "File name too long"),
        (["/dev/zero"], "/dev/zero: is a device"),
        (["/dev/null"], "/dev/null: the input is empty"),
    ],
)
def test_refusals(folder: Path, words: list[str], said: str) -> None:
    done = opt(*words, cwd=folder)
    assert done.returncode == 2, done
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert (folder / "a.ll").read_text() == MODULE.replace("@f", "@a")


def test_a_module_may_be_rewritten_in_its_place_where_that_is_said(folder: Path) -> None:
    assert opt("a.ll", "-S", "-o", "a.ll", cwd=folder).returncode == 0
    assert "!galeed.passes" in (folder / "a.ll").read_text()


def test_a_dry_run_writes_nothing_and_says_what_it_would(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = opt("a.ll", "b.ll", "-o", "out", "--dry-run", "--stats-json", "s.json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^a\.ll: would write \d+ bytes to out/a\.bc$", done.stdout, re.MULTILINE)
    assert "1 pseudo-pointers: loads" in done.stdout
    assert sorted(folder.rglob("*")) == before


def test_explain(folder: Path) -> None:
    from llvm_pass.driver.clang import find_clang

    (folder / "sum.c").write_text(SOURCE)
    command = [*find_clang().command, "-O1", "-g", "-emit-llvm", "-c", "sum.c"]
    subprocess.run(command, cwd=folder, check=True)
    done = opt("sum.bc", "--explain", "sum", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "     4 |   while (n--) s += *p++;" in done.stdout
    assert "sum.c:3: %3 = load i32, ptr @own, align 4" in done.stdout
    assert "why: @own is a global: C's own memory, never lent" in done.stdout
    assert "why: in the loop for raw pointers, before which their tags were asked" in done.stdout
    test = r"    in the loop for lent pointers, .* \(one test for 1 access\):\n"
    served = r"(?:    \+ .*\n)*    \+ %galeed\.\d+ = call preserve_mostcc i64 @galeed_load4"
    assert re.search(rf"sum\.c:4: %\S+ = load i32.*\n{test}{served}", done.stdout)
    assert "from %0, an argument: may be a pseudo-pointer" in done.stdout
    assert done.stdout.index("IR before") < done.stdout.index("pass pseudo-pointers") < done.stdout.index("IR after")
    (folder / "sum.c").unlink()
    assert "sum.c:2 (the file is not here)" in opt("sum.bc", "--explain", "sum", cwd=folder).stdout


def test_explain_tells_accesses_of_one_segment_apart(folder: Path) -> None:
    (folder / "two.ll").write_text(
        "define void @two(ptr %p, ptr %q) {\n  %v = load i16, ptr %p, align 2\n  %w = add i16 %v, 1\n"
        "  store i16 %w, ptr %q, align 2\n  ret void\n}\n"
    )
    done = opt("two.ll", "--explain", "two", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout[done.stdout.index("pass pseudo-pointers") : done.stdout.index("IR after")]
    shared = "    where %p or %q is a pseudo-pointer (one test for 2 accesses):\n"
    load, store = told.split("  store i16 %w", 1)
    assert load.count(shared) == store.count(shared) == 1
    assert "@galeed_load2" in load and "@galeed_load2" not in store
    assert "@galeed_store2" in store and "@galeed_store2" not in load
    assert "  %w = add" not in told  # between them, and no access


def test_remarks_on_demand(folder: Path) -> None:
    (folder / "m.ll").write_text(
        'define void @m(ptr %p) {\n  call void asm sideeffect "nop", "r"(ptr %p)\n  ret void\n}\n'
    )
    words = ["a.ll", "--disable-output", "--pass-remarks-output", "r.yaml"]
    assert opt(*words, cwd=folder).stderr == ""
    assert (folder / "r.yaml").read_text() == ""
    done = opt(*words, "--pass-remarks", "pseudo", "--pass-remarks-filter", ".", cwd=folder)
    assert done.stderr == "remark: a: load became a call of galeed_load4 for pseudo-pointers [pseudo-pointers]\n"
    written = (folder / "r.yaml").read_text()
    assert written.startswith(
        "--- !Passed\nPass:            pseudo-pointers\nName:            Load\nFunction:        'a'\n"
    )
    assert opt(*words, "--pass-remarks", "gates", cwd=folder).stderr == ""


def test_version_and_help(folder: Path) -> None:
    assert re.fullmatch(
        r"galeed-opt \S+.*\n  LLVM version 22\.1\.\d+ \(llvmlite 0\.50\.\d+\)\n", opt("--version", cwd=folder).stdout
    )
    text = opt("--help", cwd=folder).stdout
    for action in parser()._actions:
        assert all(name in text for name in action.option_strings)
        assert action.help


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_is_completed_in_every_shell(shell: str) -> None:
    made = script(parser(), shell)
    for action in parser()._actions:
        for name in action.option_strings:
            assert (name.lstrip("-") if shell == "fish" else name) in made
    assert all(item.name in made for item in PASSES)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=made, text=True, check=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["galeed-opt", "--pass-r"],
            {
                "--pass-remarks",
                "--pass-remarks-analysis",
                "--pass-remarks-missed",
                "--pass-remarks-output",
                "--pass-remarks-filter",
            },
        ),
        (["galeed-opt", "--passes", "attributes,ent"], {"attributes,entry-gates"}),
        (["galeed-opt", "--completion", "z"], {"zsh"}),
        (["galeed-opt", "--policy", "po"], {"policy.toml"}),
        (["galeed-opt", "x.bc", "po"], {"policy.toml"}),
        (["galeed-opt", "--jobs", ""], set()),
        (["galeed-opt", "--passes", "print"], {"print<boundary>"}),
        (["galeed-opt", "--passes", "attributes,lend-c"], {"attributes,lend-calls"}),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], expected: set[str]) -> None:
    (tmp_path / "policy.toml").touch()
    (tmp_path / "script").write_text(script(parser(), "bash"))
    asked = (
        'source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _galeed_opt; printf \'%s\\n\' "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-euc", asked, "bash", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(filter(None, done.stdout.splitlines())) == expected


def test_closed_and_full_outputs(folder: Path) -> None:
    command = " ".join([*OPT, "a.ll", "-S"])
    for redirect, code in (
        (">&-", 2),
        ("2>&-", 0),
        ("> /dev/full", 2),
        ("<&- >&- 2>&-", 2),
        ("--help >&-", 0),
        ("--help > /dev/full", 2),
    ):
        done = _shell(f"{command} {redirect}", folder)
        assert done.returncode == code, (redirect, done)
        assert "Exception ignored" not in done.stderr
    assert _shell(f"{command} | head -c 1", folder).stderr == ""


def _shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": ""}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("inputs", [["-"], ["pipe", "a.ll"]])
def test_interrupted(folder: Path, inputs: list[str]) -> None:
    """Waiting for its input, alone or in a job: 130, no word, nothing left."""
    os.mkfifo(folder / "pipe")
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": ""}
    with subprocess.Popen(
        [*OPT, *inputs, "-o", "out"],
        cwd=folder,
        env=surroundings,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A run in the background of a shell has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        deadline = time.monotonic() + 60
        while "llvm_pass" not in Path(f"/proc/{process.pid}/cmdline").read_text() or not _waits(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert not [path for path in (folder / "out").iterdir() if path.name.startswith(".")]


def _waits(pid: int) -> bool:
    """Does it read its input, or wait for its jobs? (Then everything is imported.)"""
    where = Path(f"/proc/{pid}/wchan").read_text()
    return "pipe" in where or "poll" in where
