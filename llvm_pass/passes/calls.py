"""Calls that touch memory by themselves: each to the family that knows it, the rest reported.

A call of an ordinary function touches nothing here: what it does, it does in its own body.
"""

from __future__ import annotations

import re

from llvm_pass.ir.syntax import Call, argument_value, parse_call
from llvm_pass.passes.assembly import rewrite_assembly
from llvm_pass.passes.blocks import LIBRARY, BlockCalls
from llvm_pass.passes.borrows import NAMES, rewrite_borrower, rewrite_copied_arguments
from llvm_pass.passes.elements import rewrite_elements
from llvm_pass.passes.frame import Frame
from llvm_pass.passes.vectors import rewrite_vector
from llvm_pass.passes.x86_gathers import rewrite_x86_gather

# Intrinsics that touch no memory through their pointers, or only C's own stack. A prefetch of
# a handle fetches nothing and traps nowhere; va_end does nothing on x86-64; what
# llvm.objectsize does not know, it answers with "unknown".
_HARMLESS = re.compile(
    r"@llvm\.(?:lifetime|dbg|assume|invariant|launder|strip|prefetch|stack|va_end|ptrmask|objectsize|ptr\.annotation|"
    r"var\.annotation|annotation|threadlocal|eh\.(?!sjlj)|frameaddress|returnaddress|addressofreturnaddress|expect|"
    r"is\.constant|experimental\.noalias|localescape|sideeffect|trap|ubsantrap|debugtrap|fake\.use|allow|"
    r"type\.(?!checked)|preserve|ssa\.copy|umax|umin|abs|bswap|ctpop|donothing|pseudoprobe|instrprof|clear_cache|"
    r"call\.preallocated)"
)
_POINTERS = re.compile(r"(?:<\d+ x )?ptr(?: addrspace\(\d+\))?>? ")
_FAMILIES = (rewrite_vector, rewrite_x86_gather, rewrite_elements)
_NAMED = (*LIBRARY, *NAMES)


class Calls:
    """Rewrites the calls of one function."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._blocks = BlockCalls(frame)

    def rewrite(self, number: int) -> None:
        """Looks at one call line."""
        frame = self._frame
        line = frame.context.module.lines[number]
        if "byval(" in line:
            rewrite_copied_arguments(frame, number, line)
            return
        if "@llvm." not in line and " asm " not in line and not any(f"{name}(" in line for name in _NAMED):
            return
        call = parse_call(line)
        if call is None:
            return
        if call.callee == "asm":
            rewrite_assembly(frame, number, line, call)
            return
        if self._blocks.rewrite(number, line, call) or rewrite_borrower(frame, number, line, call):
            return
        if not call.callee.startswith("@llvm.") or _HARMLESS.match(call.callee):
            return
        if not any(rewrite(frame, number, line, call) for rewrite in _FAMILIES):
            self._report(line, call)

    def _report(self, line: str, call: Call) -> None:
        for argument in call.arguments:
            match = _POINTERS.match(argument)
            if match is None:
                continue
            if argument.startswith("<"):
                raw = self._frame.roots.vector_is_raw(argument_value(argument))
            else:
                raw = self._frame.checked(argument) is None
            if not raw:
                self._frame.missed("Intrinsic", f"intrinsic {call.callee[1:]} has no checked form", line)
                return
