"""The command: exit codes, formats, and one line for each thing that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit import cli, run
from audit.pages import pages

_ROOT = Path(__file__).parents[3]
_BAD = _ROOT / "tests" / "audit" / "S05" / "bad.rs"
_GOOD = _ROOT / "tests" / "audit" / "S05" / "good.rs"
_COMMAND = (sys.executable, "-m", "audit.cli")


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main([*words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, str(_BAD))[0] == 1
    assert _run(capsys, str(_BAD), "--exit-zero")[0] == 0
    assert _run(capsys, str(_BAD), "--fail-on", "critical")[0] == 0
    assert _run(capsys, str(_GOOD), "--rule", "S05")[0] == 0


def test_the_report_is_on_stdout_and_progress_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, err = _run(capsys, str(_BAD), "--format", "json")
    report = json.loads(out)
    assert report["version"] == 1
    assert {each["rule"] for each in report["findings"]} == {"S05"}
    assert err == ""  # it does not take long, and nobody waits before a terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert _run(capsys, str(_BAD), "--no-cache", "--format", "json")[2] == f"galeed-audit: reading {_BAD}\n"
    assert _run(capsys, "-q", str(_BAD), "--format", "json")[2] == ""


def test_one_audit_writes_several_reports(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["-q", str(_BAD)]
    alone = {form: _run(capsys, *words, "--format", form)[1] for form in ("json", "sarif", "html")}
    more = [word for form in alone for word in ("--report", f"{form}={tmp_path / form}")]
    assert _run(capsys, *words, *more) == _run(capsys, *words)
    assert {form: (tmp_path / form).read_text(encoding="utf-8") for form in alone} == alone
    code, out, err = _run(capsys, *words, "--report", f"json={tmp_path}/none/here")
    assert (code, out) == (2, "") and err.startswith(f"galeed-audit: cannot write {tmp_path}/none/here: ")
    with pytest.raises(SystemExit):
        cli.main([*words, "--report", "pdf=audit.pdf"])
    assert "'pdf=audit.pdf' is not FORMAT=FILE with one of text, " in capsys.readouterr().err


def test_long_work_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run, "_QUIET_SECONDS", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = _run(capsys, "--no-cache", str(_BAD), "--rule", "S05", "--rule", "S07")
    assert err.splitlines()[1:] == [
        "galeed-audit: rule S05, 1 of 2; 0 findings so far",
        "galeed-audit: rule S07, 2 of 2; 2 findings so far",
    ]


def test_a_fingerprint_does_not_change_when_lines_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = tmp_path / "bad.rs"
    moved.write_text("// one\n// two\n" + _BAD.read_text(encoding="utf-8"), encoding="utf-8")
    marks = []
    for path in (_BAD, moved):
        found = json.loads(_run(capsys, "-q", str(path), "--format", "json")[1])["findings"]
        marks.append([each["fingerprint"] for each in found])
    assert marks[0] == marks[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing to audit: name a file, a folder or --pid"),
        (("/nowhere",), "/nowhere: no such file or folder"),
        (("/dev/null",), "/dev/null: is neither a file nor a folder"),
        (("/etc/passwd",), "/etc/passwd: is no ELF file, archive, LLVM IR, folder or Rust source"),
        (("--rule", "X1", "/etc/passwd"), "--rule X1 means no rule; there are: E01 "),
        (
            ("--features", "a", "--no-build", "/etc"),
            "--features says how to build, and --no-build asks for no building",
        ),
        (("--pid", "-5"), "process -5: there is no such process"),
        (("--pid", "999999999"), "process 999999999: there is no such process"),
        (("explain", "E99"), "there is no rule E99; there are: E01 "),
        ((str(_BAD), "-o", "/nowhere/report"), "cannot write /nowhere/report: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "-q", *words) if words[:1] != ("explain",) else _run(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"galeed-audit: {says}") and err.count("\n") == 1


def test_what_can_be_read_is_reported_beside_what_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "-q", str(_BAD), "/nowhere")
    assert code == 1
    assert "note     /nowhere: no such file or folder" in out and "; 1 note: " in out


def test_nothing_found_in_what_could_not_be_read_is_not_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text("pub fn f() {}\n")
    (tmp_path / "Cargo.toml").write_text("[package\n")
    assert _run(capsys, "-q", str(_GOOD), "/nowhere")[0] == 2
    assert _run(capsys, "-q", str(tmp_path))[0] == 2
    assert _run(capsys, "-q", "--no-build", str(tmp_path))[0] == 0


def test_source_that_does_not_parse_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.rs").write_text("pub fn f() {}\npub fn g( {\n")
    _, out, _ = _run(capsys, "-q", str(tmp_path / "cut.rs"))
    assert f"note     {tmp_path}/cut.rs:2: is no Rust that the parser knows" in out


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (">&-", "standard output is closed; -o FILE says where the report goes"),
        (">/dev/full", "cannot write the report: No space left on device"),
    ],
)
def test_a_report_that_cannot_be_written_is_no_success(where: str, says: str) -> None:
    words = ["sh", "-c", f'exec "$0" -m audit.cli -q "$1" {where}', sys.executable, str(_GOOD)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"galeed-audit: {says}\n")


def test_explain_and_pages() -> None:
    for name, content in pages().items():
        kept = _ROOT / "audit" / "docs" / name
        assert kept.read_text(encoding="utf-8") == content, f"python -m audit.pages {kept.parent} writes them anew"
    by_hand = {"USING.md", "CORPUS.md", "EVALUATION.md"}
    assert {each.name for each in (_ROOT / "audit" / "docs").iterdir()} == {*pages(), *by_hand}
    said = subprocess.run(
        [sys.executable, "-m", "audit.cli", "explain", "e07"], capture_output=True, text=True, check=True
    )
    assert said.stdout == pages()["E07.md"]


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_forms_for_github(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "-q", str(_BAD), "--format", form)
    assert code == 1
    if form == "github":
        assert out.startswith(f"::error file={_BAD},line=5,title=S05::")
        return
    result = json.loads(out)["runs"][0]["results"][0]
    assert result["ruleId"] == "S05" and result["partialFingerprints"]["galeed/v1"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 5, "startColumn": 19}


@pytest.mark.parametrize("form", ["text", "json", "sarif", "html", "github"])
def test_a_name_is_no_command_and_need_not_be_utf_8(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"a\xff\n::error ::b\x1b[31m<img>.rs")
    Path(name).write_bytes(_BAD.read_bytes())
    code, out, _ = _run(capsys, "-q", name, "--format", form)
    assert code == 1 and ("<img>" if form == "html" else "\n::error ::b") not in out
    assert form != "text" or "\x1b" not in out
    assert _run(capsys, "-q", name, "--format", form, "-o", "out") == (1, "", "")
    _, _, said = _run(capsys, f"{name}.none")
    assert said.count("\n") == 1 and "\x1b" not in said


def test_what_is_no_file_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "bad.rs").write_bytes(_BAD.read_bytes())
    os.mkfifo(tmp_path / "pipe.rs")
    (tmp_path / "endless.rs").symlink_to("/dev/zero")
    (tmp_path / ".#bad.rs").symlink_to("me@here:1")  # as editors leave
    (tmp_path / "folder.rs").mkdir()
    done = subprocess.run([*_COMMAND, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "S05" in done.stdout
    notes = [line for line in done.stdout.splitlines() if line.startswith("note ")]
    assert len(notes) == 3 and f"note     {tmp_path}/pipe.rs: is no file" in notes


def test_a_folder_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.rs").write_bytes(_GOOD.read_bytes())
    (tmp_path / "secret").mkdir()
    scandir = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert f"{tmp_path}/secret: Permission denied" in _run(capsys, "-q", str(tmp_path))[1]


@pytest.mark.parametrize("words", [("--list-rules",), ("explain", "S05"), (str(_BAD),)])
def test_a_full_disk_and_closed_streams_are_said(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*_COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True)
        assert (done.returncode, done.stderr) == (2, "galeed-audit: cannot write the report: No space left on device\n")
        assert subprocess.run([*_COMMAND, "none.rs"], stdout=subprocess.PIPE, stderr=full).returncode == 2
    closed = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", *_COMMAND, "none.rs"], capture_output=True)
    assert (closed.returncode, closed.stdout) == (2, b"")


def test_a_report_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_text("earlier", encoding="utf-8")
    kept.chmod(0o600)
    link.symlink_to("kept")
    assert _run(capsys, "-q", str(_BAD), "-o", str(link))[0] == 1 and link.is_symlink()
    assert _run(capsys, "-q", str(_BAD), "-o", str(kept))[0] == 1 and kept.stat().st_mode & 0o777 == 0o600

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = kept.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    assert _run(capsys, "-q", "--no-cache", str(_BAD), "--format", "json", "-o", str(kept))[0] == 2
    assert kept.read_bytes() == before and len([*tmp_path.iterdir()]) == 2


def test_one_file_is_not_written_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = _run(capsys, str(_BAD), "-o", f"{tmp_path}/a", "--report", f"json={tmp_path}/a")
    assert (
        code == 2
        and said
        == f"galeed-audit: {tmp_path}/a is named for two things that are written; give each a file of its own\n"
    )


def test_a_baseline_with_a_number_for_a_word_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"rule": "S05", "message": "", "key": "", "artifact": "", "severity": 5, "confidence": "low"}
    (tmp_path / "b").write_text(json.dumps({"version": 1, "findings": [row]}), encoding="utf-8")
    assert "no baseline of galeed-audit" in _run(capsys, str(_BAD), "--baseline", f"{tmp_path}/b")[2]
