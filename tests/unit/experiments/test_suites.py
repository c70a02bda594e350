"""The suites' book-keeping: what counts as passed, what is a deviation, what is fetched."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from experiments.model import LabError, Options, chosen
from experiments.suites import archives, experiment, trial
from experiments.suites.recipes import SUITES, Archive, Suite
from experiments.suites.trial import Outcome, count

BY_NAME = {one.name: one for one in SUITES}


@pytest.mark.parametrize(
    ("suite", "said", "expected"),
    [
        ("zlib", "\t\t*** zlib test OK ***\n\t\t*** zlib 64-bit test OK ***\n", (2, 0)),
        ("zlib", "*** zlib test OK ***\n*** zlib shared test FAILED ***\n", (1, 1)),
        ("expat", "100%: Checks: 351, Failed: 0\n 99%: Checks: 351, Failed: 2\n", (700, 2)),
        ("libpng", "# TOTAL: 33\n# PASS:  31\n# SKIP:  0\n# FAIL:  1\n# ERROR: 1\n", (31, 2)),
        ("lua", "OK\nFILE PASSED\n\nFILE FAILED: gc.lua\nFILE PASSED\n", (2, 1)),
        ("sqlite", "0 errors out of 500 tests on host\n3 errors out of 10 tests\nFILE FAILED: trans\n", (507, 4)),
        (
            "jsoncpp",
            "All 137 tests passed\nTest results: 3 passed, 2 failed.\n120/137 tests passed (17 failures)",
            None,
        ),
        ("pugixml", "Success: 1405 tests passed.\n", (1405, 0)),
        ("pugixml", "FAILURE: 2 out of 1405 tests failed.\n", (1403, 2)),
    ],
)
def test_counts(suite: str, said: str, expected: tuple[int, int] | None) -> None:
    assert count(BY_NAME[suite].counts, said) == (expected or (137 + 3 + 120, 2 + 17))


def test_nothing_said_is_nothing_passed() -> None:
    assert [count(one.counts, "make: nothing to be done\n") for one in SUITES] == [(0, 0)] * len(SUITES)


def _outcome(passed: int = 5, failed: int = 0, code: int | None = 0, built: bool = True) -> Outcome:
    return Outcome(passed, failed, code, built, 1.0, Path("log"))


@pytest.mark.parametrize(
    ("plain", "ours", "why"),
    [
        (_outcome(), _outcome(), None),
        (_outcome(4, 1, 2), _outcome(4, 1, 2), None),
        (_outcome(), _outcome(4, 1, 1), "galeed-cc: 4 passed, 1 failed, exit 1; clang: 5 passed, 0 failed"),
        (_outcome(), _outcome(5, 0, None), "galeed-cc: 5 passed, 0 failed, no end"),
        (_outcome(), _outcome(0, 0, 1, built=False), "galeed-cc: not built"),
        (_outcome(0), _outcome(0), "plain clang's build says nothing"),
        (_outcome(0, 0, 1, built=False), _outcome(0, 0, 1, built=False), "plain clang's build says nothing (not built"),
    ],
)
def test_deviations(plain: Outcome, ours: Outcome, why: str | None) -> None:
    found = experiment.deviation({"clang": plain, "galeed-cc": ours})
    assert found is None if why is None else found is not None and found.startswith(why)


def test_only_names_suites() -> None:
    assert [one.name for one in chosen(SUITES, ("expat", "zlib"), "suite")] == ["zlib", "expat"]
    with pytest.raises(LabError, match="no suite 'zlob'"):
        chosen(SUITES, ("zlob",), "suite")


def _archive(folder: Path, names: list[str]) -> Archive:
    path = folder / "downloads" / "a.tar.gz"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as file:
        for name in names:
            facts = tarfile.TarInfo(name)
            facts.size = 2
            file.addfile(facts, io.BytesIO(b"x\n"))
    return Archive("a", "a.tar.gz", archives.sha256(path))


def test_an_archive_is_unpacked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PLACE", tmp_path)
    archive = _archive(tmp_path, ["a-1/file", "a-1/sub/other"])
    to = tmp_path / "a" / "clang"
    for _ in range(2):
        assert archives.unpack(archive, to) == to
        assert sorted(path.name for path in to.rglob("*") if path.is_file()) == ["file", "other"]
        (to / "left").touch()


def test_another_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PLACE", tmp_path)
    archive = _archive(tmp_path, ["a-1/file"])
    with pytest.raises(LabError, match="is not the file that was tried"):
        archives.fetch(Archive("a", archive.file, "0" * 64))


@pytest.mark.parametrize("names", [["a/file", "b/file"], ["../file"]])
def test_strange_archives_are_refused(names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PLACE", tmp_path)
    archive = _archive(tmp_path, names)
    with pytest.raises((LabError, tarfile.OutsideDestinationError)):
        archives.unpack(archive, tmp_path / "a" / "clang")


def _suite(archive: Archive, build: str, test: str) -> Suite:
    return Suite("one", "C", archive, (build,), (test,), (r"PASSED", r"(?P<bad>FAILED)"), "all")


@pytest.mark.parametrize(
    ("build", "test", "expected"),
    [
        ("test -x $CC && test -x $CXX", "echo PASSED; echo FAILED; false", (1, 1, 1, True)),
        ("echo PASSED", "cat a.txt; echo PASSED", (1, 0, 0, True)),  # what building says does not count
        ("echo PASSED; false", "echo PASSED", (0, 0, 1, False)),
    ],
)
def test_a_trial(
    build: str, test: str, expected: tuple[int, int, int, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "PLACE", tmp_path)
    suite = _suite(_archive(tmp_path, ["a-1/a.txt"]), build, test)
    options = Options(tmp_path / "out", ("mprotect",), build=True, say=lambda _line: None)
    options.output.mkdir()
    outcome = trial.run(suite, "galeed-cc", options)
    assert (outcome.passed, outcome.failed, outcome.code, outcome.built) == expected
    again = Options(options.output, options.backends, build=False, say=options.say)
    if outcome.built:
        assert trial.run(suite, "galeed-cc", again).passed == outcome.passed
    else:
        with pytest.raises(LabError, match="one was not built before by galeed-cc"):
            trial.run(suite, "galeed-cc", again)


def test_what_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PLACE", tmp_path)
    monkeypatch.setattr(trial, "LIMIT_SECONDS", 1.0)
    suite = _suite(_archive(tmp_path, ["a-1/a.txt"]), "true", "echo PASSED; sleep 100 & wait")
    options = Options(tmp_path, ("mprotect",), build=True, say=lambda _line: None)
    outcome = trial.run(suite, "clang", options)
    assert (outcome.passed, outcome.code) == (1, None)
    assert "no end" in str(outcome)
