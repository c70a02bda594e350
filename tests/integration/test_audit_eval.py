"""A few of the evaluation's pairs: every known bug of the buggy half is named, and nothing is said that nobody has judged."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from experiments.audit import halves, judged
from experiments.audit.experiment import deviations
from experiments.audit.judged import Scores
from experiments.audit.pairs import HALVES, projects

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["checksum", "settings", "compat"])
def test_a_pair(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "PLACE", tmp_path)
    pair = next(each for each in projects() if each.name == name)
    scores = Scores()
    judged.score(pair, {half: halves.audited(pair, half) for half in HALVES}, judged.judgements(), scores)
    assert [each.bug.what for each in scores.known if not each.seen] == []
    assert deviations(scores, [], False) == []
