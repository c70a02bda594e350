"""Pass `checked-calls`: calls of the C library, checked before they are made.

A call of a function that libc/'s table knows, and that may be given a pseudo-pointer, goes
through a wrapper of its own (runtime/call.py). It runs behind `pseudo-pointers`, whose
analysis knows the functions by their names.

Attacker: chooses every argument at run time. What has no wrapper traps on a handle, as
everything does that was not rewritten; it is reported as Missed.
"""

from __future__ import annotations

import re

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Signature, read_returns, read_value
from llvm_pass.ir.syntax import Call, argument_value, bare, parse_call
from llvm_pass.ir.types import TypeSyntaxError
from llvm_pass.libc.table import Shape, builtin
from llvm_pass.passes.base import Context
from llvm_pass.runtime.call import fits, wrapper
from llvm_pass.runtime.helpers import NOT_A_NAME, Helpers

_CALLED = re.compile(r"(?:call|invoke) [^@%]*@([\w.$]+)\(|(?:call|invoke) .*? @([\w.$]+)\(")


def run(context: Context) -> None:
    """Edits the calls of functions in the table that the module declares."""
    declared = {bare(name) for name in context.module.declarations}
    known = {name: shape for name, shape in builtin().items() if name in declared}
    if not known:
        return
    calls = _Calls(context, known)
    for function in context.module.functions:
        if not function.helper:
            context.function = function
            calls.look_into(function)


class _Calls:
    def __init__(self, context: Context, known: dict[str, Shape]) -> None:
        self._context, self._known = context, known
        self._types = context.module.types
        self._helpers = Helpers(context.edits, context.module.metadata)
        self._made: dict[tuple[str, Signature], str] = {}

    def look_into(self, function: Function) -> None:
        """Rewrites the calls of one function."""
        lines = self._context.module.lines
        roots: Roots | None = None
        for number in range(function.start + 1, function.end):
            line = lines[number]
            if "@" not in line or ("call " not in line and "invoke " not in line):
                continue
            match = _CALLED.search(line)
            shape = self._known.get(match.group(1) or match.group(2)) if match else None
            if shape is None:
                continue
            call = parse_call(line)
            if call is None or bare(call.callee) not in self._known or not call.callee.startswith("@"):
                continue
            self._context.line = number
            roots = roots or Roots(self._context.module, function)
            self._rewrite(function, number, line, call, self._known[bare(call.callee)], roots)

    def _rewrite(self, function: Function, number: int, line: str, call: Call, shape: Shape, roots: Roots) -> None:
        if not shape.always and not self._lendable(call, shape, roots):
            self._context.stats["raw calls"] += 1
            return
        try:
            convention, result, left_over = read_returns(self._types, call.signature)
            read = [read_value(self._types, text) for text in call.arguments]
        except (TypeSyntaxError, ValueError) as error:
            self._missed(function, line, call, str(error))
            return
        signature = Signature(convention, result, tuple(value for value, _ in read), variadic=False)
        if call.marker == "musttail" or call.kind == "callbr":
            self._missed(function, line, call, f"it is a {call.marker or call.kind}")
            return
        if not fits(signature, shape):
            self._missed(function, line, call, "its type is not that of the table")
            return
        name = self._wrapper(call.callee, shape, signature)
        if shape.refused:
            self._missed(function, line, call, shape.refused)
        # A wrapper that is jumped to would report its caller's caller.
        marker = "notail " if call.kind == "call" else ""
        target = f"{call.result} = " if call.result else ""
        returns = call.signature.removesuffix(left_over).rstrip()
        new = f"  {target}{marker}{call.kind} {returns} {name}({', '.join(call.arguments)}){call.rest}"
        self._context.edits.replace(number, new)
        self._context.stats["checked calls"] += 1

    def _lendable(self, call: Call, shape: Shape, roots: Roots) -> bool:
        """May one of the pointers that the function uses be a pseudo-pointer?"""
        for number, text in enumerate(call.arguments):
            if not text.startswith("ptr"):
                continue
            used = number >= len(shape.uses) or shape.uses[number].memory or shape.uses[number].word == "kept"
            value = argument_value(text)
            if (used or shape.refused) and value is not None and roots.origin(value).kind != "raw":
                return True
        return False

    def _wrapper(self, callee: str, shape: Shape, signature: Signature) -> str:
        known = self._made.get((callee, signature))
        if known is None:
            number = sum(name == callee for name, _ in self._made)
            known = f"@galeed.call.{NOT_A_NAME.sub('.', callee[1:])}" + (f".{number}" if number else "")
            wrapper(self._helpers, self._context.edits, known, callee, shape, signature)
            self._made[callee, signature] = known
            self._context.stats["wrappers"] += 1
        return known

    def _missed(self, function: Function, line: str, call: Call, why: str) -> None:
        self._context.missed("LibraryCall", f"call of {call.callee[1:]} is not checked: {why}", function, line)
