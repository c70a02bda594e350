"""Inline assembly: memory operands get borrowed addresses.

What an operand's type says is checked, no more: assembly that goes beyond its operand is
as unchecked as any assembly. A template that locks the bus, or exchanges, works on raw
memory and on mapped leases, and ends the process on a private one, where it would only
see a copy. A pointer in a register is reported: an access through it traps, but arithmetic
on it is arithmetic on a handle.
"""

from __future__ import annotations

import re

from llvm_pass.ir.syntax import Call, argument_value
from llvm_pass.ir.types import TypeSyntaxError
from llvm_pass.passes.borrows import Loan, with_arguments
from llvm_pass.passes.frame import Frame

_TEXTS = re.compile(r' asm (?:sideeffect |alignstack |inteldialect |unwind )*"((?:[^"])*)", "((?:[^"])*)"')
_ATOMIC = re.compile(r"\b(?:lock|xchg\w*|xacquire|xrelease)\b|\\F0", re.IGNORECASE)


def rewrite_assembly(frame: Frame, number: int, line: str, call: Call) -> None:
    """Looks at one call of inline assembly."""
    texts = _TEXTS.search(line)
    lent = [index for index, text in enumerate(call.arguments) if text.startswith("ptr ") and frame.checked(text)]
    if texts is None or not lent:
        return
    template, constraints = texts.groups()
    operands = _operands(constraints)
    memory = [index for index in lent if "elementtype(" in call.arguments[index]]
    if template.strip() and any(index not in memory for index in lent):
        frame.missed("InlineAssembly", "inline assembly gets a pointer in a register", line)
    if not memory:
        return
    sizes = {index: _size(frame, call.arguments[index]) for index in memory}
    fits = len(operands) == len(call.arguments) and all(sizes.values())
    writes = fits and any(operands[index].startswith("=") for index in memory)
    if not fits or (call.kind != "call" and writes):  # what a copy holds could not go home on every way out
        reason = f"as {call.kind}" if fits else "of unknown size"
        frame.missed("InlineAssembly", f"inline assembly with a memory operand {reason} has no checked form", line)
        return
    pinned = _ATOMIC.search(template) is not None
    if pinned:
        frame.missed("AtomicAssembly", "atomic inline assembly has no form for memory that is lent privately", line)
    written = {argument_value(call.arguments[index]) for index in memory if operands[index].startswith("=")}
    loans: dict[tuple[str, int], Loan] = {}
    arguments = list(call.arguments)
    for index in memory:
        text = call.arguments[index]
        value, nbytes = argument_value(text) or "", sizes[index]
        loan = loans.get((value, nbytes))
        if loan is None:  # "+m" is an output and an input with the same pointer
            loan = loans[value, nbytes] = Loan(frame, number, line, text, nbytes, value in written, pinned)
        arguments[index] = text.removesuffix(value) + loan.address
    taken = [loan.taken for loan in loans.values()]
    returned = [loan.returned("true") for (value, _), loan in loans.items() if value in written]
    frame.context.edits.replace(number, *taken, with_arguments(line, call, arguments), *returned)
    frame.context.stats["borrowed operands"] += len(memory)


def _operands(constraints: str) -> list[str]:
    """The constraints that have an argument, in order."""
    found = []
    for text in constraints.split(","):
        if text.startswith(("~", "!")) or (text.startswith("=") and "*" not in text):
            continue
        found.append(text)
    return found


def _size(frame: Frame, argument: str) -> int:
    """Bytes of what elementtype() says; 0 when it does not."""
    at = argument.index("elementtype(") + len("elementtype(")
    try:
        return frame.context.module.types.prefix(argument, at)[0].store_bytes
    except TypeSyntaxError:
        return 0
