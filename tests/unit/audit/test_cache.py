"""The cache: an answer from it is the same in every form, and none is taken that might differ."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit import cache, cli, identity, inputs

_ROOT = Path(__file__).parents[3]
_RULES = _ROOT / "tests" / "audit"
_FORMS = ("text", "json", "sarif", "html", "github")


@pytest.fixture
def here(cache_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with Rust source, some of it suppressed, and a binary with an open gadget."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # over cache_home's
    (tmp_path / "src").mkdir()
    shutil.copy(_RULES / "S05" / "bad.rs", tmp_path / "src" / "one.rs")
    text = (_RULES / "S07" / "bad.rs").read_text(encoding="utf-8")
    allowed = f"// galeed-audit: allow(S07): as in the caller's contract\n{text}"
    (tmp_path / "src" / "two.rs").write_text(allowed, encoding="utf-8")
    gadget = 'void f(void) { __asm__ volatile("wrpkru" ::"a"(0), "c"(0), "d"(0)); }'
    (tmp_path / "f.c").write_text(gadget, encoding="utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-g", "-o", "f.so", "f.c"], check=True)
    return tmp_path


def _audit(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["src", "f.so", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def _entries(here: Path) -> list[Path]:
    return sorted((here / "cache" / "galeed" / "answers").glob("*.json"))


def _never(*_: object) -> None:
    raise AssertionError("it was read anew")


def test_an_answer_is_the_same_in_every_form(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = {form: _audit(capsys, "--no-cache", "--format", form) for form in _FORMS}
    assert not _entries(here) and "suppressed" in plain["text"][1] and "E01" in plain["text"][1]
    for form in _FORMS:
        assert _audit(capsys, "--format", form) == plain[form]
    assert len(_entries(here)) == 1
    monkeypatch.setattr("audit.cli.read", _never)
    for form in _FORMS:
        assert _audit(capsys, "--format", form) == plain[form]
    assert _audit(capsys, "--fail-on", "critical", "--confidence", "high")[0] == 1


def test_what_differs_is_read_anew(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _audit(capsys)
    shutil.copy(_RULES / "S05" / "good.rs", here / "src" / "one.rs")
    assert "S05" not in _audit(capsys)[1] and len(_entries(here)) == 2
    (here / "src" / "three.rs").write_text("fn f() {}\n", encoding="utf-8")
    assert _audit(capsys)[0] == 1 and len(_entries(here)) == 3
    data = bytearray((here / "f.so").read_bytes())
    data[-1] ^= 1
    (here / "f.so").write_bytes(data)
    assert _audit(capsys)[0] == 1 and len(_entries(here)) == 4
    assert "S07" not in _audit(capsys, "--rule", "E*")[1] and len(_entries(here)) == 5
    monkeypatch.setattr(cache, "own", lambda with_rustc: f"another galeed {with_rustc}")
    assert _audit(capsys)[0] == 1 and len(_entries(here)) == 6


def test_a_suppression_elsewhere_is_judged_anew(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "1 suppressed" in _audit(capsys)[1]
    (here / "src" / "two.rs").touch()
    (here / "galeed-audit.toml").write_text('[[allow]]\nrules = ["S05"]\nreason = "known"\n', encoding="utf-8")
    assert "[suppressed: known]" in _audit(capsys)[1] and len(_entries(here)) == 1


def test_what_cannot_be_read_is_not_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _audit(capsys, "nowhere")[0] == 1 and not _entries(here)
    assert cli.main(["-q", "--pid", str(os.getpid()), "--rule", "E04", "f.so"]) in (0, 1)
    assert not _entries(here)


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not in PATH")
def test_what_does_not_build_is_not_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = '[package]\nname = "sample"\nversion = "1.0.0"\nedition = "2021"\n[workspace]\n'
    (here / "Cargo.toml").write_text(manifest, encoding="utf-8")
    for text, kept in (("fn main() { 1 }\n", 0), ("fn main() {}\n", 1)):
        (here / "src" / "main.rs").write_text(text, encoding="utf-8")
        cli.main(["-q", "."])
        assert len(_entries(here)) == kept, capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 64 + b"\n{}", None])
def test_a_damaged_entry_is_said_and_made_anew(
    damage: bytes | None, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = _audit(capsys)
    (entry,) = _entries(here)
    kept = entry.read_bytes()
    entry.write_bytes(kept.replace(b"S07", b"S06", 1) if damage is None else damage)
    assert _audit(capsys) == (*good[:2], f"galeed-audit: {entry}: is damaged, and is ignored\n")
    assert entry.read_bytes() == kept and _audit(capsys) == good


def test_a_folder_that_cannot_be_written_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").touch()
    code, out, err = _audit(capsys, "--cache-dir", "file/below")
    assert code == 1 and "S05" in out and err.startswith("galeed-audit: file/below") and "Not a directory" in err


def test_it_stays_below_its_bound(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _audit(capsys)
    (first,) = _entries(here)
    os.utime(first, (1, 1))
    monkeypatch.setattr(cache, "_MOST_BYTES", int(first.stat().st_size * 1.5))
    _audit(capsys, "--rule", "S*")
    (left,) = _entries(here)
    assert left != first


def test_files_that_change_meanwhile_are_not_kept(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = inputs.read

    def changing(*words: object) -> object:
        (here / "src" / "one.rs").write_text("fn f() {}\n", encoding="utf-8")
        return before(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("audit.cli.read", changing)
    assert "S05" not in _audit(capsys)[1] and not _entries(here)


def test_several_at_once(here: Path) -> None:
    command = [sys.executable, "-m", "audit.cli", "src", "f.so", "--format", "json"]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(4)))
    assert len({each.stdout for each in done}) == 1 and not any(each.stderr for each in done)
    (entry,) = _entries(here)
    digest, _, body = entry.read_bytes().partition(b"\n")
    assert len(digest) == 64 and json.loads(body)["findings"]
    assert not list(entry.parent.glob(".*"))


def test_who_judges_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = {identity.own.__wrapped__(True), identity.own.__wrapped__(False)}
    monkeypatch.setattr(identity, "version", lambda name: f"9.{len(name)}")
    marks.add(identity.own.__wrapped__(True))
    assert len(marks) == 3
