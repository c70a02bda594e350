"""zlib's and expat's own tests, built by galeed-cc: as many pass as by plain clang.

Their sources come from Debian by apt-get; without it, or without a network, this is skipped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from experiments.model import LabError, Options
from experiments.suites import archives, experiment
from experiments.suites.recipes import SUITES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zlib", "expat"])
def test_a_librarys_own_tests(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = next(one for one in SUITES if one.name == name)
    for tool in ("apt-get", "make", "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not in PATH")
    try:
        archives.fetch(suite.archive)
    except LabError as error:
        if "SHA-256" in str(error):
            raise
        pytest.skip(str(error))
    report = experiment.run(Options(tmp_path, ("mprotect",), build=True, say=print, only=(name,)))
    assert not report.deviations, report.deviations
    suites = report.result["suites"]
    assert isinstance(suites, list) and isinstance(suites[0], dict)
    assert name in report.table
