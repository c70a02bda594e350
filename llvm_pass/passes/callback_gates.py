"""Pass `callback-gates`: an indirect call may lead to the host.

Each indirect call goes through an internal thunk for its type: a raw function
pointer is called as it is, with foreign rights; a code handle opens the domain,
turns pointer arguments back, calls, lends the result and closes again. Creating a
thread goes through the runtime, which knows whether it can be kept out.

Where the policy's `callbacks` do not name the function that calls, the call stays as it
is: a code handle is no address that could be jumped to, and traps.
"""

from __future__ import annotations

import re

from llvm_pass import abi
from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Signature, read_returns, read_value
from llvm_pass.ir.syntax import Call, bare, blanked, parse_call
from llvm_pass.passes.base import Context
from llvm_pass.passes.crossing import arguments_through, called_inside, personality_of, result_in_memory
from llvm_pass.passes.groups import Groups
from llvm_pass.runtime.convert import leaves_mapped
from llvm_pass.runtime.helpers import Helpers

_CONVENTIONS = frozenset(("", "ccc", "fastcc", "coldcc"))
_INDIRECT = re.compile(r'(?:call|invoke) [^@]*?%(?:[\w.$-]+|"[^"]*")\(')
_GROUPS = re.compile(r" (#\d+)")
_RETURNED = re.compile(r"(?<=ptr)((?: [^%@]*?)?) returned(?= )")
_THREAD = "@pthread_create"


def run(context: Context) -> None:
    """Edits every call of a function pointer."""
    thunks = _Thunks(context)
    for function in context.module.functions:
        if function.helper:
            continue
        context.function = function
        open_here = context.policy.allows("callbacks", bare(function.name))
        for number in range(function.start + 1, function.end):
            line = context.module.lines[number]
            if line[:2] != "  " or ("call " not in line and "invoke " not in line):
                continue
            context.line = number
            if f"{_THREAD}(" in line and _THREAD in context.module.declarations:
                context.edits.declare(
                    "@galeed_pthread_create", "declare i32 @galeed_pthread_create(ptr, ptr, ptr, ptr)"
                )
                context.edits.replace(number, line.replace(f"{_THREAD}(", "@galeed_pthread_create("))
                context.stats["thread creations"] += 1
            elif open_here and _INDIRECT.search(blanked(line)):
                thunks.rewrite(function, number, line)


class _Thunks:
    def __init__(self, context: Context) -> None:
        self._context, self._edits, self._types = context, context.edits, context.module.types
        self._helpers = Helpers(context.edits, context.module.metadata)
        self._groups = Groups(context.module, context.edits)
        self._made: dict[tuple[Signature, str, str], str] = {}

    def rewrite(self, function: Function, number: int, line: str) -> None:
        """Looks at one call line."""
        call = parse_call(line)
        if call is None or not call.callee.startswith("%"):
            return
        convention, result, left_over = read_returns(self._types, call.signature)
        reason = ""
        if call.marker == "musttail":
            reason = "indirect call that must be a jump (musttail)"
        elif convention not in _CONVENTIONS:
            reason = f"indirect call with convention {convention}"
        read = [read_value(self._types, text) for text in call.arguments] if not reason else []
        if any("nest" in value.attributes.split() for value, _ in read):
            reason = "indirect call with a static chain"
        if any(value.in_place for value, _ in read):
            reason = "indirect call with arguments built in place"
        if reason:
            self._context.missed("IndirectCall", f"{reason} cannot reach the host", function, line)
            return
        signature = Signature(convention, result, tuple(value for value, _ in read), variadic=False)
        # With dots in the type (or, in old C, no parameters): the thunk takes what this call
        # passes, and calls with the dots, so that the callee finds everything in its place.
        thunk = self._thunk(signature, left_over, function)
        self._edits.replace(number, _through(call, thunk, call.signature.removesuffix(left_over).rstrip()))
        self._context.stats["indirect calls"] += 1

    def _thunk(self, signature: Signature, shape: str, function: Function) -> str:
        own = tuple(_GROUPS.findall(function.header.after.split(" personality ")[0]))
        group = self._groups.for_gate(own)
        known = self._made.get((signature, shape, group))
        if known is None:
            known = f"@galeed.callback.{len(self._made)}"
            self._made[(signature, shape, group)] = known
            self._edits.define(known, self._body(known, signature, shape, group))
            self._context.stats["thunks"] += 1
        return known

    def _body(self, name: str, signature: Signature, shape: str, group: str) -> str:
        helpers, void = self._helpers, signature.is_void
        parameters = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
        copies = any(value.in_memory for value in signature.parameters)
        returns = f"{signature.returns()} {shape}".rstrip()
        personality = f" personality ptr {personality_of(self._edits)}"
        unlikely = self._context.module.metadata.node('!{!"branch_weights", i32 1, i32 2000}')
        result = "" if void else "%same = "
        after = f'{group} section "galeed_text"{personality} {{'
        # The function travels in the static chain's register: all arguments stay where they are.
        lines = [
            f"define internal {signature.returns()} {name}({', '.join([*parameters, 'ptr nest %function'])}) {after}",
            "start:",
            "  %token = alloca i64, align 16",
            "  %bits = ptrtoint ptr %function to i64",
            f"  %tag = lshr i64 %bits, {abi.TAG_SHIFT}",
            f"  %handle = icmp eq i64 %tag, {abi.TAG}",
            f"  br i1 %handle, label %host, label %plain, !prof {unlikely}",
            "",
            "plain:",
            f"  {result}{'' if copies else 'tail '}call {returns} %function({', '.join(parameters)})",
            "  ret void" if void else f"  ret {signature.result.kind.text} %same",
            "",
            "host:",
            f"  %address = call {helpers.runtime('galeed_callback_enter')}(i64 %bits, ptr %token)",
        ]
        arguments = arguments_through("galeed_callback_argument", signature, lines, helpers, self._types)
        invocation = f"{returns} %address({', '.join(arguments)})"
        target = "" if void else "%got = "
        leave = helpers.runtime("galeed_callback_exit")
        lines += called_inside(
            target, invocation, self._finish(signature, leave), helpers.runtime("galeed_callback_thrown")
        )
        return "\n".join([*lines, "}"])

    def _finish(self, signature: Signature, leave: str) -> list[str]:
        close = f"  call {leave}(ptr %token)"
        if signature.is_void:
            written = result_in_memory("galeed_callback_result", signature, self._helpers, self._types)
            return [*written, close, "  ret void"]
        kind = signature.result.kind
        if not kind.pointers:
            return [close, f"  ret {kind.text} %got"]
        lend = self._helpers.through_word("galeed_callback_result")
        mapped = leaves_mapped(kind, "%got", "%given", lambda value: f"call ptr {lend}(ptr {value})")
        return [mapped, close, f"  ret {kind.text} %given"]


def _through(call: Call, thunk: str, signature: str) -> str:
    result = f"{call.result} = " if call.result else ""
    marker = f"{call.marker} " if call.marker else ""
    # What the host returns for a handle may be another one of the same memory.
    given = [_RETURNED.sub(r"\1", text) for text in call.arguments]
    arguments = ", ".join([*given, f"ptr nest {call.callee}"])
    return f"  {result}{marker}{call.kind} {signature} {thunk}({arguments}){call.rest}"
