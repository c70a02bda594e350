"""Progress: at once on a terminal, elsewhere the last line when it takes long, and nothing after the end."""

from __future__ import annotations

import time

import pytest

from audit import progress


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress() as shown:
        shown.say("reading")
    assert capsys.readouterr().err == ""


def test_long_work_says_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0.05)
    with progress.Progress() as shown:
        shown.say("building")
        shown.say("reading")
        time.sleep(0.5)
        shown.say("rules")
    shown.say("late")
    assert capsys.readouterr().err == "galeed-audit: reading\ngaleed-audit: rules\n"


def test_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0.01)
    with progress.Progress(quiet=True) as shown:
        shown.say("building")
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
