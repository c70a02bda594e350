"""Programs by plain clang and rewritten say the same: sources kept here, and Csmith's.

tests/differential holds sources written by hand and what C-Vise left of programs that
once differed. Each is built in both modes of experiments/csmith, at several levels.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.csmith import tools
from experiments.csmith.case import MODES, BuildFailed, build
from experiments.csmith.sweep import Sweep, failed, summary
from experiments.model import LabError
from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Run, environment

SOURCES = sorted((ROOT / "tests" / "differential").glob("*.c"))
LEVELS = ("-O0", "-O1", "-O3", "-Os")
INSTRUMENT = tuple(ROOT / "experiments" / "csmith" / name for name in ("program", "tools.py", "case.py"))
SEEDS = range(1, 21)
# Their array, and one of them, are longer than a page: wherever they lie, they cross its end.
WORDS = (*(f"word{number}" * (number % 7) for number in range(600)), "long" * 2000)


@pytest.fixture(scope="session")
def programs() -> Path:
    """A folder with every source in every mode and level: NAME-LEVEL-MODE, and NAME-plain."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    clang = tuple(find_clang().command)

    def make(to: Path) -> None:
        ready = tools.prepare(to, generator=False)
        for source in SOURCES:
            compiled.build([*clang, "-O1", "-w", source, "-o", to / f"{source.stem}-plain"])
            for level in LEVELS:
                for mode in MODES:
                    folder = to / "scratch"
                    folder.mkdir(exist_ok=True)
                    copy = folder / source.name
                    shutil.copy(source, copy)
                    name = to / f"{source.stem}{level}-{mode}"
                    try:
                        build(mode, copy, [level, "-w"], ready, name)
                    except BuildFailed as error:
                        pytest.fail(f"{name.name}: {error}")

    inputs = [*compiled.RUST, *INSTRUMENT, *SOURCES]
    versions = [compiled.version(clang), compiled.version(("rustc",))]
    return compiled.kept("differential", inputs, [*LEVELS, *versions], make)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_kept_sources(programs: Path, run: Run, backend: str, source: Path, level: str) -> None:
    plain = run([programs / f"{source.stem}-plain", *WORDS])
    for mode in MODES:
        rewritten = run([programs / f"{source.stem}{level}-{mode}", *WORDS])
        assert (rewritten.code, rewritten.stdout) == (plain.code, plain.stdout), f"{mode} on {backend}: {rewritten}"


@pytest.mark.slow
def test_csmiths_programs(tmp_path: Path) -> None:
    try:
        ready = tools.prepare(tmp_path)
    except LabError as error:
        if "csmith" in str(error):
            pytest.skip(str(error))
        raise
    sweep = Sweep(tmp_path, ready)
    sweep.run(SEEDS, os.cpu_count() or 1, print)
    records = list(sweep.recorded().values())
    assert len(records) == len(SEEDS)
    result = summary(records, ready, MODES)
    assert not any(map(failed, records)), result["failures"]
    modes = result["modes"]
    assert isinstance(modes, dict)
    for mode in MODES:
        facts = modes[mode]
        assert isinstance(facts, dict) and isinstance(facts["verdicts"], dict)
        assert int(str(facts["verdicts"].get("same", 0))) >= len(SEEDS) // 2, "most programs were skipped"
    # A second run has nothing left to do.
    assert not sweep.missing(SEEDS)


def test_without_csmith(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "experiments.csmith.experiment", "--output", str(tmp_path)],
        env={**environment(), "PATH": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"csmith: no csmith in PATH; {tools.ADVICE}\n"
