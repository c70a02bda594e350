"""Pass `checked-calls`: calls of the C library, checked before they are made.

A call of a function that libc/'s table knows, and that may be given a pseudo-pointer, goes
through a wrapper of its own (runtime/call.py). It runs behind `pseudo-pointers`, whose
analysis knows the functions by their names.

Other functions that the module only declares may have been rewritten or not; nothing here
can tell. By the policy's `on-unrewritten-call` they get pseudo-pointers as they are (and an
Analysis remark says so), copies of all that was lent from there on, or none: an error.

Attacker: chooses every argument at run time. What has no wrapper traps on a handle, as
everything does that was not rewritten; it is reported as Missed.
"""

from __future__ import annotations

import re

from llvm_pass.analysis.roots import OWN_MEMORY, Roots
from llvm_pass.errors import UsageError
from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Signature, read_returns, read_value
from llvm_pass.ir.syntax import Call, argument_value, bare, metadata_of, parse_call, parse_header
from llvm_pass.ir.types import TypeSyntaxError
from llvm_pass.libc.table import Shape, Use, builtin, parse
from llvm_pass.passes.base import Context
from llvm_pass.passes.borrows import NAMES
from llvm_pass.policy import Policy, PolicyError
from llvm_pass.remarks import Remark
from llvm_pass.runtime.call import fits, wrapper
from llvm_pass.runtime.helpers import NOT_A_NAME, Helpers

# What the passes themselves have put there, and what others of them serve.
_OWN = re.compile(r"llvm\.|galeed_|mpk_|__gcc_personality|__gxx_personality|__cxa_|_Unwind_")
_SERVED = NAMES | OWN_MEMORY | {"@free", "@pthread_create", "@_ZdlPv", "@_ZdaPv", "@_ZdlPvm", "@_ZdaPvm"}
_CALLED = re.compile(r"(?:call|invoke) [^@%]*@([\w.$]+)\(|(?:call|invoke) .*? @([\w.$]+)\(")


def run(context: Context) -> None:
    """Edits the calls of functions in the table that the module declares."""
    declared = {bare(name) for name in context.module.declarations}
    table = {**builtin(), **rows_of(context.policy)}
    known = {name: shape for name, shape in table.items() if name in declared}
    others = {name for name in declared - known.keys() if not _OWN.match(name) and f"@{name}" not in _SERVED}
    if not known and not others:
        return
    calls = _Calls(context, known, others)
    for function in context.module.functions:
        if not function.helper:
            context.function = function
            calls.look_into(function)


def rows_of(policy: Policy) -> dict[str, Shape]:
    """The policy's rows. Raises PolicyError."""
    found: dict[str, Shape] = {}
    for name, row in policy.calls.items():
        try:
            found |= parse({name: row}, policy.where("calls", name))
        except UsageError as error:
            raise PolicyError(str(error)) from error
    return found


class _Calls:
    def __init__(self, context: Context, known: dict[str, Shape], others: set[str]) -> None:
        self._context, self._known, self._others = context, known, others
        self._mode = context.policy.word("on-unrewritten-call") or "lend"
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
            called = match.group(1) or match.group(2) if match else None
            if called not in self._known and called not in self._others:
                continue
            call = parse_call(line)
            if call is None or not call.callee.startswith("@"):
                continue
            self._context.line = number
            shape = self._known.get(bare(call.callee))
            if shape is None and (self._mode == "lend" or bare(call.callee) not in self._others):
                self._say(function, line, call)
                continue
            roots = roots or self._context.roots(function)
            if shape is None:
                shape = self._unknown(function, line, call, roots)
            self._rewrite(function, number, line, call, shape, roots)

    def _say(self, function: Function, line: str, call: Call) -> None:
        """Once for each function that a pseudo-pointer may reach."""
        name = bare(call.callee)
        if name in self._others and any(text.startswith("ptr") and argument_value(text) for text in call.arguments):
            self._others.discard(name)
            place = self._context.module.metadata.place(metadata_of(line).get("dbg"))
            why = f"{name} has no body here and no row in calls: unless it is rewritten too, pseudo-pointers trap there"
            remark = Remark("Analysis", self._context.pass_name, "ExternalCall", bare(function.name), why, place)
            self._context.remarks.append(remark)

    def _unknown(self, function: Function, line: str, call: Call, roots: Roots) -> Shape:
        """What the policy says of functions without a row. Raises PolicyError."""
        header = parse_header(self._context.module.lines[self._context.module.declarations[call.callee]])
        fixed = [text for text in header.parameters if text != "..."]
        lent, other = Use("rest", "rest"), Use("-", "opaque")
        uses = tuple(lent if text.startswith("ptr") and "byval(" not in text else other for text in fixed)
        shape = Shape(uses, variadic=len(fixed) < len(header.parameters))
        if self._mode == "refuse" and self._lendable(call, shape, roots):
            place = self._context.module.metadata.place(metadata_of(line).get("dbg"))
            where = f"{place.file}:{place.line}: " if place else ""
            raise PolicyError(
                f"{where}{bare(function.name)} may give a pseudo-pointer to {bare(call.callee)}, which has no body here: "
                f"{self._context.policy.where('on-unrewritten-call')} refuses that; describe it in [calls.{bare(call.callee)}]"
            )
        return shape

    def _rewrite(self, function: Function, number: int, line: str, call: Call, shape: Shape, roots: Roots) -> None:
        if shape.instead:
            self._helpers.runtime(shape.instead)
            self._context.edits.replace(number, line.replace(f" {call.callee}(", f" @{shape.instead}(", 1))
            self._context.stats["checked calls"] += 1
            return
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
