"""The readers of lines: calls, headers, signatures, metadata, origins of pointers."""

from __future__ import annotations

import pytest

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.attributes import without_function_lies, without_value_lies
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.metadata import Metadata, Place
from llvm_pass.ir.module import Module, block_of_label, predecessors
from llvm_pass.ir.signature import read_definition, read_returns, read_value
from llvm_pass.ir.syntax import metadata_of, parse_call, parse_header
from llvm_pass.ir.types import TypeSyntaxError, TypeTable
from llvm_pass.passes.base import Context
from llvm_pass.remarks import Remark
from llvm_pass.runtime.helpers import Helpers

_TYPES = TypeTable(["%struct.s = type { i32, ptr }", '%"odd name" = type <{ i8, i64 }>'])


@pytest.mark.parametrize(
    ("line", "callee", "arguments"),
    [
        ("  call void @f()", "@f", ()),
        ("  %1 = tail call i32 @f(i32 signext 1, ptr %p) #3, !dbg !4", "@f", ("i32 signext 1", "ptr %p")),
        ('  %x = call i32 (ptr, ...) @"a b("(ptr @s, i8 2)', '@"a b("', ("ptr @s", "i8 2")),
        ("  %9 = invoke { ptr, i32 } %fn(ptr byval({ i32, i32 }) %a)", "%fn", ("ptr byval({ i32, i32 }) %a",)),
        ('  call void asm sideeffect "call @f(", "=*m"(ptr elementtype(i32) %p)', "asm", ("ptr elementtype(i32) %p",)),
        ("  call void inttoptr (i64 1 to ptr)(i32 1)", "", ()),
    ],
)
def test_calls(line: str, callee: str, arguments: tuple[str, ...]) -> None:
    call = parse_call(line)
    assert call is not None
    assert (call.callee, call.arguments) == (callee, arguments)


def test_what_is_no_call() -> None:
    assert parse_call("  %callee = load ptr, ptr @call") is None


def test_signatures_keep_what_decides_where_values_travel() -> None:
    header = parse_header(
        "define weak_odr dso_local hidden fastcc noundef zeroext i8 @f(ptr noalias sret(%struct.s) align 8 %r, "
        "ptr noundef byval(%struct.s) align 16 %a, i8 noundef signext %b) unnamed_addr #0 "
        'section "x" comdat($f) align 16 personality ptr @p !dbg !1 {'
    )
    read = read_definition(_TYPES, header.before, header.parameters, header.after)
    assert (read.linkage, read.visibility) == ("weak_odr", "hidden")
    assert read.signature.returns() == "fastcc zeroext i8"
    assert [value.text() for value in read.signature.parameters] == [
        "ptr sret(%struct.s)",
        "ptr byval(%struct.s) align 16",
        "i8 signext",
    ]
    assert (read.address, read.groups, read.comdat) == (" unnamed_addr", ("#0",), " comdat($f)")
    assert read.tail == " personality ptr @p !dbg !1 {"


def test_returns_and_values() -> None:
    assert read_returns(_TYPES, "fast ccc nonnull ptr")[0] == "ccc"
    assert read_returns(_TYPES, "i32 (ptr, ...)")[2] == "(ptr, ...)"
    assert read_value(_TYPES, "ptr noundef nonnull align 8 %x")[1] == "%x"
    assert read_value(_TYPES, 'ptr "vendor"="1" range(i64 0, 4) %x')[1] == "%x"


def test_types() -> None:
    assert _TYPES.parse("%struct.s").store_bytes == 16
    assert _TYPES.parse('%"odd name"').store_bytes == 9
    assert _TYPES.parse("<3 x i1>").store_bytes == 1
    for text in ("%unknown", "i32 x", "[4 i8]", ""):
        with pytest.raises(TypeSyntaxError):
            _TYPES.parse(text)


def test_lies() -> None:
    group = 'attributes #0 = { nofree nosync nounwind memory(read, argmem: none) "x"="y" }'
    assert without_function_lies(group) == 'attributes #0 = { nounwind "x"="y" }'
    line = "  call void @f(ptr noundef captures(ret: address, provenance) readonly %p)"
    assert without_value_lies(line) == "  call void @f(ptr noundef %p)"


def test_places_and_types_of_accesses() -> None:
    lines = [
        "!0 = distinct !DILexicalBlock(scope: !1, line: 3)",
        '!1 = distinct !DISubprogram(name: "f", file: !2)',
        '!2 = !DIFile(filename: "a b.c", directory: "/")',
        "!3 = !DILocation(line: 9, column: 4, scope: !0)",
        "!4 = !{!5, !5, i64 0}",
        '!5 = !{!"p1 int", !6}',
        "!7 = !DILocation(line: 1, scope: !7)",
    ]
    metadata = Metadata(lines, 0)
    assert metadata.place("!3") == Place("a b.c", 9, 4)
    assert metadata.place("!7") == Place("<unknown>", 1, 0)
    assert metadata.place("!99") is None
    assert metadata.access_type("!4") == "p1 int"
    assert metadata.node("!{}") == metadata.node("!{}") == "!8"
    assert metadata.take_new() == ["!8 = !{}"]


def test_names_and_strings_hold_anything() -> None:
    """What is inside of quotes is no syntax."""
    lines = [
        '!0 = distinct !DISubprogram(name: "f, file: !9, scope: !9", file: !1)',
        '!1 = !DIFile(filename: "a\\22\\C3\\A9\\\\.c", directory: "/")',
        "!2 = !DILocation(line: 9, column: 4, scope: !0)",
    ]
    assert Metadata(lines, 0).place("!2") == Place('a"é\\.c', 9, 4)
    call = parse_call('  call void asm "@f(, !dbg !7 readonly , ", "r"(ptr %"a, ptr %b"), !dbg !2')
    assert call is not None
    assert (call.callee, call.arguments, metadata_of(call.rest)) == ("asm", ('ptr %"a, ptr %b"',), {"dbg": "!2"})
    assert metadata_of('  call void asm "nop, !dbg !7", ""()') == {}
    line = '  call void asm "nop # readonly , nofree , ", "r"(ptr readonly %"a readonly ")'
    assert without_value_lies(line) == line.replace("ptr readonly ", "ptr ")
    group = 'attributes #0 = { nofree "x"="a nofree b" }'
    assert without_function_lies(group) == 'attributes #0 = { "x"="a nofree b" }'
    assert block_of_label('": #0 [":') == '%": #0 ["'
    assert predecessors('"; preds = %x":   ; preds = %"a, b", %c') == ['%"a, b"', "%c"]


def test_fresh_names_are_nobody_elses() -> None:
    edits = Edits(Module("define void @f(ptr %galeed.7, ptr %galeed.12x) {\n  ret void\n}\n"))
    assert [edits.fresh(), edits.fresh()] == ["%galeed.8", "%galeed.9"]


def test_structures_of_what_has_no_size_have_none() -> None:
    types = TypeTable(["%s = type { i8, ptr addrspace(270), <{ ptr addrspace(271) }> }"])
    assert types.parse("%s").alloc_bytes == 12
    for text in ("{ i32, <vscale x 4 x i32> }", '[2 x target("a, b", { i32 }, 1)]', 'target("x")'):
        assert types.parse(text).unmeasured, text


def test_origins() -> None:
    text = """define void @f(ptr %p, i1 %c) {
  %a = alloca i8, align 1
  %g = getelementptr i8, ptr %p, i64 1
  %h = getelementptr i8, ptr %a, i64 1
  %s = select i1 %c, ptr %g, ptr %p
  %t = select i1 %c, ptr %s, ptr %h
  %l = load ptr, ptr %p, align 8
  %f = freeze ptr %l
  ret void

dead:                                             ; No predecessors!
  %x = getelementptr i8, ptr %x, i64 1
  br label %dead
}
"""
    module = Module(text)
    roots = Roots(module, module.functions[0])
    found = {name: roots.origin(name) for name in ("%p", "%a", "%g", "%h", "%s", "%t", "%f")}
    assert [(found[name].kind, found[name].name) for name in found] == [
        ("root", "%p"),
        ("raw", ""),
        ("root", "%p"),
        ("raw", ""),
        ("root", "%p"),
        ("merge", "%t"),
        ("root", "%l"),
    ]
    assert roots.origin("%x").kind == "root"
    assert roots.first_line == 2


def test_edits_refuse_to_replace_a_line_twice() -> None:
    edits = Edits(Module("define void @f() {\n  ret void\n}\n"))
    edits.replace(1, "  unreachable")
    with pytest.raises(ValueError, match="replaced twice"):
        edits.replace(1, "  ret void")


def test_a_placeholder_without_a_value_raises() -> None:
    module = Module("define void @f() {\n  ret void\n}\n")
    context = Context("x", module, Edits(module))
    helpers = Helpers(context.edits, module.metadata)
    with pytest.raises(KeyError, match="function"):
        helpers.define("word", "@galeed.word.x", {})


def test_remarks_are_yaml() -> None:
    remark = Remark("Missed", "p", "N", "f", "isn't", Place("a'b.c", 1, 2))
    assert "DebugLoc:        { File: 'a''b.c', Line: 1, Column: 2 }" in remark.yaml()
    assert "  - String:          'isn''t'" in remark.yaml()
    assert remark.text() == "a'b.c:1: f: isn't"
