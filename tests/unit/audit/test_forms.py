"""Reports that programs read: SARIF by its schema, HTML by a browser's rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from audit import cli
from audit.facts.rust.source import RustFile
from audit.inputs import load
from audit.report import html
from llvm_pass.driver.clang import find_clang

_ROOT = Path(__file__).parents[3]
_SCHEMA = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
_SOURCES = sorted(str(each) for each in (_ROOT / "tests" / "audit").glob("S*/bad*.rs"))
_VOID = {"meta", "input"}


def _valid(text: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(text)
    validator = jsonschema.Draft7Validator(_SCHEMA, format_checker=jsonschema.FormatChecker())
    assert [each.message for each in validator.iter_errors(report)] == []
    run: dict[str, Any] = report["runs"][0]
    return run


def test_sarif_is_of_its_schema(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "a folder" / "bad.rs"
    place.parent.mkdir()
    place.write_text((_ROOT / "tests" / "audit" / "S05" / "bad.rs").read_text(encoding="utf-8"), encoding="utf-8")
    cli.main(["-q", str(place), "--write-baseline", "known.json"])
    panics = '// galeed-audit: allow(S07): seen\npub extern "C" fn f(t: &str) -> i32 { t.parse().unwrap() }\n'
    (tmp_path / "panics.rs").write_text(panics, encoding="utf-8")
    new = (_ROOT / "tests" / "audit" / "S10" / "bad.rs").read_text(encoding="utf-8")
    (tmp_path / "new.rs").write_text(new, encoding="utf-8")
    place.write_text(place.read_text(encoding="utf-8").replace('expect("no NUL").as_ptr()', "f()"), encoding="utf-8")
    capsys.readouterr()
    words = ["-q", str(place), "panics.rs", "new.rs", "/bin/true", "/nowhere", "--baseline", "known.json"]
    cli.main([*words, "--format", "sarif"])
    run = _valid(capsys.readouterr().out)
    results = run["results"]
    assert {each.get("baselineState") for each in results} == {"new", "unchanged", "absent", None}
    suppressed = [each for each in results if "suppressions" in each]
    assert [each["suppressions"][0]["kind"] for each in suppressed] == ["inSource"]
    for each in results:
        place_of = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        if each["ruleId"] == "S05":
            assert place_of == "a%20folder/bad.rs"
        if each["ruleId"].startswith("E"):
            assert place_of == "file:///bin/true" and each["locations"][0]["logicalLocations"]
    assert any(each["ruleId"].startswith("E") for each in results)


def test_sarif_counts_columns_in_utf16(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = (_ROOT / "tests" / "audit" / "S10" / "bad.rs").read_text(encoding="utf-8")
    columns = []
    for number, before in enumerate(
        ("/* ab */", "/* \u00e9\U0001d11e */")
    ):  # 2 letters; 2 that are 1 + 2 units, 6 bytes
        (tmp_path / "bad.rs").write_text(re.sub(r"(?m)^(.*\*mut)", rf"{before}\1", bad), encoding="utf-8")
        cli.main(["-q", str(tmp_path / "bad.rs"), "--rule", "S10", "--format", "sarif"])
        results = _valid(capsys.readouterr().out)["results"]
        columns.append([each["locations"][0]["physicalLocation"]["region"]["startColumn"] - number for each in results])
    assert columns[0] == columns[1] and columns[0]


def test_the_schema_refuses_what_is_no_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["-q", _SOURCES[0], "--format", "sarif"])
    report = json.loads(capsys.readouterr().out)
    report["runs"][0]["results"][0]["level"] = "bad"
    with pytest.raises(AssertionError):
        _valid(json.dumps(report))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _html(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    cli.main(["-q", *words, "--format", "html", "--confidence", "low"])
    return capsys.readouterr().out


def test_html_stands_alone_and_is_well_formed(capsys: pytest.CaptureFixture[str]) -> None:
    text = _html(capsys, *_SOURCES, "/bin/true", "/nowhere")
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert not {"link", "img", "iframe", "base"} & {tag for tag, _ in page.seen}
    assert not any(name in ("src", "href", "srcset") for _, given in page.seen for name in given)
    assert "url(" not in text and "@import" not in text
    ids = {given["id"] for _, given in page.seen if "id" in given}
    assert ids == {"map", "pointers", "findings", "filter", "notes"}
    words = "".join(page.words)
    assert "context_close" in words and "*mut RawContext" in words and "/nowhere: no such file" in words


def test_html_escapes_what_it_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    (folder / "a.rs").write_text(
        'pub extern "C" fn f(t: &str) -> i32 { t.parse::<i32>().expect("</code><script>alert(1)</script>") }\n'
    )
    text = _html(capsys, str(folder))
    assert text.count("<script>") == 1 and "<img" not in text and "&lt;script&gt;" in text


def test_the_map_has_other_crates_that_declare_what_is_defined_here(tmp_path: Path) -> None:
    """A crate's C may be declared in a dependency; of libc and its like nothing is drawn."""
    (tmp_path / "fill.c").write_text("int fill(char *at) { return *at; }\n")
    words = [*find_clang().command, "-g", "-S", "-emit-llvm", "-o", f"{tmp_path}/fill.ll", f"{tmp_path}/fill.c"]
    subprocess.run(words, check=True)
    subject = load([str(tmp_path / "fill.ll")], [], lambda _: None)
    for name in ("fill", "getpid"):
        text = f'unsafe extern "C" {{ fn {name}(at: *mut u8) -> i32; }}'
        subject.declared.append(RustFile(f"/other/{name}.rs", text.encode()))
    page = html.render([], 0, subject.drawn(), [], "0")
    assert "/other/fill.rs" in page and "*mut u8" in page
    assert "/other/getpid.rs" not in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium in PATH")
def test_html_in_a_browser(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The filter shows itself where there is JavaScript, and hides what is not wanted."""
    probe = (
        "<script>var f=document.getElementById('filter');f.querySelector('select').value='S09';"
        "f.dispatchEvent(new Event('change'));document.title=[f.hidden,"
        "document.querySelectorAll('article:not([hidden])').length,"
        "document.querySelectorAll('article[data-rule=S09]').length].join(' ')</script>"
    )
    page = tmp_path / "report.html"
    page.write_text(_html(capsys, *_SOURCES).replace("</body>", probe + "</body>"), encoding="utf-8")
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    said = subprocess.run(
        [*words, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert "<title>false 7 7</title>" in said.stdout
