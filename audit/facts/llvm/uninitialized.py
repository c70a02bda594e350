"""Rust's variables that nobody has written when C gets them, and where Rust reads them then.

pre: the function is Rust's. Invariant: what may have been written before, by anything that is plain to see, is not told of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.flow import Flow, stack_objects
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function

# Of Rust's library, by both manglings: what gives bytes that nobody wrote, and what gives a variable's address.
_UNINIT = re.compile(r"maybe_uninit\S*(?<!\w)?6uninit(?:17h|C|B|\b)|3mem13uninitialized")
_ADDRESS = re.compile(r"maybe_uninit\S*10as_mut_ptr|mut_ptr\S*4cast|8from_mut")
_STORED = re.compile(rf"^  store (?:volatile )?\S+ ({LOCAL}|\S+), ptr ({LOCAL})")
_COPIED = ("llvm.memcpy.", "llvm.memmove.")
_NO_WRITE = ("llvm.lifetime.", "llvm.assume", "llvm.dbg.", "llvm.experimental.noalias")


@dataclass(frozen=True)
class Unwritten:
    """A variable that is passed before anything is stored there. reads: the lines behind the call where it is read."""

    name: str
    argument: int
    reads: tuple[int, ...]


def passed(function: Function, call: Call) -> Iterator[Unwritten]:
    """The variables that a call gets by their address, with nothing in them, and that are read afterwards."""
    made = {
        each.result: each.arguments[0].value
        for each in function.calls
        if each.arguments and _ADDRESS.search(each.callee)
    }
    names = {*stack_objects(function), *(each.value for each in function.parameters if each.has("sret"))}
    for number, argument in enumerate(call.arguments):
        name = made.get(argument.value, argument.value)
        if name not in names or argument.type.kind != "pointer" or argument.has("sret", "byval"):
            continue
        before, reads = _story(function, _flow(function, name), call)
        if not before and reads:
            yield Unwritten(name, number, tuple(reads))


def _flow(function: Function, name: str) -> Flow:
    """With what as_mut_ptr makes of the address, where that is a call still."""
    flow = Flow(function, name)
    for call in function.calls:
        first = call.arguments[0].value if call.arguments else ""
        if call.result and first in flow and flow.offsets[first] == 0 and _ADDRESS.search(call.callee):
            flow.offsets.update(Flow(function, call.result).offsets)
    return flow


def _story(function: Function, flow: Flow, given: Call) -> tuple[bool, list[int]]:
    """Whether it may be written before the call; the lines that read it after, up to the next that may write it."""
    calls = {call.line: call for call in function.calls}
    nothing = {call.result for call in function.calls if call.result and _UNINIT.search(call.callee)}
    reads: list[int] = []
    for number, line in enumerate(function.body):
        call = calls.get(number)
        if number == given.line or not line.startswith("  "):
            continue
        writes, is_read = _touch(line, call, flow, nothing)
        if number < given.line and writes:
            return True, []
        if number > given.line and is_read:
            reads.append(number)
        if number > given.line and writes:
            break
    return False, reads


def _touch(line: str, call: Call | None, flow: Flow, nothing: set[str]) -> tuple[bool, bool]:
    """Does a line write it, does it read it?"""
    if call is not None:
        at = [number for number, each in enumerate(call.arguments) if each.value in flow]
        if not at or call.callee.startswith(_NO_WRITE) or _UNINIT.search(call.callee) or _ADDRESS.search(call.callee):
            return False, False
        if call.callee.startswith(_COPIED):
            return 0 in at, 1 in at
        return True, False
    if match := _STORED.match(line):
        if match[1] in flow:
            return True, False  # who gets the address there may write
        return match[2] in flow and match[1] not in nothing and match[1] not in ("undef", "poison"), False
    match = re.match(rf"^  {LOCAL} = load .*, ptr ({LOCAL})", line)
    return False, bool(match and match[1] in flow)


def uses(function: Function, value: str) -> list[int]:
    """The lines of the body where a value is used."""
    word = re.compile(rf"{re.escape(value)}(?![\w.$-])")
    return [
        number
        for number, line in enumerate(function.body)
        if not line.startswith("    #dbg") and word.search(line) and not line.startswith(f"  {value} = ")
    ]
