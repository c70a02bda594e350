"""Calls: memcpy and its kin become helpers; forms that cannot be checked are reported."""

from __future__ import annotations

import re

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import Call, argument_value, parse_call, skip_attributes
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.passes.entries import Entries
from llvm_pass.runtime.helpers import Helpers

_INTRINSIC = re.compile(r"^@(llvm\.(?:memcpy|memmove|memset)(?:\.inline)?)\.p0(?:\.p0)?\.(i\d+)$")
_LIBRARY = {"@memcpy": "llvm.memcpy", "@memmove": "llvm.memmove", "@memset": "llvm.memset"}
_ALIGN = re.compile(r" align (\d+)")
_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more
# Intrinsics that touch no memory through their pointers, or only C's own stack.
_HARMLESS = re.compile(
    r"@llvm\.(?:lifetime|dbg|assume|invariant|launder|strip|prefetch|stack|va_|ptrmask|objectsize|ptr\.annotation|"
    r"var\.annotation|annotation|threadlocal|eh\.|frameaddress|returnaddress|addressofreturnaddress|expect|is\.constant|"
    r"experimental\.noalias|localescape|sideeffect|trap|ubsantrap|debugtrap|fake\.use|allow|type\.|preserve|ssa\.copy|"
    r"umax|umin|abs|bswap|ctpop|donothing|pseudoprobe|instrprof|clear_cache)"
)


class BlockCalls:
    """Rewrites the calls of one function that touch memory by themselves."""

    def __init__(self, context: Context, function: Function, roots: Roots, entries: Entries, helpers: Helpers) -> None:
        self._context, self._function, self._roots = context, function, roots
        self._entries, self._helpers = entries, helpers

    def rewrite(self, number: int) -> None:
        """Looks at one call line."""
        line = self._context.module.lines[number]
        if "@llvm." not in line and " asm " not in line and not any(f"{name}(" in line for name in _LIBRARY):
            return
        call = parse_call(line)
        if call is None:
            return
        match = _INTRINSIC.match(call.callee)
        if match:
            self._block(number, line, call, match.group(1), match.group(2))
        elif call.callee in _LIBRARY and call.kind == "call" and call.callee in self._context.module.declarations:
            self._block(number, line, call, _LIBRARY[call.callee], "i64")
        elif call.callee == "asm" or (call.callee.startswith("@llvm.") and not _HARMLESS.match(call.callee)):
            self._report(line, call)

    def _report(self, line: str, call: Call) -> None:
        is_asm = call.callee == "asm"
        for argument in call.arguments:
            # Assembly: only memory operands are known to be accessed.
            if not argument.startswith("ptr ") or (is_asm and "elementtype(" not in argument):
                continue
            if self._roots.origin(argument_value(argument)).kind != "raw":
                what = "inline assembly with a memory operand" if is_asm else f"intrinsic {call.callee[1:]}"
                name = "InlineAssembly" if is_asm else "Intrinsic"
                self._context.missed(name, f"{what} has no checked form", self._function, line)
                return

    def _block(self, number: int, line: str, call: Call, intrinsic: str, length_type: str) -> None:
        is_set = "memset" in intrinsic
        sides = {"to": call.arguments[0]}
        if not is_set:
            sides["from"] = call.arguments[1]
        checked = [side for side, text in sides.items() if self._roots.origin(argument_value(text)).kind != "raw"]
        if not checked:
            self._context.stats["raw accesses"] += 1
            return
        operands = []
        for side, text in sides.items():
            operands.append(f"ptr {_plain(text)}")
            if side in checked:
                value = argument_value(text)
                assert value is not None
                entry = self._entries.operand(value, self._roots.origin(value), number)
                operands.append(f"ptr {entry}")
        suffix = debug_suffix(self._context, self._function, line)
        before: list[str] = []
        if is_set:
            operands.append(self._byte(call.arguments[1], before, suffix))
        length = _plain(call.arguments[2])
        operands.append(f"{length_type} {length}")
        volatile = _plain(call.arguments[3]) if len(call.arguments) > 3 else "false"
        aligns = tuple(_align(text) for text in sides.values())
        fixed = length if intrinsic.endswith(".inline") else ""
        helper = self._helpers.block(intrinsic, " ".join(checked), length_type, aligns, volatile, fixed)
        new = [*before, f"  call void {helper}({', '.join(operands)}){suffix}"]
        if call.result is not None:
            new.append(f"  {call.result} = getelementptr i8, ptr {_plain(call.arguments[0])}, i64 0{suffix}")
        self._context.edits.replace(number, *new)
        self._context.stats["block accesses"] += 1

    def _byte(self, argument: str, before: list[str], suffix: str) -> str:
        """memset's byte; the library function takes it as an int."""
        kind = argument.split(" ", 1)[0]
        if kind == "i8":
            return f"i8 {_plain(argument)}"
        name = self._context.edits.fresh()
        before.append(f"  {name} = trunc {kind} {_plain(argument)} to i8{suffix}")
        return f"i8 {name}"


def _plain(argument: str) -> str:
    """The value of an argument, without type and attributes."""
    kind_end = argument.index(" ") + 1
    _, start = skip_attributes(argument, kind_end)
    return argument[start:]


def _align(argument: str) -> int:
    match = _ALIGN.search(argument)
    return min(int(match.group(1)), _LARGEST_ALIGN) if match else 1
