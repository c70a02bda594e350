"""The same input gives the same bytes, whatever else differs; a rewritten module stays as it is.

Inputs: the odd forms of tests/fuzzing, the forms that are executed elsewhere, and loops of several blocks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.errors import AlreadyRewritten
from llvm_pass.pipeline import Options, rewrite
from tests.conftest import ROOT

_TESTS = ROOT / "tests"
_FOLDERS = (
    _TESTS / "fuzzing" / "odd",
    _TESTS / "unit" / "llvm_pass" / "execution",
    _TESTS / "filecheck" / "loop-versions",
)
_INPUTS = sorted(path for folder in _FOLDERS for path in folder.glob("*.ll"))


def _made(folder: Path, hash_seed: str, jobs: str, *inputs: Path) -> dict[str, bytes]:
    """All that galeed-opt writes for the inputs, by name."""
    folder.mkdir()
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": "", "PYTHONHASHSEED": hash_seed}
    words = [sys.executable, "-m", "llvm_pass.cli", *map(str, inputs), "-o", f"{folder}/%s.bc", "--jobs", jobs]
    words += ["--pass-remarks-output", f"{folder}/remarks.yaml", "--stats-json", f"{folder}/stats.json"]
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_hash_seeds_jobs_and_order_change_nothing(tmp_path: Path) -> None:
    first = _made(tmp_path / "first", "0", "1", *_INPUTS)
    assert len(first) == len(_INPUTS) + 2
    assert _made(tmp_path / "seed", "1", "4", *_INPUTS) == first
    reversed_order = _made(tmp_path / "order", "random", "2", *reversed(_INPUTS))
    for path in _INPUTS:
        assert reversed_order[f"{path.stem}.bc"] == first[f"{path.stem}.bc"], path.name


@pytest.mark.parametrize("path", _INPUTS, ids=lambda path: path.stem)
def test_a_rewritten_module_is_refused_and_read_again_unchanged(path: Path) -> None:
    made = rewrite(path.read_bytes(), Options(round_trip=True))
    for again in (made.bitcode, made.text.encode()):
        with pytest.raises(AlreadyRewritten):
            rewrite(again)
        assert _lines(rewrite(again, Options(())).text) == _lines(made.text)


@pytest.mark.parametrize("path", _INPUTS, ids=lambda path: path.stem)
def test_text_and_bitcode_become_the_same(path: Path) -> None:
    plain = rewrite(path.read_bytes(), Options(()))
    as_text, as_bitcode = rewrite(plain.text.encode()), rewrite(plain.bitcode)
    assert as_text.remarks == as_bitcode.remarks
    assert as_text.stats == as_bitcode.stats
    assert _lines(as_text.text) == _lines(as_bitcode.text)


def _lines(text: str) -> list[str]:
    """All but the input's name and the order of predecessors, which is that of use lists."""
    return [line.split("; preds = ")[0].rstrip() for line in text.splitlines() if not line.startswith("; ModuleID")]
