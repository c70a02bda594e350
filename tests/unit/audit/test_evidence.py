"""--evidence: what a run showed joins the findings and each form of report; lines that are none become notes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from audit import cli, evidence
from audit.facts import runs
from audit.model import Confidence, Evidence, Finding, Location, Severity
from audit.rules import RULES
from audit.subject import Subject

_GOOD = Path(__file__).parents[2] / "audit" / "S05" / "good.rs"


def _violation(**what: Any) -> dict[str, Any]:
    return {
        "violation": "spatial", "access": "write", "function": "c_fill", "address": "0x1", "bytes": 4, "handle": None,
        "lease": None, "offset": 40, "allocation": {"base": "0x1000", "bytes": 40}, "key": None, "backend": "mprotect",
        "thread": 1, "thread_name": "main", "pc": "0x10", "module": "/nowhere/app", "module_offset": "0x10",
        "action": "abort", "detail": "the access ends behind the lent memory", "allocated": None, "ended": None,
        "time_ns": 1, **what,
    }  # fmt: skip


def _served(**what: Any) -> dict[str, Any]:
    return {
        "profile": 1, "module": "/nowhere/libx.so", "offset": "0x20", "function": "strange", "access": "load", "bytes": 8,
        "trapped": True, "widened": False, "raw": False, "count": 3, "pid": 7, **what,
    }  # fmt: skip


def _file(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def test_equal_places_are_counted_together(tmp_path: Path) -> None:
    notes: list[str] = []
    path = _file(tmp_path / "r", _violation(), _violation(time_ns=2), _served(), _served(count=4), _served(raw=True))
    found = runs.read(path, notes)
    assert notes == []
    assert [(each.kind, each.count, each.is_raw) for each in found] == [
        ("violation", 2, False),
        ("trapped", 7, False),
        ("trapped", 3, True),
    ]
    assert found[0].headline == (
        "spatial violation in /nowhere/app+0x10: write of 4 bytes at offset 40 of an allocation of 40 bytes, "
        "in a call of c_fill: the access ends behind the lent memory; 2 times"
    )
    assert runs.read(_file(path, _served(trapped=False)), notes)[0].kind == "called"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not json", "is no JSON, or was cut off"),
        (json.dumps(_violation()).encode()[:80], "is no JSON, or was cut off"),
        (b"\xff\xfe\x00", "is no JSON, or was cut off"),
        (b"[1, 2]", "no JSON object"),
        (b'{"level": "info", "message": "hello"}', "neither a violation nor a profile"),
        (b"[" * 100_000, "nested too deeply"),
        (json.dumps(_violation(violation="odd")).encode(), "an unknown violation or access"),
        (json.dumps(_violation(access=["write"])).encode(), "an unknown violation or access"),
        (json.dumps(_violation(module=7)).encode(), "'module' is no text"),
        (json.dumps(_violation(offset=1 << 70)).encode(), "'offset' is no number of 64 bits"),
        (json.dumps(_violation(allocation=[1])).encode(), "'allocation' is no object"),
        (json.dumps(_violation(module_offset="0xzz")).encode(), "invalid literal for int()"),
        (json.dumps(_served(access=[])).encode(), "an unknown access or count"),
        (json.dumps(_served(count=-1)).encode(), "an unknown access or count"),
        (json.dumps(_served(trapped="yes")).encode(), "'trapped' or 'raw' is neither true nor false"),
        (b'"' + b"x" * (3 << 20) + b'"', "is longer than 1 MiB"),
    ],
)
def test_a_line_that_is_none_is_one_note(tmp_path: Path, line: bytes, why: str) -> None:
    path, notes = tmp_path / "r", list[str]()
    path.write_bytes(line + b"\n\n" + json.dumps(_served()).encode())
    assert len(runs.read(path, notes)) == 1
    assert len(notes) == 1 and notes[0].startswith(f"{path}:1: ") and why in notes[0]


def test_many_lines_that_are_none_are_few_notes(tmp_path: Path) -> None:
    path, notes = tmp_path / "r", list[str]()
    path.write_text("x\n" * 5000 + '{"profile":1,"unit":"u","sites":4,"hit":[1]}\n', encoding="utf-8")
    assert runs.read(path, notes) == []
    assert len(notes) == 12 and "4990 more lines" in notes[10] and 'profile = "learn"' in notes[11]


def test_what_is_named_is_looked_up_in_files_only(tmp_path: Path) -> None:
    """A pipe, a device, a folder and a file that is no program: no place, no wait, no error."""
    pipe, text, notes = tmp_path / "pipe", tmp_path / "text", list[str]()
    os.mkfifo(pipe)
    text.write_text("\x7fELF and no more", encoding="utf-8")
    modules = [str(pipe), "/dev/zero", str(tmp_path), str(text), "/proc/self/mem", "/proc/kcore", "nul\0inside"]
    frames = [
        {"pc": "0x1", "module": str(pipe), "module_offset": "0x1"},
        "no frame",
        {"module": 1, "module_offset": []},
    ]
    sites = {"thread": 1, "frames": frames}
    path = _file(tmp_path / "r", *(_violation(module=each, allocated=sites) for each in modules))
    assert [each.place for each in runs.read(path, notes)] == [None] * len(modules) and notes == []


def test_names_do_not_break_lines(tmp_path: Path) -> None:
    path = _file(tmp_path / "r", _violation(function="c\nerror \x1b[31m", detail="a\nb"))
    assert runs.read(path, [])[0].headline.isprintable()


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_evidence_that_is_no_file(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evidence"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert cli.main(["-q", str(_GOOD), "--rule", "S05", "--evidence", str(path)]) == 2
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note ")]
    assert len(said) == 1 and str(path) in said[0]


def test_evidence_that_is_missing_is_told_before_anything_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(_GOOD), "--evidence", str(tmp_path / "none")]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"galeed-audit: --evidence {tmp_path}/none: there is no such file\n")


def _finding(rule: str, symbol: str, line: int) -> Finding:
    seen = Evidence("c", "writes 8 bytes", Location("/src/crate/c/fill.c", line, symbol=symbol))
    return Finding(rule, Severity.HIGH, Confidence.LOW, "m", "key", (seen,))


def _seen(**what: Any) -> runs.Seen:
    base: dict[str, Any] = {"kind": "violation", "violation": "spatial", "access": "write", "function": "", "entry": ""}
    return runs.Seen(**{**base, "module": "/app", "offset": 1, "text": "write of 4 bytes", "origin": "r", **what})


@pytest.mark.parametrize(
    ("seen", "matches"),
    [
        (_seen(function="fill"), True),
        (_seen(entry="fill"), True),
        (_seen(function="other", place=("/other/target/crate/c/fill.c", 12)), True),
        (_seen(function="other", place=("/other/target/crate/c/fill.c", 13)), False),
        (_seen(function="other", place=("/src/crate/c/full.c", 12)), False),
        (_seen(function="fill", violation="temporal"), False),
        (_seen(function=""), False),
    ],
)
def test_a_run_confirms_what_is_about_the_same(seen: runs.Seen, matches: bool) -> None:
    subject = Subject(runs=[seen])
    before = _finding("I16", "fill", 12)
    found = [each for each in evidence.joined([before], subject, RULES) if each.key == "key"]
    assert (found[0].confidence is Confidence.HIGH) == matches
    assert (found[0].evidence[-1].kind == "run") == matches
    assert found[0].fingerprint == before.fingerprint
    if matches:
        assert subject.runs[0].rule == "I16"


@pytest.mark.parametrize(
    ("violation", "access", "rule"),
    [
        ("spatial", "read", "I16"),
        ("spatial", "write", "I16"),
        ("rights", "write", "I10"),
        ("rights", "free", "I02"),
        ("temporal", "free", "I04"),
        ("temporal", "execute", "I07"),
        ("temporal", "read", ""),
        ("boundary", "write", ""),
        ("forged", "execute", ""),
        ("type", "write", ""),
    ],
)
def test_only_what_a_rule_says_becomes_its_finding(violation: str, access: str, rule: str) -> None:
    subject = Subject(
        runs=[
            _seen(violation=violation, access=access, function="f"),
            _seen(violation=violation, access=access, function="f", offset=2),
        ]
    )
    found = evidence.joined([], subject, RULES)
    assert [each.rule for each in found] == ([rule] if rule else [])
    assert [each.rule for each in subject.runs] == [rule, rule]
    assert len(evidence.unmatched(subject)) == (0 if rule else 2)
    assert all(len(each.evidence) == 2 and each.confidence is Confidence.HIGH for each in found)
    assert evidence.joined([], Subject(runs=subject.runs), ()) == []  # rules that nobody asked for find nothing


@pytest.mark.parametrize("form", ["text", "json", "sarif", "html", "github"])
def test_each_report_has_what_was_seen(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(
        tmp_path / "r", _violation(), _violation(violation="temporal", access="read", function="<c_use>"), _served()
    )
    words = ["-q", str(_GOOD), "--rule", "S05", "--rule", "I16", "--evidence", str(path), "--format", form]
    assert cli.main(words) == 1
    out = capsys.readouterr().out
    if form == "text":
        assert "high     I16  c_fill writes beyond the object that it is given" in out
        assert "run      temporal violation in /nowhere/app+0x10: read of 4 bytes" in out
        assert out.splitlines()[-1] == "1 finding: 1 high; 3 places seen in a run"
    elif form == "json":
        report = json.loads(out)
        assert [each["rule"] for each in report["runs"]] == ["I16", None, None]
        assert report["findings"][0]["evidence"][0]["kind"] == "run"
    elif form == "sarif":
        schema = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
        report = json.loads(out)
        jsonschema.validate(report, schema)
        told = report["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        assert [each["level"] for each in told] == ["error", "note"]
        assert "seen in a run: temporal violation" in told[0]["message"]["text"]
    elif form == "html":
        assert '<section id="runs">' in out and "&lt;c_use&gt;" in out and "<c_use>" not in out
    else:
        assert (
            "::error title=seen in a run::temporal violation" in out and "::notice title=seen in a run::trapped" in out
        )


def test_a_violation_without_a_rule_fails_like_a_high_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "-q",
        str(_GOOD),
        "--rule",
        "S05",
        "--evidence",
        str(_file(tmp_path / "r", _violation(violation="boundary"))),
    ]
    assert cli.main(words) == 1
    assert cli.main([*words, "--fail-on", "critical"]) == 0
    assert cli.main([*words, "--exit-zero"]) == 0
    assert cli.main([*words[:-1], str(_file(tmp_path / "r", _served()))]) == 0
    capsys.readouterr()
