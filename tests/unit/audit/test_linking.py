"""Files of one C library as one module: what one file's function does is known in another, and no file is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.facts.llvm import linking
from audit.facts.llvm.program import Program

if TYPE_CHECKING:
    from pathlib import Path

_CALLS = """\
declare void @far(ptr)
define void @near(ptr %p) {
  call void @far(ptr %p)
  ret void
}
"""
_LOOKS = """\
define internal void @own(ptr %p) {
  store i8 1, ptr %p
  ret void
}
define void @far(ptr %p) {
  call void @own(ptr %p)
  ret void
}
"""
_OTHER = "define internal void @own(ptr %p) {\n  ret void\n}\ndefine void @other(ptr %p) {\n  call void @own(ptr %p)\n  ret void\n}\n"


def _read(folder: Path, *texts: str) -> linking.Linked:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.ll")
        paths[-1].write_text(text, encoding="utf-8")
    return linking.read("library", paths)


def test_attributes_are_those_of_the_other_files_body(tmp_path: Path) -> None:
    alone = _read(tmp_path, _CALLS).modules[0]
    assert not alone.functions["near"].parameters[0].has("captures")
    found = _read(tmp_path, _CALLS, _LOOKS, _OTHER)
    (module,) = found.modules
    assert found.notes == [] and module.path == "library"
    assert "captures(none)" in module.functions["near"].parameters[0].attributes
    assert module.functions["near"].nounwind and "nofree" in module.functions["near"].attributes
    assert Program([module], [module]).writes(module.functions["near"], 0) is not None
    assert Program([module], [module]).writes(module.functions["other"], 0) is None


def test_who_defines_the_same_is_read_alone_and_said(tmp_path: Path) -> None:
    found = _read(tmp_path, _CALLS, _LOOKS, "@far = global i32 1\ndefine void @third() {\n  ret void\n}\n")
    assert [sorted(each.name for each in module.defined) for module in found.modules] == [
        ["far", "near", "own"],
        ["third"],
    ]
    assert found.notes == ["library: 1 of 3 modules are judged on their own: both define far"]


def test_programs_of_one_folder_need_no_word(tmp_path: Path) -> None:
    main = "define i32 @main() {\n  ret i32 0\n}\n"
    found = _read(tmp_path, main, _LOOKS, main)
    assert len(found.modules) == 2 and found.notes == []


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_is_damaged_is_one_line(tmp_path: Path, at: int) -> None:
    texts = [_CALLS, _LOOKS]
    texts.insert(at, "define void @broken(")
    found = _read(tmp_path, *texts)
    assert len(found.modules) == 1 and "captures(none)" in found.modules[0].functions["near"].parameters[0].attributes
    assert len(found.notes) == 1 and "cannot read this text" in found.notes[0]


def test_what_llvm_cannot_link_is_read_one_by_one(tmp_path: Path) -> None:
    flags = '!llvm.module.flags = !{{!0}}\n!0 = !{{i32 1, !"wchar_size", i32 {}}}\n'
    found = _read(tmp_path, _CALLS + flags.format(2), _LOOKS + flags.format(4))
    assert len(found.modules) == 2
    assert len(found.notes) == 1 and found.notes[0].startswith(
        "library: 2 of 2 modules are judged on their own: cannot be linked: "
    )
