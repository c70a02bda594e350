"""Variadic functions that the host can call: the body takes its further arguments as a va_list.

    f            makes a va_list and calls f.gate          (whoever calls by name or pointer)
    f.gate       the gate, of fixed arguments and the list
    f.foreign    makes a va_list and calls f.listed        (foreign code, directly)
    f.listed     the body: va_start became va_copy of the list

Invariant: the registers that the host's list saves lie in the frame of `f`, above the gate's
token. The gate lends both areas of the list as the host's stack: so the pointers among the
arguments are lent when the body loads them, and only where it loads pointers. Lists of
foreign code stay as they are. Source: System V ABI x86-64, 3.5.7.
"""

from __future__ import annotations

import re
from dataclasses import replace

from llvm_pass.ir.edit import Edits
from llvm_pass.ir.module import Function, Module
from llvm_pass.ir.signature import Definition, Signature, Value
from llvm_pass.ir.syntax import sibling
from llvm_pass.ir.types import Type
from llvm_pass.passes.base import Context
from llvm_pass.passes.direct_calls import after_name

LISTED_SUFFIX, GATE_SUFFIX = ".listed", ".gate"
LIST = "%galeed.list"
_LIST_TYPE = "[24 x i8]"
_AREAS = (("overflow", 8), ("saved", 16))  # overflow_arg_area, reg_save_area
_OWN = Type("ptr", "other")  # not a pointer to lend: the gate's own
_START = re.compile(r"(  (?:tail )?call void )@llvm\.va_start\.p0\((ptr [^()]*)\)")


def can_be_listed(module: Module, function: Function, definition: Definition) -> bool:
    """A function that hands its dots on to another one, in a jump, cannot."""
    if definition.signature.convention or any(value.in_place for value in definition.signature.parameters):
        return False
    lines = module.lines[function.start + 1 : function.end]
    starts = [line for line in lines if "@llvm.va_start" in line]
    return not any("musttail " in line for line in lines) and all(_START.match(line) for line in starts)


def listed(signature: Signature) -> Signature:
    """The same with a list in place of the dots."""
    parameters = (*signature.parameters, Value(_OWN, ""))
    return replace(signature, parameters=parameters, variadic=False)


def take_list(context: Context, function: Function) -> None:
    """Edits the body: it copies the list that it was given."""
    for number in range(function.start + 1, function.end):
        line = context.module.lines[number]
        match = _START.match(line)
        if match:
            context.edits.declare("@llvm.va_copy.p0", "declare void @llvm.va_copy.p0(ptr, ptr)")
            new = f"{match[1]}@llvm.va_copy.p0({match[2]}, ptr {LIST}){line[match.end() :]}"
            context.edits.replace(number, new)


def lent_list(lines: list[str], argument: str, lend: str, edits: Edits) -> str:
    """Adds to a gate's host side a copy of its list with both areas lent; returns that as an argument.

    lend: the helper that lends a pointer.
    """
    edits.declare("@llvm.va_copy.p0", "declare void @llvm.va_copy.p0(ptr, ptr)")
    lines += [f"  %list = alloca {_LIST_TYPE}, align 16", f"  call void @llvm.va_copy.p0(ptr %list, {argument})"]
    for name, offset in _AREAS:
        lines += [
            f"  %{name} = getelementptr i8, ptr %list, i64 {offset}",
            f"  %{name}.own = load ptr, ptr %{name}, align 8",
            f"  %{name}.lent = call ptr {lend}(ptr %{name}.own)",
            f"  store ptr %{name}.lent, ptr %{name}, align 8",
        ]
    return "ptr %list"


def with_list(
    context: Context, definition: Definition, before: str, own: str, callee: str, group: str, comdat: str
) -> str:
    """A variadic function `own` that makes the list and calls `callee` with it."""
    signature = definition.signature
    parameters = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
    arguments = ", ".join([*parameters, "ptr %list"])
    target, result = ("", "void") if signature.is_void else ("%same = ", f"{signature.result.kind.text} %same")
    for name in ("start", "end"):
        context.edits.declare(f"@llvm.va_{name}.p0", f"declare void @llvm.va_{name}.p0(ptr)")
    after = after_name(definition, group, comdat, " {")
    return "\n".join(
        [
            f"{before}{signature.returns()} {own}({', '.join([*parameters, '...'])}){after}",
            f"  %list = alloca {_LIST_TYPE}, align 16",
            "  call void @llvm.va_start.p0(ptr %list)",
            f"  {target}call {signature.returns()} {callee}({arguments})",
            "  call void @llvm.va_end.p0(ptr %list)",
            f"  ret {result}",
            "}",
        ]
    )


def names(name: str) -> tuple[str, str]:
    """(the gate of fixed arguments, the body)."""
    return sibling(name, GATE_SUFFIX), sibling(name, LISTED_SUFFIX)
