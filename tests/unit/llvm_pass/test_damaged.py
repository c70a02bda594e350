"""galeed-opt on what no compiler made: one line for each input, status 2, in time; the others finish.

The damage is that of `make fuzz` (tests/fuzzing/damage.py), the same trials each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.fuzzing.damage import KNOWN, SECONDS, Broken, judged

_MODULE = b"define i32 @f(ptr %p) {\n  %v = load i32, ptr %p, align 4\n  ret i32 %v\n}\n"
_CORPUS = sorted((ROOT / "tests" / "fuzzing" / "odd").glob("*.ll"))
_TRIALS = 24


def test_a_module_that_is_whole_is_no_damage() -> None:
    assert judged(_MODULE) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_known_damage(name: str) -> None:
    assert judged(KNOWN[name]()) == []


@pytest.mark.slow
def test_damaged_modules() -> None:
    broken = Broken(_CORPUS, seed=1)
    found = {number: broken.trial(number) for number in range(len(KNOWN), len(KNOWN) + _TRIALS)}
    assert not {number: wrong for number, wrong in found.items() if wrong}


@pytest.mark.slow
def test_of_several_inputs_the_others_finish(tmp_path: Path) -> None:
    broken = Broken(_CORPUS, seed=2)
    inputs = [(f"{number:02}.in", broken.source(number)) for number in range(len(KNOWN), len(KNOWN) + _TRIALS)]
    inputs += [(f"known-{number:02}.in", make()) for number, make in enumerate(KNOWN.values()) if number % 3 == 0]
    inputs += [("aa.ll", _MODULE), ("zz.ll", _MODULE)]
    for name, data in inputs:
        (tmp_path / name).write_bytes(data)
    output = tmp_path / "out"
    output.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "llvm_pass.cli", *sorted(name for name, _ in inputs), "-o", f"{output}/", "--jobs", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": ""},
        capture_output=True,
        timeout=SECONDS * len(inputs),
        check=False,
    )
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert all(line.startswith("galeed-opt: ") for line in lines)
    assert len(lines) == len(inputs) - len(list(output.iterdir()))
    assert (output / "aa.bc").is_file() and (output / "zz.bc").is_file()
