"""Where C gives a null pointer back, and how sure Rust is that it does not.

Invariant: an answer names the return of a null that is written there, or an allocation that may fail; a pointer that C
loads from somewhere is no answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.exits import chosen, deduced, exits, known_of
from audit.facts.llvm.families import given_family
from llvm_pass.ir.syntax import metadata_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit.facts.llvm.exits import Exit
    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.known import Known
    from audit.facts.llvm.program import Program

_DEEPEST = 6
_NEVER = ("_Znwm", "_Znam")  # C++ new throws


@dataclass(frozen=True)
class Null:
    """line: of the function's body. by_memory: only where memory has run out. is_direct: of the function that was asked for
    itself, not of one that it calls, whose null its arguments may rule out."""

    function: Function
    line: int
    by_memory: bool
    is_direct: bool = True


class Nulls:
    """Asks a program's C functions; each question is answered once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: dict[tuple[int, frozenset[tuple[str, Known]]], Null | None] = {}

    def given(self, function: Function, known: Mapping[str, Known], depth: int = 0) -> Null | None:
        """Where a function returns null when it is called with these values; what does not need a lack of memory first."""
        if function.result.type.kind != "pointer" or function.result.has("nonnull", "dereferenceable"):
            return None
        key = (id(function), frozenset(known.items()))
        if key not in self._known and depth <= _DEEPEST:
            self._known[key] = None  # of what calls itself
            self._known[key] = self._look(function, known, depth)
        return self._known.get(key)

    def _look(self, function: Function, known: Mapping[str, Known], depth: int) -> Null | None:
        calls = {call.result: call for call in function.calls if call.result}
        found: Null | None = None
        blocks, facts = (
            Blocks(function),
            deduced(function, known, lambda call: self.program.callee_in_c(function, call.callee)),
        )
        ways = exits(function, facts, blocks=blocks)
        for way in (each for one in ways for each in chosen(one, facts, blocks)):
            null: Null | None = None
            if way.value == 0:
                lacked = self._lacked_memory(function, way, calls, depth)
                null = Null(function, way.line, lacked, is_direct=not _inlined(function, way.decided))
            elif way.value is None and way.text in calls:
                deeper = self._of_call(function, calls[way.text], depth)
                null = Null(function, way.line, deeper.by_memory, is_direct=False) if deeper else None
            if null is not None and null.is_direct and not null.by_memory:
                return null
            if null is not None and (found is None or (found.by_memory and not null.by_memory)):
                found = null
        return found

    def _of_call(self, function: Function, call: Call, depth: int) -> Null | None:
        own = function.module.functions.get(call.callee)
        if own is not None and given_family(own):
            return None if call.callee.startswith(_NEVER) else Null(function, call.line, by_memory=True)
        found = self.program.callee_in_c(function, call.callee)
        return self.given(found, known_of(found, call), depth + 1) if found else None

    def _lacked_memory(self, function: Function, way: Exit, calls: Mapping[str, Call], depth: int) -> bool:
        """Has something that allocates given null on the way, or failed otherwise that only fails so?"""
        for name, value in way.learned:
            call = calls.get(name) if value == 0 else None
            null = self._of_call(function, call, depth) if call else None
            if null is not None and null.by_memory:
                return True
        return False


def _inlined(function: Function, line: int) -> bool:
    """Does a line come from another function?"""
    node = metadata_of(function.body[line]).get("dbg", "") if line >= 0 else ""
    return "inlinedAt" in function.module.text.metadata.nodes.get(node, "")


@dataclass(frozen=True)
class Trust:
    """A line where Rust takes a pointer for one that is not null. what: as whom."""

    line: int
    what: str


# Of Rust's library, by both manglings. What tests a pointer, or gives it on as one that may be null.
_SINKS = (
    (re.compile(r"5slice3raw(?:18from_raw_parts_mut|14from_raw_parts)"), "a slice's begin"),
    (re.compile(r"(?:7NonNull|8non_null)\S*13new_unchecked"), "a NonNull"),
    (re.compile(r"5c_str\S*4CStr\S*8from_ptr"), "a C string"),
)
_SAME = re.compile(r"(?:mut_ptr|const_ptr|3ptr)\S*(?:4cast|8cast_mut|10cast_const)(?:17h|C|B)")
_IGNORED = ("llvm.lifetime.", "llvm.experimental.noalias", "llvm.dbg.")
_LOADED = re.compile(r"^  (?:%\S+ = load \S+.*|store .*), ptr (%[\w.$-]+)(?:,|$)")


def trusted(function: Function, call: Call, foreign: frozenset[str]) -> Trust | None:
    """Where the result of a call is taken for not null and nothing in the function can have tested it."""
    names = {call.result or ""}
    first: Trust | None = None
    calls = {each.line: each for each in function.calls}
    for number in range(call.line + 1, len(function.body)):
        line = function.body[number]
        if line.startswith("    #dbg") or not any(name in line and _word(name).search(line) for name in names):
            continue
        other = calls.get(number)
        if other is not None:
            kind = _call_of(function, other, names, foreign)
            if kind is None:
                return None
            if kind == "same":
                names.add(other.result or "")
            elif kind:
                first = first or Trust(number, kind)
            continue
        match = _LOADED.match(line)
        if match and match[1] in names:
            first = first or Trust(number, "an object's address")
        elif line.startswith("  ret "):
            if function.result.has("nonnull", "dereferenceable"):
                first = first or Trust(number, "a reference")
        elif " = getelementptr " in line:
            names.add(line[2:].split(" = ", 1)[0])
        elif " = insertvalue " not in line and not line.startswith("  store "):
            return None  # compared, chosen from, or made a number
    return first


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(name)}(?![\w.$-])")


def _call_of(function: Function, call: Call, names: set[str], foreign: frozenset[str]) -> str | None:
    """As what a call takes it: "" for nothing that matters, None where it may test it."""
    if call.callee.startswith(_IGNORED) or call.callee in foreign:
        return ""
    at = next((number for number, each in enumerate(call.arguments) if each.value in names), None)
    if at is None:
        return None
    if _SAME.search(call.callee):
        return "same"
    for pattern, what in _SINKS:
        if pattern.search(call.callee) and at == 0:
            return what
    own = function.module.functions.get(call.callee)
    if own is not None and at < len(own.parameters) and own.parameters[at].has("nonnull", "dereferenceable"):
        return "a reference"
    return None
