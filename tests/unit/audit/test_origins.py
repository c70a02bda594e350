"""Where values of C come from, and which line comes before which."""

from __future__ import annotations

import pytest

from audit.facts.llvm import ir
from audit.facts.llvm.freeing import Freeing
from audit.facts.llvm.order import Order
from audit.facts.llvm.origins import NULL, UNKNOWN
from audit.facts.llvm.program import Program
from audit.facts.llvm.unwinding import is_check, is_throw, way_out

_C = """\
source_filename = "a.c"
%struct.buffer = type { ptr, ptr, i64 }
%struct.user = type { %struct.buffer, i64 }
declare noalias ptr @malloc(i64) #0
declare noalias ptr @realloc(ptr allocptr, i64) #1
declare void @free(ptr allocptr captures(none)) #2
declare ptr @elsewhere()
define ptr @grow(ptr %old, i64 %n) {
  %p = call ptr @realloc(ptr %old, i64 %n)
  ret ptr %p
}
define void @init(ptr %b, ptr %f) {
  %none = icmp eq ptr %f, null
  %g = select i1 %none, ptr @grow, ptr %f
  %at = getelementptr inbounds i8, ptr %b, i64 8
  store ptr %g, ptr %at, !tbaa !3
  ret void
}
define void @put(ptr %b) {
  %at = getelementptr inbounds i8, ptr %b, i64 8
  %f = load ptr, ptr %at, !tbaa !3
  %old = load ptr, ptr %b, !tbaa !2
  %new = call ptr %f(ptr %old, i64 16)
  store ptr %new, ptr %b, !tbaa !2
  ret void
}
define ptr @makes() {
  %u = alloca %struct.user
  call void @init(ptr %u, ptr null)
  call void @put(ptr %u)
  %p = load ptr, ptr %u, !tbaa !5
  ret ptr %p
}
define ptr @either(i1 %c) {
  br i1 %c, label %yes, label %no
yes:
  %p = call ptr @malloc(i64 8)
  br label %no
no:
  %r = phi ptr [ %p, %yes ], [ null, %0 ]
  ret ptr %r
}
define ptr @unknown(i1 %c) {
  %p = call ptr @malloc(i64 8)
  %q = call ptr @elsewhere()
  %r = select i1 %c, ptr %p, ptr %q
  ret ptr %r
}
define void @ends(ptr %b) {
  %p = load ptr, ptr %b, !tbaa !2
  call void @free(ptr %p)
  ret void
}
define void @ends_both(ptr %u) {
  %b = getelementptr inbounds i8, ptr %u, i64 16
  call void @ends(ptr %b)
  ret void
}
attributes #0 = { allockind("alloc,uninitialized") allocsize(0) "alloc-family"="malloc" }
attributes #1 = { allockind("realloc") allocsize(1) "alloc-family"="malloc" }
attributes #2 = { allockind("free") "alloc-family"="malloc" }
!0 = !{!"buffer", !1, i64 0, !1, i64 8, !1, i64 16}
!1 = !{!"any pointer", !6, i64 0}
!2 = !{!0, !1, i64 0}
!3 = !{!0, !1, i64 8}
!4 = !{!"user", !0, i64 0, !1, i64 24}
!5 = !{!4, !1, i64 0}
!6 = !{!"root"}
"""


def _program(text: str) -> Program:
    module = ir.read("a.ll", text.encode(), is_optimised=True)[0]
    module.language = "c"
    return Program([module], [module])


def _returned(program: Program, name: str) -> frozenset[str]:
    return program.origins.returned(program.definitions[name][0])


@pytest.fixture(scope="module")
def program() -> Program:
    return _program(_C)


def test_a_field_of_a_field_and_a_pointer_to_a_function(program: Program) -> None:
    assert _returned(program, "makes") == {"malloc"}
    assert program.gives(program.definitions["makes"][0]) == "malloc"
    assert _returned(program, "either") == {"malloc", NULL}
    assert _returned(program, "unknown") == {UNKNOWN}


def test_what_else_is_stored_there_counts() -> None:
    other = "define void @other(ptr %b, ptr %p) {\n  store ptr %p, ptr %b, !tbaa !2\n  ret void\n}\n"
    assert _returned(_program(_C.replace("attributes #0", other + "attributes #0", 1)), "makes") == {
        "malloc"
    }  # nobody calls it
    called = (
        other
        + "define void @calls(ptr %b) {\n  %q = call ptr @elsewhere()\n  call void @other(ptr %b, ptr %q)\n  ret void\n}\n"
    )
    assert _returned(_program(_C.replace("attributes #0", called + "attributes #0", 1)), "makes") == {UNKNOWN}


def test_a_hook_that_anybody_sets() -> None:
    """The function that stores it has its address taken: its callers are not all here."""
    taken = "@table = global ptr @init\n"
    assert _returned(_program(_C.replace("%struct.buffer", taken + "%struct.buffer", 1)), "makes") == {UNKNOWN}


def test_pointers_to_functions_that_give_themselves() -> None:
    again = "define ptr @again(ptr %b) {\n  %f = load ptr, ptr %b, !tbaa !3\n  %g = call ptr %f(ptr %b)\n  store ptr %g, ptr %b, !tbaa !3\n"
    again += "  %h = call ptr %g(ptr %b)\n  ret ptr %h\n}\n"
    assert _returned(_program(_C.replace("attributes #0", again + "attributes #0", 1)), "again") == {UNKNOWN}


def test_what_an_object_holds_and_a_function_frees(program: Program) -> None:
    freeing = Freeing(program)
    assert set(freeing.held(program.definitions["ends"][0], 0)) == {0}
    assert set(freeing.held(program.definitions["ends_both"][0], 0)) == {16}
    assert freeing.held(program.definitions["put"][0], 0) == {}


def test_which_line_has_run_when_another_does(program: Program) -> None:
    function = program.definitions["either"][0]
    lines = {text.strip().split(" ")[0]: number for number, text in enumerate(function.body) if text.startswith("  ")}
    order = Order(function)
    first = next(number for number, text in enumerate(function.body) if text.startswith("  br i1"))
    assert order.is_before(first, lines["ret"]) and order.is_before(first, lines["%p"])
    assert not order.is_before(lines["%p"], lines["ret"]) and not order.is_before(lines["ret"], first)


def test_which_modules_declare_a_name() -> None:
    assert ir.declares(_C.encode(), frozenset({"elsewhere"})) and ir.declares(_C.encode(), frozenset({"free", "none"}))
    assert not ir.declares(_C.encode(), frozenset({"grow"}))  # it defines it
    assert not ir.declares(_C.encode(), frozenset({"where"}))  # a part of a name is none
    assert ir.declares(b"declare void @where(", frozenset({"where"}))  # reading it says what is wrong


_THROWS = """\
source_filename = "a.cpp"
declare void @_ZSt24__throw_out_of_range_fmtPKcz(ptr, ...)
declare void @_ZSt19__throw_logic_errorPKc(ptr)
declare void @__cxa_rethrow()
declare void @__cxa_throw(ptr, ptr, ptr)
define void @_ZNSt6vectorIiE4copyEv() {
  call void @__cxa_rethrow()
  unreachable
}
define void @checks(ptr %p) {
  call void @_ZSt19__throw_logic_errorPKc(ptr %p)
  call void @_ZNSt6vectorIiE4copyEv()
  call void (ptr, ...) @_ZSt24__throw_out_of_range_fmtPKcz(ptr %p)
  ret void
}
define void @throws(ptr %p) {
  call void @checks(ptr %p)
  call void @__cxa_throw(ptr %p, ptr null, ptr null)
  ret void
}
"""


def test_what_the_library_of_cxx_throws_is_no_throw_of_its_user() -> None:
    program = _program(_THROWS)
    checks, throws = program.definitions["checks"][0], program.definitions["throws"][0]
    assert way_out(program, checks, is_throw) is None and way_out(program, throws, is_throw)
    (last,) = way_out(program, checks, is_check) or []
    assert last[1].callee == "_ZSt24__throw_out_of_range_fmtPKcz"
