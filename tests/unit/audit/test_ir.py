"""Facts of LLVM IR: what is read, what the two sides agree on, and one line for what cannot be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from audit import cli
from audit.errors import AuditError
from audit.facts.llvm import ir
from audit.facts.llvm.abi import differences
from audit.facts.llvm.flow import Flow
from audit.facts.llvm.program import Program
from audit.rules.places import readable
from llvm_pass.driver.clang import find_clang

_TEXT = """\
source_filename = "a.c"
target triple = "x86_64-unknown-linux-gnu"
%struct.big = type { i64, i64, i64 }
declare noalias noundef ptr @malloc(i64 noundef) #0
declare void @free(ptr allocptr noundef) #1
declare zeroext i8 @far(ptr noundef nonnull readonly, ...)
define void @made(ptr sret(%struct.big) align 8 %out, ptr byval([4 x i64]) %in, i8 signext %c) {
  ret void
}
define ptr @gives(i64 %n) {
  %p = call ptr @malloc(i64 %n)
  ret ptr %p
}
define internal void @inner(ptr %p) {
  call void @free(ptr %p)
  ret void
}
define void @frees(ptr %p, i1 %mine) {
  br i1 %mine, label %yes, label %no
yes:
  call void @inner(ptr %p)
  br label %no
no:
  ret void
}
define void @always(ptr %p) {
  %none = icmp eq ptr %p, null
  br i1 %none, label %end, label %some
some:
  call void @inner(ptr %p)
  br label %end
end:
  ret void
}
define void @writes(ptr %p) {
  %q = getelementptr inbounds i8, ptr %p, i64 8
  store i32 1, ptr %q
  ret void
}
attributes #0 = { nounwind allockind("alloc,uninitialized") allocsize(0) "alloc-family"="malloc" }
attributes #1 = { nounwind allockind("free") "alloc-family"="malloc" }
"""


@pytest.fixture(scope="module")
def module() -> ir.Module:
    return ir.read("a.ll", _TEXT.encode())[0]


def test_signatures(module: ir.Module) -> None:
    made, far = module.functions["made"], module.functions["far"]
    assert [each.type.text for each in made.parameters] == ["ptr", "ptr", "i8"]
    assert [each.has("sret", "byval") for each in made.parameters] == [True, True, False]
    assert made.parameters[2].has("signext") and not made.variadic and made.is_defined
    assert far.variadic and not far.is_defined and far.result.has("zeroext") and far.parameters[0].has("nonnull")
    assert not module.functions["inner"].is_seen and module.functions["inner"].nounwind


def test_llvm_infers_what_nobody_wrote(module: ir.Module) -> None:
    assert "nounwind" not in _TEXT.split("define void @writes")[1].split("}")[0]
    writes = module.functions["writes"]
    assert writes.nounwind and writes.parameters[0].has("writeonly")


def test_what_c_does_with_a_pointer(module: ir.Module) -> None:
    module.language = "c"
    program, functions = Program([module], [module]), module.functions
    found = program.frees(functions["frees"], 0)
    assert found is not None and (found.function.name, found.what) == ("inner", "malloc")
    assert program.frees_always(functions["frees"], 0) is None
    assert program.frees_always(functions["always"], 0) is not None
    assert program.gives(functions["gives"]) == "malloc"
    assert program.writes(functions["writes"], 0) is not None and program.writes(functions["frees"], 0) is None
    (access,) = Flow(functions["writes"], "%p").accesses()
    assert (access.offset, access.bytes, access.is_store, access.in_entry) == (8, 4, True, True)


@pytest.mark.parametrize(
    ("declared", "defined", "grades"),
    [
        ("i32 @f(i32)", "i32 @f(i32 %a)", []),
        ("i64 @f(ptr)", "ptr @f(i64 %a)", []),
        ("{ i64, i64 } @f({ i64, i64 })", "{ i64, i64 } @f(i64 %a, i64 %b)", []),
        ("double @f(double)", "<2 x float> @f(<2 x float> %a)", []),
        ("void @f(i32)", "i32 @f(i32 %a)", []),
        ("zeroext i1 @f(i1 zeroext)", "zeroext i8 @f(i8 zeroext %a)", []),
        ("void @f(i8 zeroext)", "void @f(i32 %a)", []),
        ("void @f(ptr byval([24 x i8]))", "void @f(ptr byval([3 x i64]) %a)", []),
        ("void @f(i32)", "void @f(i64 %a)", ["harm"]),
        ("void @f(i64)", "void @f(i32 %a)", ["loss"]),
        ("void @f(i32)", "void @f(i32 %a, i32 %b)", ["harm"]),
        ("void @f(i32, i32)", "void @f(i32 %a)", ["form"]),
        ("void @f(float)", "void @f(double %a)", ["harm"]),
        ("void @f(double)", "void @f(i64 %a)", ["harm"]),
        ("i32 @f()", "void @f()", ["harm"]),
        ("i64 @f()", "i32 @f()", ["harm"]),
        ("i32 @f()", "i64 @f()", ["loss"]),
        ("zeroext i1 @f()", "i32 @f()", ["harm"]),
        ("void @f(i8 signext)", "void @f(i8 zeroext %a)", ["harm"]),
        ("void @f(ptr sret([16 x i8]))", "void @f(ptr sret([24 x i8]) %a)", ["harm"]),
        ("void @f(ptr)", "void @f(ptr byval([24 x i8]) %a)", ["harm"]),
        ("void @f(i32)", "void @f(i32 %a, ...)", ["loss"]),
        ("i64 @f(i32)", "void @f(ptr sret([24 x i8]) %r, i32 %a)", ["harm"]),
    ],
)
def test_what_both_sides_agree_on(declared: str, defined: str, grades: list[str]) -> None:
    one = ir.read("one", f"declare {declared}\n".encode())[0].functions["f"]
    body = "ret void" if defined.startswith("void") else f"ret {defined.split(' @')[0].removeprefix('zeroext ')} poison"
    other = ir.read("other", f"define {defined} {{\n  {body}\n}}\n".encode())[0].functions["f"]
    assert [each.grade for each in differences(one, other)] == grades


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("_RNvMs_NtNtCslNYArtu3iFV_5alloc3ffi5c_strNtB4_7CString8into_raw", "alloc::ffi::c_str::CString::into_raw"),
        ("_ZN1a1k17h197c36671824505dE", "a::k"),
        ("_ZL6middlei", "middle"),
        ("_R", "_R"),
        ("_ZN99x", "x"),
        ("plain", "plain"),
        ("linked.12", "linked"),
    ],
)
def test_names(name: str, shown: str) -> None:
    assert readable(name) == shown


def _bitcode(folder: Path) -> bytes:
    (folder / "a.c").write_text("int f(int *p) { return *p; }\n", encoding="utf-8")
    command = [*find_clang().driver(False), "-O1", "-c", "-emit-llvm", str(folder / "a.c"), "-o", str(folder / "a.bc")]
    subprocess.run(command, check=True)
    return (folder / "a.bc").read_bytes()


def test_bitcode_is_told_by_content_and_damage_is_one_line(tmp_path: Path) -> None:
    whole = _bitcode(tmp_path)
    (tmp_path / "noname").write_bytes(whole)
    assert cli.main(["-q", str(tmp_path / "noname")]) == 0
    step = max(1, len(whole) // 12)
    for data in (
        *(whole[:cut] for cut in range(4, len(whole), step)),
        *(whole[:at] + b"\xff" * 8 + whole[at + 8 :] for at in range(8, len(whole) - 8, step)),
    ):
        said = _refusal(data)
        assert "\n" not in said and said.startswith("damaged: ")


def _refusal(data: bytes) -> str:
    try:
        ir.read("damaged", data)
    except AuditError as error:
        return str(error)
    return "damaged: not so much that LLVM minds"


def test_the_newer_llvm_is_named(tmp_path: Path) -> None:
    newer = b'define void @f() newattribute {\n  ret void\n}\n!llvm.ident = !{!0}\n!0 = !{!"clang version 99.1.0"}\n'
    with pytest.raises(
        AuditError, match=r"written by LLVM/clang 99\.1\.0, read by LLVM 22\.[\d.]+; use a compiler of the same"
    ):
        ir.read("newer.ll", newer)
