"""--propose: what it says of IR, of nothing, of runs; and how its file is written."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from audit import cli
from audit.errors import AuditError
from audit.facts.runs import Seen
from audit.inputs import load
from audit.propose import propose, write

_HOST = """\
source_filename = "host.rs"
declare i32 @c_read(ptr)
define void @host(ptr %p) {
  %r = call i32 @c_read(ptr %p)
  ret void
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_Rust, file: !1, producer: "rustc", isOptimized: false, emissionKind: FullDebug)
!1 = !DIFile(filename: "host.rs", directory: "/host")
!2 = !{i32 2, !"Debug Info Version", i32 3}
"""
_C = """\
source_filename = "lib.c"
@table = internal constant [1 x ptr] [ptr @c_closed]
@open = global ptr @c_open
define i32 @c_read(ptr %p) !dbg !5 {
  %f = load ptr, ptr @open
  %r = call i32 %f(ptr %p), !dbg !9
  ret i32 %r
}
define i32 @c_constant(ptr %p, i64 %i) {
  %at = getelementptr [1 x ptr], ptr @table, i64 0, i64 %i
  %f = load ptr, ptr %at
  %r = call i32 %f(ptr %p)
  ret i32 %r
}
define internal i32 @c_closed(ptr %p) {
  ret i32 0
}
define internal i32 @c_open(ptr %p) {
  ret i32 0
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, producer: "clang", isOptimized: false, emissionKind: FullDebug)
!1 = !DIFile(filename: "lib.c", directory: "/c")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!5 = distinct !DISubprogram(name: "c_read", scope: !1, file: !1, line: 7, type: !6, unit: !0, spFlags: DISPFlagDefinition)
!6 = !DISubroutineType(types: !7)
!7 = !{null, !8}
!8 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !10, size: 64)
!9 = !DILocation(line: 8, scope: !5)
!10 = !DICompositeType(tag: DW_TAG_structure_type, name: "lent", file: !1, line: 3, size: 64, elements: !11)
!11 = !{!12}
!12 = !DIDerivedType(tag: DW_TAG_member, name: "next", scope: !10, file: !1, line: 4, baseType: !8, size: 64)
"""
_CALLABLE = 'pub extern "C" fn callback() {}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("host.ll", _HOST), ("lib.ll", _C), ("own.rs", _CALLABLE)):
        Path(name).write_text(text, encoding="utf-8")
    return tmp_path


def _proposed(*names: str, seen: tuple[Seen, ...] = ()) -> tuple[str, dict[str, Any]]:
    text = propose(load(names, [], lambda _: None), [], seen)
    assert text is not None
    return text, tomllib.loads(text)


def test_each_line_says_what_is_behind_it(folder: Path) -> None:
    text, given = _proposed("host.ll", "lib.ll", "own.rs")
    assert given["entries"] == ["c_read", "c_closed", "c_open"]
    assert '    "c_open",  # its address is in open' in text
    assert given["callbacks"] == ["c_read"]
    assert '    "c_read",  # calls through a pointer: /c/lib.c:8' in text
    assert given["structures"] == ["lent"]  # nothing without a type crosses, so it is in force
    assert '    "lent",  # c_read takes it: /c/lib.c:3; fields with pointers: next' in text
    assert given["hardening"] == "basic"
    assert all(
        "  # " in line or line.strip() in ("]", "") or line.startswith("#") or line.endswith("[")
        for line in text.splitlines()
    )


def test_without_functions_for_c_nobody_calls_back(folder: Path) -> None:
    _, given = _proposed("host.ll", "lib.ll")
    assert given["callbacks"] == []


def _seen(**what: Any) -> Seen:
    base: dict[str, Any] = {
        "violation": "",
        "access": "read",
        "function": "strange",
        "entry": "",
        "module": "/lib/x.so",
    }
    return Seen(**{"kind": "trapped", **base, "offset": 16, "text": "read of 8 bytes, served", "origin": "run", **what})


def test_what_a_run_showed(folder: Path) -> None:
    text, given = _proposed("host.ll", "lib.ll", seen=(_seen(),))
    assert given["on-trap"] == "serve" and "# - strange: read of 8 bytes, served" in text
    _, given = _proposed("host.ll", "lib.ll", seen=(_seen(), _seen(is_raw=True)))
    assert given["on-trap"] == "serve-raw"
    _, given = _proposed("host.ll", "lib.ll", seen=(_seen(kind="violation", violation="boundary"),))
    assert given["hardening"] == "strict?" and "on-trap" not in given
    text, given = _proposed("host.ll", "lib.ll", seen=(_seen(function="c_read"),))
    assert "# Rewritten, and not asked there" in text and "Not rewritten" not in text and given["on-trap"] == "serve"


def test_a_comment_stays_a_comment(folder: Path) -> None:
    text, given = _proposed("host.ll", "lib.ll", seen=(_seen(text='x\nentries = ["all"]\x7f\x00'),))
    assert given["entries"] == ["c_read", "c_closed", "c_open"] and "\x7f" not in text


def test_nothing_foreign_needs_no_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("host.ll").write_text(_HOST.replace("call i32 @c_read(ptr %p)", "add i32 1, 2"), encoding="utf-8")
    assert cli.main(["host.ll", "--propose", "galeed.toml"]) == 0
    assert "galeed.toml is not written: nothing foreign is called" in capsys.readouterr().err
    assert not Path("galeed.toml").exists()


def test_a_file_that_is_there_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Path("galeed.toml")
    kept.write_text("# mine\n", encoding="utf-8")
    assert cli.main(["-q", "host.ll", "lib.ll", "--propose", "galeed.toml"]) == 2
    said = capsys.readouterr()
    assert "galeed.toml exists and is kept" in said.err and "--overwrite" in said.err and said.err.count("\n") == 1
    assert kept.read_text(encoding="utf-8") == "# mine\n"
    with pytest.raises(AuditError, match="exists and is kept"):  # it came while the audit ran
        write("new", kept, overwrite=False)
    assert cli.main(["-q", "host.ll", "lib.ll", "--propose", "galeed.toml", "--overwrite"]) == 0
    assert tomllib.loads(kept.read_text(encoding="utf-8"))["entries"]
    assert sorted(each.name for each in folder.iterdir()) == ["galeed.toml", "host.ll", "lib.ll", "own.rs"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["own.rs", "--propose", "x.toml"], "--propose needs the code of both sides"),
        (
            ["host.ll", "lib.ll", "--propose", "nowhere/x.toml"],
            "cannot write nowhere/x.toml: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_proposed(folder: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-q", *words]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_a_pipe_or_a_link_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    write("new", pipe, overwrite=True)
    assert pipe.is_fifo() and os.read(reader, 9) == b"new"
    os.close(reader)
    target.write_text("earlier", encoding="utf-8")
    link.symlink_to("target")
    write("new", link, overwrite=True)
    assert link.is_symlink() and target.read_text(encoding="utf-8") == "new"
