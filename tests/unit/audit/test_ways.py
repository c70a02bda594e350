"""Ways through a function, what is known on them, and what formats ask for."""

from __future__ import annotations

import pytest

from audit.facts.llvm import formats, ir
from audit.facts.llvm.aliases import root
from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.exits import exits
from audit.facts.llvm.known import NOT_NULL, value_of
from audit.facts.llvm.outputs import Outputs
from audit.facts.llvm.program import Program
from audit.facts.llvm.ranges import Range, outside

_TEXT = """\
source_filename = "a.c"
target triple = "x86_64-unknown-linux-gnu"
declare void @unknown(ptr)
define i32 @fills(ptr %out, i32 %mode) {
start:
  %first = icmp eq i32 %mode, 1
  br i1 %first, label %yes, label %no
yes:
  store i32 7, ptr %out
  br label %end
no:
  %none = icmp eq ptr %out, null
  br i1 %none, label %bad, label %end
bad:
  br label %end
end:
  %result = phi i32 [ 0, %yes ], [ 3, %no ], [ -1, %bad ]
  ret i32 %result
}
define i32 @asks(ptr %out) {
  call void @unknown(ptr %out)
  ret i32 0
}
define void @fills_all(ptr %out, i64 %count) {
start:
  br label %loop
loop:
  %at = phi i64 [ 0, %start ], [ %next, %body ]
  %more = icmp ult i64 %at, %count
  br i1 %more, label %body, label %end
body:
  %place = getelementptr inbounds i8, ptr %out, i64 %at
  store i8 0, ptr %place
  %next = add nuw i64 %at, 1
  br label %loop
end:
  ret void
}
define i32 @turns(i32 %mode) {
start:
  switch i32 %mode, label %other [
    i32 -1, label %one
    i32 2, label %two
  ]
one:
  ret i32 10
two:
  unreachable
other:
  %wide = zext i1 true to i32
  %low = and i32 %wide, 3
  %shifted = shl i32 %low, 31
  %chosen = select i1 true, i32 %shifted, i32 4
  ret i32 %chosen
}
define ptr @inside(ptr %p) {
  %q = getelementptr inbounds i8, ptr %p, i64 8
  %r = getelementptr inbounds i8, ptr %q, i64 4
  %s = getelementptr inbounds [4 x i32], ptr %r, i64 0, i64 2
  ret ptr %r
}
define i32 @goes_round() {
start:
  br label %again
again:
  %v = phi i32 [ %v, %again ], [ 1, %start ]
  br label %again
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, producer: "clang", emissionKind: FullDebug)
!1 = !DIFile(filename: "a.c", directory: "/")
!2 = !{i32 2, !"Debug Info Version", i32 3}
"""


@pytest.fixture(scope="module")
def module() -> ir.Module:
    return ir.Module("a.ll", _TEXT)


def test_ways_out(module: ir.Module) -> None:
    fills = module.functions["fills"]
    assert {each.value for each in exits(fills, {})} == {0, 3, -1}
    assert {each.value for each in exits(fills, {"%mode": 1})} == {0}
    assert {each.value for each in exits(fills, {"%mode": 2, "%out": NOT_NULL})} == {3}
    turns = module.functions["turns"]
    assert [each.value for each in exits(turns, {"%mode": -1})] == [10]
    assert exits(turns, {"%mode": 2}) == []
    assert [each.value for each in exits(turns, {"%mode": 5})] == [-(1 << 31)]
    assert exits(module.functions["goes_round"], {}) == []


def test_ways_that_write_nothing(module: ir.Module) -> None:
    outputs = Outputs(Program([module], [module]))
    assert [each.value for each in outputs.unwritten(module.functions["fills"], 0, {})] == [3]
    assert outputs.unwritten(module.functions["fills"], 0, {"%mode": 1}) == []
    # What nobody sees may write; what is written in a loop may be written whole.
    assert outputs.unwritten(module.functions["asks"], 0, {}) == []
    assert outputs.unwritten(module.functions["fills_all"], 0, {}) == []
    assert outputs.unwritten(module.functions["fills"], 9, {}) == []


def test_what_a_result_may_be(module: ir.Module) -> None:
    program, fills = Program([module], [module]), module.functions["fills"]
    found = outside(program, fills, {}, Range(32, 0, 4))
    assert found is not None and found.value == -1
    assert outside(program, fills, {"%mode": 1}, Range(32, 0, 3)) is None
    assert outside(program, fills, {}, Range(32, -1, 4)) is None


@pytest.mark.parametrize(("value", "is_in"), [(0, True), (2, True), (3, False), (-1, False), (0xFFFFFFFF, False)])
def test_ranges(value: int, is_in: bool) -> None:
    assert (value in Range(32, 0, 3)) is is_in
    assert (value in Range(32, 3, 0)) is not is_in, "around the end"
    assert Range(32, -1, 4).holds(Range(32, 0, 3)) and not Range(32, 0, 3).holds(Range(32, -1, 4))


def test_where_a_pointer_comes_from(module: ir.Module) -> None:
    blocks = Blocks(module.functions["inside"])
    assert (root(blocks, "%r").value, root(blocks, "%r").offset) == ("%p", 12)
    assert (root(blocks, "%s").value, root(blocks, "%s").offset) == ("%p", None)
    assert value_of("%q", blocks, {"%p": NOT_NULL}) == NOT_NULL
    assert value_of("%q", blocks, {}) is None


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain, 100 %%", []),
        ("%d %ld %hhu %zu %c", [32, 64, 32, 64, 32]),
        ("%-*.*f|%Lf", ["*", "*", "f64", "f80"]),
        ("%s %p %n", ["p", "p", "p"]),
        ("%m", []),
        ("%1$d", None),
        ("%y", None),
        ("%", None),
    ],
)
def test_formats(text: str, kinds: list[object] | None) -> None:
    found = formats.wanted(text, scans=False)
    short = None if found is None else [
        "*" if each.text == "*" else "p" if each.kind == "pointer" else f"f{each.bits}" if each.kind == "float" else each.bits
        for each in found
    ]  # fmt: skip
    assert short == kinds


def test_formats_of_scanf() -> None:
    found = formats.wanted("%d %*s %[^]a-z] %5c %% %ms", scans=True)
    assert found is not None and len(found) == 4
    assert formats.wanted("%[a", scans=True) is None
