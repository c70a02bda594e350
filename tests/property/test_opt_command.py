"""galeed-opt's command line under any words: status 0 or 2, one line for each refusal, never a traceback.

One process, in which the command is called many times; it may read, write and fork as
the words make it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunPython

FUZZ = r"""
import contextlib, io, os, pathlib, resource, sys
from hypothesis import given, settings, strategies as st
from llvm_pass.cli import main
from llvm_pass.opt.parser import parser

resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
os.chdir(sys.argv[1])
os.environ["GALEED_POLICY"] = ""
MODULE = "define i32 @f(ptr %p) {\n  %v = load i32, ptr %p, align 4\n  ret i32 %v\n}\n"
OPTIONS = sorted({name for action in parser()._actions for name in action.option_strings})
WORDS = ["a.ll", "b.ll", "bad.ll", "none.ll", "out", "out/", "%s.bc", "-", "", ".", "f", "g", "(", "attributes", "1", "2",
         "policy.toml", "wrong.toml", "/dev/null", "/dev/full", "bash", "--", "-o", "-o", "-S", "-S", "--explain", "--dry-run"]
words = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(OPTIONS), st.text(max_size=4)), max_size=6)
statuses = set()

@settings(max_examples=int(sys.argv[2]), deadline=None, database=None, derandomize=True)
@given(words)
def fuzz(argv):
    for name, text in (("a.ll", MODULE), ("b.ll", MODULE), ("bad.ll", "garbage"), ("policy.toml", "entries = ['f']"),
                       ("wrong.toml", "entrys = 1")):
        pathlib.Path(name).write_text(text)
    out, said = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    sys.stdin = io.TextIOWrapper(io.BytesIO(MODULE.encode()))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        try:
            status = main(argv)
        except SystemExit as ended:
            status = ended.code or 0
    told = [line for line in said.getvalue().splitlines() if line.startswith("galeed-opt: ")]
    assert status in (0, 2), (argv, status)
    assert bool(told) == (status == 2), (argv, status, said.getvalue())
    assert "Traceback" not in said.getvalue(), argv
    left = [path for path in pathlib.Path().rglob(".galeed-*")]
    assert not left, (argv, left)
    statuses.add(status)

pathlib.Path("out").mkdir()
fuzz()
assert statuses == {0, 2}
"""


@pytest.mark.slow
def test_any_words(tmp_path: Path, run_python: RunPython) -> None:
    outcome = run_python(FUZZ, str(tmp_path), "60", timeout_seconds=600)
    assert outcome.code == 0, outcome
