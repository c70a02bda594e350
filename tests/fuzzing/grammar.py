"""Modules of LLVM IR, generated: odd names, all kinds of globals, functions made of `forms`.

`module(choose)` draws everything from one function, so that hypothesis (which shrinks) and
a seeded random generator (which is fast) make the same modules.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st

from tests.fuzzing import forms
from tests.fuzzing.oracle import LAYOUT, printed

Item = TypeVar("Item")
Choose = Callable[[Sequence[str]], str]

# What has been taken for something else, or could be.
ODD = (
    " ", "}", "{", "(", ")", "[", "]", "<", ">", ",", ";", ":", "=", "@", "%", "!", "#", "\\", '"', "\n", "\t", "é", "\x7f",
    "define ", "declare ", "call void @f(", " @g(", ", ptr %q", ", align 4", "; preds = %x", "ptr %p, ptr %q", " asm ", "%x",
    "!dbg !3", ", !dbg !3", "blockaddress(@f0, %x)", "readonly ", " nofree ", "galeed.1", "attributes #0 = {", "to label",
    "store i8 0, ptr ", "i32", "x", "y", "0", "-", "$", ".", "c\"", "comdat(", " #0 ", "x y", "byval(", "sret(i8)",
)  # fmt: skip
PLAIN = ("a", "b.c", "_d", "$e", "f-g", "h9", "ptr", "define", "to", "x", "align", "load", "store", "_", ".", "-")
SCALARS = (
    "i1", "i7", "i8", "i17", "i24", "i32", "i64", "i65", "i128", "i256", "i1000", "half", "bfloat", "float", "double",
    "x86_fp80", "fp128", "ppc_fp128", "ptr", "ptr addrspace(1)", "ptr addrspace(270)", "<4 x i32>", "<3 x i8>", "<7 x i1>",
    "<2 x ptr>", "<5 x i24>", "<2 x x86_fp80>", "<16 x half>", "<3 x ptr addrspace(270)>", "[0 x i8]", "{}", "<{}>", "[3 x ptr]",
)  # fmt: skip
LINKAGES = (
    "",
    "internal ",
    "private ",
    "weak ",
    "weak_odr ",
    "linkonce ",
    "linkonce_odr ",
    "available_externally ",
    "external ",
)
CONVENTIONS = (
    "",
    "fastcc ",
    "coldcc ",
    "cc 99 ",
    "swiftcc ",
    "preserve_mostcc ",
    "tailcc ",
    "x86_stdcallcc ",
    "ghccc ",
    "spir_func ",
)
RESULTS = (
    "void",
    "noundef ptr",
    "signext i8",
    "range(i32 0, 5) i32",
    "noalias align 8 dereferenceable(8) ptr",
    "{ ptr, i32 }",
    "float",
)
TAILS = (
    "", " unnamed_addr", " local_unnamed_addr #0", ' #1 section "x y"', ' partition "p q" align 32', ' gc "statepoint-example"',
    " prefix i32 5", " prologue i8 1", ' #0 #1 section "}" align 16 gc "erlang" prefix ptr null', " comdat($odd)",
    ' section "a\\22, align 4" comdat($odd) align 8',
)  # fmt: skip


@dataclass
class _Maker:
    choose: Choose
    taken: set[str] = field(default_factory=set)
    types: list[str] = field(default_factory=list)

    def number(self, low: int, high: int) -> int:
        return int(self.choose([str(value) for value in range(low, high + 1)]))

    def text(self) -> str:
        """The inside of quotes: anything, as LLVM writes it."""
        return printed("", b" " + "".join(self.choose(ODD) for _ in range(self.number(0, 4))).encode())[1:-1]

    def name(self, sigil: str) -> str:
        if self.choose("ab") == "a":
            raw = self.choose(PLAIN).encode()
        else:
            raw = "".join(self.choose(ODD) for _ in range(self.number(1, 4))).encode()
        while printed(sigil, raw) in self.taken:
            raw += b"'"
        self.taken.add(printed(sigil, raw))
        return printed(sigil, raw)

    def type(self, depth: int = 2) -> str:
        shape = self.choose(("scalar", "scalar", "struct", "packed", "array", "named")) if depth else "scalar"
        if shape == "scalar" or (shape == "named" and not self.types):
            return self.choose(SCALARS)
        if shape == "named":
            return self.choose(self.types)
        if shape == "array":
            return f"[{self.number(1, 5)} x {self.type(depth - 1)}]"
        inside = ", ".join(self.type(depth - 1) for _ in range(self.number(1, 3)))
        return f"{{ {inside} }}" if shape == "struct" else f"<{{ {inside} }}>"


def module(choose: Choose) -> str:
    """A module's text; LLVM takes nearly all of them."""
    make = _Maker(choose)
    parts = [f'target datalayout = "{LAYOUT}"'] if choose("ab") == "a" else []
    parts.append(f'module asm "{make.text()}"')
    for _ in range(make.number(1, 3)):
        kind, name = f"{{ {make.type(1)} }}", make.name("%")
        parts.append(f"{name} = type {kind}")
        make.types.append(name)
    parts.append("$odd = comdat any")
    data = [make.name("@") for _ in range(2)]
    parts.append(f'{data[0]} = global {make.type()} zeroinitializer, section "{make.text()}", align 8')
    parts.append(
        f'{data[1]} = private unnamed_addr constant {{ [3 x i8], ptr }} {{ [3 x i8] c"@\\22}}", ptr {data[0]} }}, comdat($odd)'
    )
    parts.append(f"{make.name('@')} = weak hidden alias ptr, ptr {data[0]}")
    called = make.name("@")
    parts.append(
        f"declare void {called}(ptr noundef captures(none), ...)"
        if choose("ab") == "x"
        else f"declare void {called}(ptr)"
    )
    parts += [
        "declare void @variadic(...)",
        "declare i32 @__gxx_personality_v0(...)",
        "declare i32 @__CxxFrameHandler3(...)",
    ]
    for _ in range(make.number(1, 3)):
        parts.append(_function(make, called, data))
    parts.append(_FOOTER.replace("TEXT", make.text()))
    return "\n".join(parts)


def _function(make: _Maker, called: str, data: list[str]) -> str:
    choose, outer = make.choose, set(make.taken)
    name = make.name("@")
    outer.add(name)
    funclets = choose("aab") == "b"
    families = [forms.MEMORY, forms.POINTERS, forms.CALLS, forms.FUNCLETS if funclets else forms.ITANIUM]
    debug = "!dbg" not in make.taken  # one function has debug information: a node belongs to one only
    outer.add("!dbg")
    families += [forms.DEBUG] if debug else []
    names = {letter: make.name("%") for letter in "pqnws"}
    body = [f"{make.name('%')[1:]}:"] if choose("ab") == "a" else []
    for _ in range(make.number(1, 6)):
        piece = choose(forms.pieces(choose(families)))
        results = {f"r{at}": make.name("%") for at in range(4)}
        blocks = {f"b{at}": make.name("%") for at in range(3)}
        labels = {f"x{at}": f"{blocks[f'b{at}'][1:]}:" for at in range(3)}
        body.append(piece.format(
            **names, **results, **blocks, **labels, T=make.type(), P=choose(SCALARS[:8]), t=choose(make.types), f=called,
            g=choose(data), z=make.text(), k=make.number(0, 9), a=2 ** make.number(0, 6),
        ))  # fmt: skip
    result = choose(RESULTS)
    plain = result.split(" ")[-1] if "{" not in result else result
    end = {"void": "  ret void"}.get(plain, f"  ret {plain} {'null' if plain == 'ptr' else 'poison'}")
    linkage = choose(LINKAGES)
    visibility = "" if linkage in ("internal ", "private ") else choose(("", "hidden ", "protected ", "dso_local "))
    parameters = (
        f"ptr noundef {names['p']}, ptr byval(i64) align 8 {names['q']}, i64 {names['n']}, "
        f"i32 range(i32 0, 9) {names['w']}, ptr addrspace(1) {names['s']}"
    )
    dots = ", ..." if choose("aab") == "b" else ""
    convention = "" if dots else choose(CONVENTIONS)
    tail = choose(TAILS)
    if linkage == "available_externally ":
        tail = tail.split(" comdat")[0]
    personality = f" personality ptr @{'__CxxFrameHandler3' if funclets else '__gxx_personality_v0'}"
    make.taken = outer  # local names are free again
    place = " !dbg !11" if debug else ""
    head = f"define {linkage}{visibility}{convention}{result} {name}({parameters}{dots}){tail}{personality}{place} {{"
    text = "\n".join([head, *body, end, "}"])
    return text if debug else text.replace(", !dbg !14", "")


_FOOTER = r"""
attributes #0 = { nounwind "a b"="TEXT readonly nofree " memory(read) }
attributes #1 = { nofree willreturn uwtable(sync) "x y"="TEXT" }
attributes #2 = { strictfp }
!llvm.module.flags = !{!0}
!llvm.dbg.cu = !{!1}
!named\20odd = !{!7}
!0 = !{i32 2, !"Debug Info Version", i32 3}
!1 = distinct !DICompileUnit(language: DW_LANG_C11, file: !18, producer: "TEXT, file: !99", emissionKind: FullDebug)
!2 = !{i32 1}
!3 = !{!4, !4, i64 0}
!4 = !{!"TEXT", !5, i64 0}
!5 = !{!"TEXT"}
!6 = !{!19}
!7 = !{!"branch_weights", i32 1, i32 2}
!8 = distinct !{!8}
!9 = !{i64 0, i64 8, !3}
!10 = !{!"rsp"}
!11 = distinct !DISubprogram(name: "TEXT, file: !5", file: !18, line: 7, type: !12, unit: !1, spFlags: DISPFlagDefinition)
!12 = !DISubroutineType(types: !20)
!13 = !DILocalVariable(name: "TEXT", scope: !11, file: !18, type: !21)
!14 = !DILocation(line: 3, column: 4, scope: !11)
!15 = !{!"TEXT"}
!16 = !DILabel(scope: !11, name: "TEXT", file: !18, line: 4)
!17 = distinct !DIAssignID()
!18 = !DIFile(filename: "TEXT.c", directory: "/")
!19 = distinct !{!19, !22}
!20 = !{null}
!21 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!22 = distinct !{!22}
"""


def by_seed(seed: int) -> str:
    """A module; the same for the same number."""
    draw = random.Random(seed)
    return module(lambda items: draw.choice(items))


@st.composite
def modules(draw: st.DrawFn) -> str:
    """The strategy."""
    return module(lambda items: draw(st.sampled_from(items)))
