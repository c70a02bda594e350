"""Pass `pseudo-pointers`: every access that may meet a handle goes through a check.

A load, store, atomic or memory intrinsic whose pointer may be a pseudo-pointer
becomes a call of an always-inlined helper; the table entry of each root pointer
is computed once, behind the root's definition, and carried along phis and selects.

Attacker: controls every pointer at run time. A form that is not rewritten here is
reported as Missed and traps on a handle, whose address is not canonical.
"""

from __future__ import annotations

from llvm_pass.passes.access import Accesses
from llvm_pass.passes.base import Context
from llvm_pass.passes.calls import Calls
from llvm_pass.passes.frame import Frame
from llvm_pass.passes.lent import Leases
from llvm_pass.passes.segments import Segments
from llvm_pass.runtime.helpers import Helpers


def run(context: Context) -> None:
    """Edits every function that is not a helper of ours."""
    module = context.module
    helpers = Helpers(context.edits, module.metadata)
    for function in module.functions:
        if function.helper:
            continue
        context.function = function
        roots = context.roots(function)
        leases = Leases(context, function, roots, helpers)
        segments = Segments(context, function, roots, leases, helpers.weights())
        frame = Frame(context, function, roots, helpers, segments)
        accesses, calls = Accesses(frame), Calls(frame)
        for number, opcode in roots.accesses:
            context.line = number
            if opcode in ("call", "invoke", "callbr"):
                calls.rewrite(number)
            else:
                accesses.rewrite(number, opcode)
        segments.build()
    if any(line.startswith("module asm ") for line in module.lines[: module.footer]):
        context.missed("ModuleAssembly", "module-level assembly is not looked into")
