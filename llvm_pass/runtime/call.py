"""Wrappers of functions that are not rewritten.

A wrapper tests its pointers for the tag. Without one it calls the function at once.
With one, it writes all arguments to eightbytes, lets the runtime check what the function
will touch and put addresses in the handles' place, calls, and lets the runtime bring
home what was written. Arguments behind the dots follow at an even index, laid out as in a
va_list's overflow area [psABI 3.5.7], so that the runtime reads both alike.

Invariant: the function never sees a handle in an argument that the shape says it reads.
The wrapper is never inlined: its return address is the caller's line in a report.
"""

from __future__ import annotations

from llvm_pass import abi
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.signature import Signature
from llvm_pass.libc.table import Shape
from llvm_pass.runtime.helpers import NOT_A_NAME, Helpers

_RETURN_ADDRESS = "@llvm.returnaddress"
_LENGTH_BITS = 32  # an int that is a length: below zero it means nothing
_SMAX = "@llvm.smax.i64"


def fits(signature: Signature, shape: Shape) -> bool:
    """Can a call of this type go through a wrapper?"""
    count, fixed = len(signature.parameters), len(shape.uses)
    if signature.convention or count < fixed or (count > fixed and not shape.variadic):
        return False
    pointers = (signature.parameters[n].kind.kind == "pointer" for n, use in enumerate(shape.uses) if use.memory)
    kinds = [value.kind for value in signature.parameters]
    result = signature.result.kind
    return (
        all(pointers)
        and not any(value.in_memory for value in signature.parameters)
        and all(_passable(kind.kind, kind.text, kind.store_bytes) for kind in kinds)
        and (shape.result == abi.NO_ARGUMENT or result.kind == "pointer")
    )


def _passable(kind: str, text: str, nbytes: int) -> bool:
    return kind == "pointer" or (kind == "integer" and nbytes <= 8) or text in ("float", "double", "x86_fp80")


def places(signature: Signature, fixed: int) -> list[int]:
    """The index of each argument's eightbyte."""
    found, at = list(range(fixed)), fixed + fixed % 2
    for value in signature.parameters[fixed:]:
        wide = value.kind.text == "x86_fp80"
        at += at % 2 if wide else 0
        found.append(at)
        at += 2 if wide else 1
    return found


def wrapper(helpers: Helpers, edits: Edits, name: str, callee: str, shape: Shape, signature: Signature) -> None:
    """Defines `name`, which stands for calls of `callee` with this type."""
    fixed, variadic = len(shape.uses), shape.variadic
    parameters = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
    dots = f" ({', '.join([*(v.kind.text for v in signature.parameters[:fixed]), '...'])})" if variadic else ""
    kind, void = signature.result.kind, signature.is_void
    head = f"define internal {signature.returns()} {name}({', '.join(parameters)})"
    tested = [n for n, value in enumerate(signature.parameters) if value.kind.kind == "pointer" and _test(shape, n)]
    at = places(signature, fixed)
    size = (max(at, default=0) + 2) if at else 1
    body = [f'{head} noinline uwtable section "galeed_text" {{', "start:"]
    body += [f"  %words = alloca [{size} x i64], align 16", "  %loans = alloca ptr, align 8"]
    body += _condition(tested, shape)
    target = "" if void else "%same = "
    body += ["", "plain:", f"  {target}call {signature.returns()}{dots} {callee}({', '.join(parameters)})"]
    body += ["  ret void" if void else f"  ret {kind.text} %same", "", "lent:"]
    zero = "  ret void" if void else f"  ret {kind.text} zeroinitializer"
    if shape.refused or any(use.word == "kept" for use in shape.uses):
        why = shape.refused or "it keeps the memory beyond the call"
        text = helpers.constant("call." + NOT_A_NAME.sub(".", callee[1:]), f"{callee[1:]} of lent memory, {why}")
        body += [f"  call {helpers.runtime('galeed_unsupported')}(ptr {text})", zero, "}"]
        edits.define(name, "\n".join(body))
        return
    body += _stored(signature, shape, at)
    described = describe(edits, callee, shape, size - fixed if variadic else 0)
    edits.declare(_RETURN_ADDRESS, f"declare ptr {_RETURN_ADDRESS}(i32 immarg)")
    begin, end = helpers.runtime("galeed_call_begin"), helpers.runtime("galeed_call_end")
    body += [
        "  store ptr null, ptr %loans, align 8",
        f"  %from = call ptr {_RETURN_ADDRESS}(i32 0)",
        "  %pc = ptrtoint ptr %from to i64",
        f"  %verdict = call {begin}(ptr {described}, ptr %words, ptr %loans, i64 %pc)",
        "  %allowed = icmp ne i32 %verdict, 0",
        "  br i1 %allowed, label %call, label %refused",
        "",
        "call:",
    ]
    passed = []
    for number, value in enumerate(signature.parameters):
        own = f"%a{number}"
        if value.kind.kind == "pointer" and (number >= fixed or shape.uses[number].memory):
            own = f"%x{number}"
            body += [
                f"  %y{number} = getelementptr i64, ptr %words, i64 {at[number]}",
                f"  {own} = load ptr, ptr %y{number}, align 8",
            ]
        passed.append(f"{value.text()} {own}")
    target = "" if void else "%got = "
    body.append(f"  {target}call {signature.returns()}{dots} {callee}({', '.join(passed)})")
    word = "0"
    if kind.kind == "pointer":
        word = "%result"
        body.append("  %result = ptrtoint ptr %got to i64")
    elif kind.kind == "integer":
        word = "%result" if kind.text != "i64" else "%got"
        body += [f"  %result = sext {kind.text} %got to i64"] if kind.text != "i64" else []
    body.append(
        f"  %home = call i64 {end.removeprefix('i64 ')}(ptr {described}, ptr %words, ptr %loans, i64 {word}, i64 %pc)"
    )
    if kind.kind == "pointer":
        body += ["  %given = inttoptr i64 %home to ptr", "  ret ptr %given"]
    else:
        body.append("  ret void" if void else f"  ret {kind.text} %got")
    body += ["", "refused:", zero, "}"]
    edits.define(name, "\n".join(body))


def _test(shape: Shape, number: int) -> bool:
    """May this pointer, when it carries the tag, not go to the function as it is?"""
    return (
        number >= len(shape.uses)
        or shape.uses[number].memory
        or shape.uses[number].word == "kept"
        or bool(shape.refused)
    )


def _condition(tested: list[int], shape: Shape) -> list[str]:
    if shape.always or not tested:
        return [f"  br label %{'lent' if shape.always else 'plain'}"]
    lines, last = [], "false"
    for n in tested:
        lines += [
            f"  %b{n} = ptrtoint ptr %a{n} to i64",
            f"  %t{n} = lshr i64 %b{n}, {abi.TAG_SHIFT}",
            f"  %h{n} = icmp eq i64 %t{n}, {abi.TAG}",
            f"  %any{n} = or i1 %h{n}, {last}",
        ]
        last = f"%any{n}"
    return [*lines, f"  br i1 {last}, label %lent, label %plain"]


def _stored(signature: Signature, shape: Shape, at: list[int]) -> list[str]:
    lines = []
    for n, value in enumerate(signature.parameters):
        kind, own = value.kind, f"%a{n}"
        lines.append(f"  %s{n} = getelementptr i64, ptr %words, i64 {at[n]}")
        text = kind.text
        if kind.kind == "integer" and text != "i64":
            lines.append(f"  %i{n} = sext {text} {own} to i64")
            own, text = f"%i{n}", "i64"
            if n in shape.lengths and kind.store_bytes * 8 == _LENGTH_BITS:
                lines += [f"  %l{n} = icmp slt i64 {own}, 0", f"  %m{n} = select i1 %l{n}, i64 0, i64 {own}"]
                own = f"%m{n}"
        lines.append(f"  store {text} {own}, ptr %s{n}, align 8")
    return lines


def describe(edits: Edits, callee: str, shape: Shape, slots: int, label: str = "") -> str:
    """The struct galeed_shape of a function, and its uses behind it. label: of its own, for its name."""
    bare = label or NOT_A_NAME.sub(".", callee[1:])
    text, name = f"@galeed.text.callee.{bare}", f"@galeed.shape.{bare}.{slots}"
    edits.declare(text, f'{text} = private unnamed_addr constant [{len(callee)} x i8] c"{callee[1:]}\\00", align 1')
    use = "{ i8, i8, i8, i8, i32 }"
    uses = ", ".join(
        f"{use} {{ i8 {_byte(abi.EXTENT[u.extent])}, i8 {int(u.writes)}, i8 {_byte(u.first)}, i8 {_byte(u.second)}, i32 {u.unit} }}"
        for u in shape.uses
    )
    fixed = len(shape.uses)
    edits.declare(
        name,
        f"{name} = private unnamed_addr constant {{ ptr, i8, i8, i16, i32, [{fixed} x {use}] }} "
        f"{{ ptr {text}, i8 {fixed}, i8 {_byte(shape.result)}, i16 {slots}, i32 0, [{fixed} x {use}] [{uses}] }}, align 8",
    )
    return name


def _byte(value: int) -> int:
    """As an i8 that LLVM prints so."""
    return value - 256 if value > 127 else value
