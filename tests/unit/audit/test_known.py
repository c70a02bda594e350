"""What is known or allowed is marked, stays in the report, and does not fail; what is new does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit import cli

_ROOT = Path(__file__).parents[3]
_BAD = (_ROOT / "tests" / "audit" / "S05" / "bad.rs").read_text(encoding="utf-8")
_PANICS = 'pub extern "C" fn parse(text: &str) -> i32 {\n    text.parse().unwrap()\n}\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.rs").write_text(_BAD, encoding="utf-8")
    (tmp_path / "panics.rs").write_text(_PANICS, encoding="utf-8")
    return tmp_path


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, object]], list[str]]:
    code = cli.main(["-q", "--format", "json", *words])
    said = capsys.readouterr()
    assert not said.err, said.err
    report = json.loads(said.out)
    return code, [each for each in report["findings"] if each["severity"] != "metric"], report["notes"]


def test_a_baseline_marks_and_never_drops(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-q", "bad.rs", "--write-baseline", "known.json"]) == 0
    capsys.readouterr()
    code, found, _ = _json(capsys, "bad.rs", "--baseline", "known.json")
    assert code == 0 and [each["state"] for each in found] == ["unchanged"] * 2
    # Lines move and a function is mended, another comes: one of each.
    mended = "// moved\n\n" + _BAD.replace('CString::new(name).expect("no NUL").as_ptr()', "std::ptr::null()")
    (here / "bad.rs").write_text(
        mended + "pub fn more(n: &str) -> *const c_char { CString::new(n).unwrap().as_ptr() }\n"
    )
    code, found, _ = _json(capsys, "bad.rs", "--baseline", "known.json")
    assert code == 1 and sorted(str(each["state"]) for each in found) == ["absent", "new", "unchanged"]
    assert _json(capsys, "bad.rs", "--baseline", "known.json", "--rule", "S07")[1] == []


def test_of_two_alike_one_is_new(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["-q", "bad.rs", "--write-baseline", "known.json"])
    (here / "again.rs").write_text(_BAD, encoding="utf-8")
    capsys.readouterr()
    code, found, _ = _json(capsys, "bad.rs", "again.rs", "--baseline", "known.json")
    assert code == 1 and sorted(str(each["state"]) for each in found) == ["new"] * 2 + ["unchanged"] * 2


@pytest.mark.parametrize(
    ("comment", "reason", "unused"),
    [
        ("// galeed-audit: allow(S07): the caller has checked", "the caller has checked", ""),
        ("// galeed-audit: allow(S05, S07): both\n#[inline]", "both", "S05"),
        ("/* galeed-audit: allow(s07): small letters */", "small letters", ""),
        ("// galeed-audit: allow(S05): another rule", None, "S05"),
        ("// galeed-audit: allow(S07): far away\npub fn between() {}", None, "S07"),
        ("// galeed-audit: allow(I06, S07): I rules need a build", "I rules need a build", ""),
    ],
)
def test_beside_the_source(
    comment: str, reason: str | None, unused: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "panics.rs").write_text(f"{comment}\n{_PANICS}", encoding="utf-8")
    code, found, notes = _json(capsys, "panics.rs")
    assert ([each["suppressed"] for each in found], code) == ([reason], int(reason is None))
    said = [f"panics.rs:1: allow({unused}) is not needed: nothing is found here"] if unused else []
    assert notes == said
    assert _json(capsys, "panics.rs", "--rule", "S07")[2] == [each for each in said if "S07" in each], "S05 did not run"


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("allow(S07)", "panics.rs:1: allow(S07) gives no reason, and allows nothing; right is allow(S07): why"),
        ("allow(S07):  ", "panics.rs:1: allow(S07) gives no reason, and allows nothing; right is allow(S07): why"),
        ("allow(S99): why", "panics.rs:1: allow(S99): there is no rule S99"),
        ("ignore S07", "panics.rs:1: 'galeed-audit: ignore S07' means nothing; right is allow(S07): why"),
    ],
)
def test_a_comment_that_means_nothing(comment: str, says: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "panics.rs").write_text(f"// galeed-audit: {comment}\n{_PANICS}", encoding="utf-8")
    code, found, notes = _json(capsys, "panics.rs")
    assert code == 1 and found[0]["suppressed"] is None and notes == [says]


@pytest.mark.parametrize("name", ["galeed-audit.toml", "pyproject.toml"])
def test_the_configuration(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prefix, table = (
        ("", "allow") if name == "galeed-audit.toml" else ("[tool.galeed.audit]\n", "tool.galeed.audit.allow")
    )
    allow = f'[[{table}]]\nrules = ["S0*"]\npaths = ["bad*"]\nreason = "upstream\'s"\n'
    (here / name).write_text(f'{prefix}fail-on = "high"\nrules = ["S05", "S07"]\n{allow}', encoding="utf-8")
    code, found, _ = _json(capsys, "bad.rs", "panics.rs")
    assert [each["suppressed"] for each in found] == ["upstream's", "upstream's", None]
    assert code == 0, "what is left is medium"
    assert _json(capsys, "panics.rs", "--fail-on", "medium")[0] == 1, "options win"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('\nfail_on = "high"', "galeed-audit.toml:2: unknown key 'fail_on'; there are: fail-on, "),
        ('fail-on = "worst"', "galeed-audit.toml:1: 'fail-on' must be one of: low, medium, high, critical"),
        ('[[allow]]\nrules = ["S07"]', "galeed-audit.toml:1: [[allow]] without a reason"),
        ('[[allow]]\nrules = ["S07"]\nreason = " "', "galeed-audit.toml:3: [[allow]] without a reason"),
        ('[[allow]]\nreason = "all"', "galeed-audit.toml:1: [[allow]] names no rules"),
        ('[[allow]]\nrule = ["S07"]\nreason = "x"', "galeed-audit.toml:2: unknown key 'rule'"),
        ('[[allow]]\nrules = ["X*"]\nreason = "x"', "galeed-audit.toml: allow: X* means no rule"),
        ("rules = 7", "galeed-audit.toml:1: 'rules' must be a list of words in quotes"),
        ("a = \nb", "galeed-audit.toml:1: no TOML"),
        ("allow = 1", "galeed-audit.toml:1: 'allow' is written [[allow]]"),
        ('baseline = "nowhere.json"', "nowhere.json: No such file or directory; --write-baseline FILE makes one"),
    ],
)
def test_a_wrong_configuration(text: str, says: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "galeed-audit.toml").write_text(text, encoding="utf-8")
    assert cli.main(["-q", "bad.rs"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"galeed-audit: {says}") and said.err.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"version": 2}', '{"version": 1, "findings": [{}]}', '{"version": 1, "findings": 7}', "[" * 9999],
)
def test_a_wrong_baseline(text: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "known.json").write_text(text, encoding="utf-8")
    assert cli.main(["-q", "bad.rs", "--baseline", "known.json"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("galeed-audit: known.json:") and said.err.count("\n") == 1


def test_annotations_are_of_what_is_new(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["-q", "bad.rs", "--write-baseline", "known.json"])
    capsys.readouterr()
    cli.main(["-q", "bad.rs", "panics.rs", "--baseline", "known.json", "--format", "github"])
    said = capsys.readouterr().out.splitlines()
    assert [each.split("title=")[1][:3] for each in said if "notice" not in each] == ["S07"]
