"""The line model prints what it read, and finds the functions that LLVM finds.

Modules are generated as text that LLVM itself then prints (canonical form), with the
things that span lines or look like other things: switch tables, invokes, quoted names,
braces and quotes in strings, debug records, blocks without predecessors.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llvm_pass.analysis import roots
from llvm_pass.ir import module as module_file
from llvm_pass.ir import syntax, types
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.module import Module
from llvm_pass.ir.syntax import closing, parse_header, split_list
from llvm_pass.ir.types import TypeTable
from llvm_pass.runtime.convert import word_from_value
from tests.conftest import RunPython
from tests.fuzzing import oracle
from tests.fuzzing.oracle import LAYOUT, differences

_NAMES = st.text(st.sampled_from("abz09._- ${}()[]<>;:,@%\\'"), min_size=1, max_size=12).map(
    lambda text: f'"{text.replace(chr(92), chr(92) * 2)}"'
)
_TYPES = st.recursive(
    st.sampled_from(
        [
            *("i1", "i8", "i17", "i24", "i32", "i64", "i65", "i128", "i256", "i1000", "ptr", "ptr addrspace(1)"),
            *("ptr addrspace(270)", "half", "bfloat", "float", "double", "x86_fp80", "fp128", "ppc_fp128", "<3 x i8>"),
            *("<4 x i32>", "<7 x i1>", "<2 x ptr>", "<3 x ptr addrspace(271)>", "<5 x i24>", "<2 x x86_fp80>", "{}"),
        ]
    ),
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
    assert "\n".join(Edits(module).lines()).rstrip("\n") == text.rstrip("\n")
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
    layout = llvm.create_target_data(LAYOUT)
    real = module.get_global_variable("x").global_value_type
    assert layout.get_abi_size(real) == kind.alloc_bytes
    assert layout.get_abi_alignment(real) == kind.align_bytes
    assert kind.pointers == bool(re.search(r"\bptr\b(?! addrspace)", text))
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


_ODD = sorted((Path(oracle.__file__).parent / "odd").glob("*.ll"))


@pytest.mark.parametrize("path", _ODD, ids=lambda path: path.stem)
def test_odd_forms_are_read_as_llvm_reads_them(path: Path) -> None:
    assert differences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("where", "name", "worse"),
    [
        (roots, "_LOOKED_AT", {start: word for start, word in roots._LOOKED_AT.items() if word != "cmpxchg"}),
        (roots, "_PHI", re.compile(r"\[ (.+), (%\w+) \]")),
        (roots, "found_in", lambda pattern, text: (match.groups() for match in pattern.finditer(text))),
        (syntax, "blanked", lambda text: text),
        (module_file, "blanked", lambda text: text),
        (roots, "block_of_label", lambda line: "%" + line[: line.index(":")]),
        (types, "_NARROW", frozenset()),
        (types, "_FLOATS", {**types._FLOATS, "x86_fp80": (16, 16)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_oracle_sees_a_worse_model(
    where: object, name: str, worse: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, modules on which both agree would prove nothing."""
    monkeypatch.setattr(where, name, worse)
    found = []
    for path in _ODD:
        try:
            found += differences(path.read_text(encoding="utf-8"))
        except ValueError as error:  # brackets that do not close
            found.append(str(error))
    assert found


@pytest.mark.slow
def test_generated_and_mutated_modules(run_python: RunPython, tmp_path: Path) -> None:
    """The same trials each time; `make fuzz` makes more."""
    words = ["lines", "--trials", "160", "--seconds", "400", "--keep", str(tmp_path)]
    outcome = run_python(
        "from tests.fuzzing.__main__ import main; raise SystemExit(main())", *words, timeout_seconds=500
    )
    assert outcome.code == 0, outcome
    right = re.search(r"(\d+) right", outcome.stdout)
    assert right and int(right.group(1)) > 80, outcome
