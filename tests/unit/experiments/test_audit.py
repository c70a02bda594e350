"""The evaluation of the audit: what hits a known bug, what is judged, and that no figure hides what was not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from audit.model import Confidence, Evidence, Finding, Location, Severity
from experiments.audit import experiment, judged, page, rival, source
from experiments.audit.halves import Audited
from experiments.audit.judged import Judgement, Scores
from experiments.audit.pairs import PROJECTS, Bug, Pair, pairs, projects, published, span
from experiments.model import LabError

RUST = """\
mod ffi;

/// Frees twice.
#[derive(Clone)]
pub struct Handle {
    raw: *mut ffi::Raw,
}

impl Handle {
    pub fn close(self) -> i32 {
        unsafe { ffi::raw_close(self.raw) }
    }

    pub fn other(&self) {}
}

unsafe impl Send for Handle {}
"""
BUG = Bug("I05", ("I04",), "src/lib.rs", "close", "freed twice")
PAIR = Pair("it", "about", (BUG,))


@pytest.fixture
def half(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text(RUST, encoding="utf-8")
    return tmp_path


def finding(half: Path, rule: str, line: int, key: str = "key", symbol: str | None = None) -> Finding:
    seen = Evidence("rust", "here", Location(str(half / "src" / "lib.rs"), line, symbol=symbol))
    return Finding(rule, Severity.HIGH, Confidence.HIGH, "message", key, (seen,))


def test_spans_hold_attributes_bodies_and_impls(half: Path) -> None:
    assert span(half / "src" / "lib.rs", "close") == frozenset({10, 11, 12})
    assert span(half / "src" / "lib.rs", "Handle") == frozenset({3, 4, 5, 6, 7, 17})
    assert span(half / "src" / "lib.rs", "clos") == frozenset()


def test_a_hit_is_of_the_class_and_at_the_place(half: Path) -> None:
    assert BUG.is_hit_by(finding(half, "I04", 11), half)
    assert BUG.is_hit_by(finding(half, "I05", 11), half)
    assert BUG.is_hit_by(finding(half, "I04", 1, symbol="it::Handle::close"), half)
    assert not BUG.is_hit_by(finding(half, "S09", 11), half)
    assert not BUG.is_hit_by(finding(half, "I04", 14), half)
    assert not BUG.is_hit_by(finding(half, "I04", 14, symbol="it::Handle::closed"), half)


def scored(half: Path, buggy: list[Finding], fixed: list[Finding], known: dict[tuple[str, str], Judgement]) -> Scores:
    scores = Scores()
    halves = {"buggy": Audited(half, tuple(buggy), (), True), "fixed": Audited(half, tuple(fixed), (), True)}
    judged.score(PAIR, halves, known, scores)
    return scores


def test_what_hits_a_known_bug_is_true_and_what_stays_after_the_fix_is_to_be_judged(half: Path) -> None:
    hit = finding(half, "I05", 11)
    scores = scored(half, [hit], [], {})
    assert [each.is_true for each in scores.verdicts] == [True]
    assert scores.known[0].seen
    stays = scored(half, [hit], [hit], {})
    assert [each.is_true for each in stays.verdicts] == [None]
    assert [each[:11] for each in experiment.deviations(stays, [], False)] == ["not judged:"]


def test_a_candidate_is_no_finding_and_half_a_hit(half: Path) -> None:
    scores = scored(half, [replace(finding(half, "I04", 11), confidence=Confidence.LOW)], [], {})
    assert not scores.verdicts
    assert (scores.known[0].seen, scores.known[0].seen_at_all) == (False, True)


def test_false_alarms_count_and_severe_ones_on_fixed_halves_are_named(half: Path) -> None:
    other = finding(half, "S09", 14, "other")
    known = {("it", other.fingerprint[: judged.DIGITS]): Judgement(False, "it is guarded")}
    scores = scored(half, [finding(half, "I05", 11), other], [other], known)
    assert str(page.precision(scores.verdicts)) == "50 % (1 of 2)"
    said = experiment.deviations(scores, [], True)
    assert said == [
        "false, and severe, on a fixed half: it S09 src/lib.rs",
        "precision is 50 % (1 of 2), not 80 %",
    ]
    assert "it is guarded" in page.render(scores, {}, [])


def test_a_judgement_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "judgements.toml"
    text = '[[finding]]\npair = "it"\nfingerprints = ["0"]\nverdict = "{}"\nreason = "{}"\n'
    path.write_text(text.format("false", "guarded"), encoding="utf-8")
    assert judged.judgements(path) == {("it", "0"): Judgement(False, "guarded")}
    for verdict, reason in (("maybe", "guarded"), ("true", " ")):
        path.write_text(text.format(verdict, reason), encoding="utf-8")
        with pytest.raises(LabError):
            judged.judgements(path)


def test_every_pair_says_where_its_bugs_are() -> None:
    names = [pair.name for pair in pairs()]
    assert len(names) == len(set(names))
    for pair in projects():
        for bug in pair.bugs:
            assert re.fullmatch(r"[EIS]\d\d", bug.rule), (pair.name, bug)
            if bug.file:
                paths = [PROJECTS / pair.name / part / bug.file for part in ("buggy", "common")]
                found = [path for path in paths if path.is_file()]
                assert found and span(found[0], bug.function), (pair.name, bug.function)
    for pair in published():
        versions = (pair.buggy, pair.fixed) if pair.fixed else (pair.buggy,)
        for version in versions:
            assert (source.LOCKS / f"{pair.crate}-{version}.lock").is_file(), (pair.name, version)


def test_a_manifest_loses_what_only_its_tests_need() -> None:
    text = (
        '[package]\nname = "it"\n\n[dependencies.own-sys]\npath = "own-sys"\nversion = "1"\n\n'
        '[dev-dependencies.rand]\nversion = "1"\n\n[features]\ndefault = [\n  "ssh",\n]\nbundled = []\n'
    )
    kept = source.manifest(text, ("bundled",))
    assert 'default = ["bundled"]' in kept and "[workspace]" in kept and 'version = "1"' in kept
    assert "rand" not in kept and "ssh" not in kept and "path" not in kept


def test_the_rival_reads_lines(half: Path) -> None:
    assert sorted(each.rule for each in rival.findings(half)) == ["S02", "S08", "S09"]
