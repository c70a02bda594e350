"""The line model prints what it read, and finds the functions that LLVM finds.

Modules are generated as text that LLVM itself then prints (canonical form), with the
things that span lines or look like other things: switch tables, invokes, quoted names,
braces and quotes in strings, debug records, blocks without predecessors.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm
from hypothesis import given, settings
from hypothesis import strategies as st

from llvm_pass.ir.edit import Edits
from llvm_pass.ir.module import Module
from llvm_pass.ir.syntax import closing, parse_header, split_list
from llvm_pass.ir.types import TypeTable
from llvm_pass.runtime.convert import word_from_value

_NAMES = st.text(st.sampled_from("abz09._- ${}()[]<>;:,@%\\'"), min_size=1, max_size=12).map(
    lambda text: f'"{text.replace(chr(92), chr(92) * 2)}"'
)
_TYPES = st.recursive(
    st.sampled_from(["i1", "i8", "i17", "i32", "i64", "i128", "ptr", "float", "double", "x86_fp80", "half", "fp128"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: "{ " + ", ".join(parts) + " }"),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: "<{ " + ", ".join(parts) + " }>"),
        st.tuples(st.integers(1, 5), inner).map(lambda pair: f"[{pair[0]} x {pair[1]}]"),
    ),
    max_leaves=6,
)
_BODIES = st.sampled_from(
    [
        "  ret void",
        "  switch i32 %n, label %d [\n    i32 1, label %a\n    i32 2, label %d\n  ]\na:\n  br label %d\nd:\n  ret void",
        "  %v = load {T}, ptr %p\n  store {T} %v, ptr %p\n  ret void",
        '  call void asm sideeffect "}}; define {{", "~{{memory}}"()\n  ret void',
        "  %a = alloca {T}\n  %g = getelementptr {T}, ptr %a, i64 1\n  unreachable\nlost:\n  ret void",
    ]
)


@cache
def _context() -> llvm.ContextRef:
    return llvm.create_context()


@st.composite
def _modules(draw: st.DrawFn) -> str:
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    parts = [f'@{draw(st.just("text"))} = constant [7 x i8] c"}}\\0A@f(\\22{{"']
    for number, name in enumerate(names):
        if number and draw(st.booleans()):
            parts.append(f"declare void @{name}(ptr)")
            continue
        body = draw(_BODIES).format(T=draw(_TYPES))
        parts.append(f"define void @{name}(ptr %p, i32 %n) {{\n{body}\n}}")
    return "\n".join(parts)


@settings(max_examples=150, deadline=None)
@given(_modules())
def test_printing_without_edits_changes_nothing(source: str) -> None:
    text = str(llvm.parse_assembly(source, llvm.create_context()))
    module = Module(text)
    assert str(module) == text
    assert Edits(module).apply().rstrip("\n") == text.rstrip("\n")
    found = [function.name for function in module.functions]
    assert len(found) == source.count("define void @")
    assert len(module.declarations) == source.count("declare void @")
    for function in module.functions:
        assert function.header.text() == module.lines[function.start]


@settings(max_examples=150, deadline=None)
@given(_TYPES)
def test_types_measure_as_llvm_measures(text: str) -> None:
    kind = TypeTable([]).parse(text)
    module = llvm.parse_assembly(f"@x = external global {text}\n@y = external global i8", _context())
    layout = llvm.create_target_data("e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128")
    real = module.get_global_variable("x").global_value_type
    assert layout.get_abi_size(real) == kind.alloc_bytes
    assert layout.get_abi_alignment(real) == kind.align_bytes
    assert kind.pointers == ("ptr" in text)
    if kind.plain_bits and kind.store_bytes in (1, 2, 4, 8):
        assert "i64" in word_from_value("%v", "%w", kind)


@given(st.lists(_TYPES, max_size=5))
def test_lists_split_where_they_were_joined(types: list[str]) -> None:
    joined = ", ".join(types)
    assert split_list(joined) == types
    assert closing(f"({joined})", 0) == len(joined) + 1
    header = parse_header(f"declare void @f({joined}) #1")
    assert list(header.parameters) == types
    assert header.after == " #1"
