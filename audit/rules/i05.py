"""I05: Memory is used after one side freed it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.families import freed_family
from audit.facts.llvm.flow import Flow, block_end
from audit.facts.llvm.freeing import Freeing
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_line, readable
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Program
    from audit.model import Evidence, Finding
    from audit.subject import Subject

_PAGE = """\
A pointer goes to a C function that frees it whenever it is called, and is used again; or Rust drops the owner
of a pointer and then passes it to C (a temporary `CString`, for one). Reported where both stand in one straight piece of
code, so that no condition lies between them.

**What to do.** End the use before the free; bind a temporary to a name that lives long enough.

**Source.** RUSTSEC-2025-0022; CWE-416.
"""

_WORD = re.compile(LOCAL)
_STORED_INTO = re.compile(rf", ptr ({LOCAL})")
_NO_USE = ("  call void @llvm.lifetime", "    #dbg_", "  ret ", "  br ")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program, freeing = subject.program, Freeing(subject.program)
    for module in program.simple:
        if module.language != "rust":
            continue
        for function in module.defined:
            for freed in function.calls:
                for value, by_rust, why in _freed(program, function, freed):
                    used = _use(program, freeing, function, freed, value, by_rust)
                    if used:
                        name = readable(function.name)
                        yield rule.finding(
                            f"{name} uses memory that {readable(freed.callee)} freed",
                            f"{name}:{readable(freed.callee)}",
                            of_line(function, used, "used here"),
                            of_call(function, freed, "freed here"),
                            *why,
                        )


def _freed(program: Program, function: Function, call: Call) -> Iterator[tuple[str, bool, list[Evidence]]]:
    """The value, whether Rust's allocator frees it, and where."""
    for number, argument in enumerate(call.arguments):
        if not argument.value.startswith("%"):
            continue
        declared = function.module.functions.get(call.callee)
        if declared is not None and "realloc" not in call.callee and freed_family(declared, number):
            yield argument.value, True, []
        elif (callee := program.callee(function, call.callee)) and (found := program.frees_always(callee, number)):
            by_rust = found.function.language == "rust"
            yield (
                argument.value,
                by_rust,
                [of_line(found.function, found.line, f"{'Rust' if by_rust else 'C'} frees it here")],
            )


def _use(program: Program, freeing: Freeing, function: Function, freed: Call, value: str, by_rust: bool) -> int | None:
    """The line of the next use in the same block. After Rust's own free only what goes to C counts."""
    flow = Flow(function, value)
    calls = {call.line: call for call in function.calls}
    again = {each.call.line for each in freeing.frees(function) if flow.offsets.get(each.value) == 0}
    for number in range(freed.line + 1, block_end(function, freed.line)):
        line = function.body[number]
        if line.startswith(_NO_USE) or not any(word in flow for word in _WORD.findall(line)):
            continue
        call = calls.get(number)
        if call is None and (by_rust or not re.match(r"  (?:store |%\S+ = load )", line)):
            continue
        if call is not None and by_rust and program.foreign(call.callee) is None:
            continue
        if line.startswith("  store ") and not any(each in flow for each in _STORED_INTO.findall(line)):
            continue  # the address alone is no use
        return number if number not in again else None  # freed twice is I04's
    return None


RULE = Rule(
    id="I05",
    title="Memory is used after one side freed it",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=416,
    page=_PAGE,
    check=_check,
)
