"""Inline functions and template instances (linkonce): names that no other code can have.

Every unit that uses such a function holds a copy, and the linker keeps one of each name.
Were the names left, it could keep the host's own copy, which was not rewritten, for C++
code, or hand the host a copy that has no gate. So the bodies, and the comdats that hold
them, get names of their own in every rewritten unit: calls go to `<name>.foreign`,
addresses are those of the gate `<name>.gate`, and the linker merges rewritten with
rewritten copies only. The plain name no longer exists: who declares it outside does not link.

Invariant: no address of a body leaves its unit, and whichever copy the linker keeps of a
gate leads to a rewritten body. Assumes of the attacker: nothing. Source: Itanium C++ ABI,
5.2 (vague linkage).
"""

from __future__ import annotations

import re

from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Definition
from llvm_pass.ir.syntax import GLOBAL, sibling
from llvm_pass.passes.base import Context

LINKAGES = frozenset(("linkonce", "linkonce_odr"))
_BODY, _GATE = ".foreign", ".gate"
_MENTION = re.compile(rf'({GLOBAL})(\(?)|(?<!@)"[^"]*"')
_NAMED = re.compile(r"\((\$.*)\)$")
_COMDAT = re.compile(r'^(\$(?:[\w.$-]+|"[^"]*")) = comdat (\w+)')
_BLOCK_ADDRESS = "blockaddress("


class InlineFunctions:
    """Those of one module."""

    def __init__(self, context: Context) -> None:
        self._context, self._edits = context, context.edits
        self._gated: dict[str, bool] = {}  # old name -> is there a gate?
        found = (_COMDAT.match(line) for _, line in context.module.globals_named("$"))
        self._kinds = {match.group(1): match.group(2) for match in found if match}

    def add(self, function: Function, definition: Definition, taken: bool) -> tuple[str, str]:
        """(the body's name, its comdat). taken: its address is used, so there will be a gate."""
        self._gated[function.name] = taken
        self._context.stats["inline functions"] += 1
        return sibling(function.name, _BODY), self._comdat(function, definition, _BODY)

    def gate(self, function: Function, definition: Definition) -> tuple[str, str]:
        """(the gate's name, its comdat)."""
        return sibling(function.name, _GATE), self._comdat(function, definition, _GATE)

    def _comdat(self, function: Function, definition: Definition, suffix: str) -> str:
        if not definition.comdat:
            return ""
        named = _NAMED.search(definition.comdat)
        old = named.group(1) if named else f"${function.name[1:]}"
        new = sibling(old, suffix)
        self._edits.declare(new, f"{new} = comdat {self._kinds.get(old, 'any')}")
        return f" comdat({new})"

    def renamed(self, line: str) -> str:
        """The line with all mentions by their new names: of calls the body, of addresses the gate."""
        if not self._gated:
            return line

        def change(match: re.Match[str]) -> str:
            name, call = match.groups()
            if name not in self._gated:
                return match.group()
            inside = line[: match.start()].endswith(_BLOCK_ADDRESS)
            suffix = _GATE if self._gated[name] and not call and not inside else _BODY
            return f"{sibling(name, suffix)}{call}"

        return _MENTION.sub(change, line)
