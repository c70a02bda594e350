"""Which functions of a module the host can call, and by what it is known.

A function may be called by the host when it has a name that the linker sees, or when its
address is used for anything but a call (`used` and `retain` count: somebody beyond the
compiler's sight uses it). The policy's `entries` say which of them shall be.

Invariant: in doubt a function is taken to be reachable, and gets a gate. Nobody else decides.
"""

from __future__ import annotations

import re

from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Definition
from llvm_pass.ir.syntax import GLOBAL, bare, mentions
from llvm_pass.passes.base import Context

_VISIBLE = frozenset(("", "external", "weak", "weak_odr"))
_LOCAL = frozenset(("internal", "private"))
_IFUNC = re.compile(rf"^({GLOBAL}) = .*\bifunc .*, ptr ({GLOBAL})(?:,|$)")
_MAIN = "@main"
_NO_CONVENTION = frozenset(("x86_intrcc",))


class Boundary:
    """That of one module."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._taken = _addresses_taken(context)
        matches = (_IFUNC.match(line) for _, line in context.module.globals_named("@"))
        self._resolvers = {match.group(2): match.group(1) for match in matches if match}

    @property
    def closed_to_the_host(self) -> bool:
        """Does all code of this module run with foreign rights, since nobody arrives without a gate?"""
        functions = self._context.module.functions
        odd = any(f.name == _MAIN or _NO_CONVENTION & set(f.header.before.split()) for f in functions)
        return not self._resolvers and not odd

    def is_taken(self, name: str) -> bool:
        """Is its address used?"""
        return name in self._taken

    def no_gate(self, function: Function, definition: Definition) -> bool:
        """Is it one that no gate can stand before?"""
        return function.name in self._resolvers or definition.signature.convention in _NO_CONVENTION

    def needs_gate(self, function: Function, definition: Definition) -> bool:
        """Can the host call it? Tells of those that it cannot call, or should not."""
        convention = definition.signature.convention
        if convention in _NO_CONVENTION:
            self._context.missed("Convention", f"no gate for calling convention {convention}", function)
            return False
        if function.name in self._resolvers:
            return False
        if function.name == _MAIN:
            self._context.analysed("NoGate", "no gate: the program starts here", function)
            return False
        if definition.linkage in _VISIBLE or (definition.linkage in _LOCAL and self.is_taken(function.name)):
            return True
        self._context.analysed("NoGate", "no gate: only called in this file", function)
        return False

    def is_closed(self, function: Function, definition: Definition) -> bool:
        """May the host not call it, by the policy? Tells so, or why it may. pre: it gets a gate."""
        name, policy = bare(function.name), self._context.policy
        named = "hidden, but a static link finds it" if definition.visibility == "hidden" else "visible to the linker"
        why = named if definition.linkage in _VISIBLE else "its address is used"
        if not policy.is_entry(name, self.is_taken(function.name)):
            reason = f"no entry ({why}): {policy.entries_from} does not name it"
            self._context.analysed("NoEntry", reason, function)
            return True
        by = f"; {policy.entries_from} names it" if policy.names("entries") is not None else ""
        self._context.analysed("Entry", f"entry: {why}{by}", function)
        return False

    def tell_inline(self, function: Function) -> None:
        """Of an inline function without a gate."""
        self._context.analysed("NoGate", "no gate: an inline function whose address nobody uses here", function)

    def tell_ifuncs(self) -> None:
        """What ifuncs leave open."""
        for resolver, name in self._resolvers.items():
            self._context.missed(
                "Ifunc",
                f"the resolver '{bare(resolver)}' of '{bare(name)}' runs with the host's rights, when it is loaded",
            )


def _addresses_taken(context: Context) -> set[str]:
    """Names used other than as the callee of a direct call."""
    taken: set[str] = set()
    for line in context.module.lines:
        if "@" in line and line[:1] not in ("!", "d", ";"):
            own = line.split(" ", 1)[0] if line[0] == "@" else ""
            taken.update(name for name, called in mentions(line) if not called and name != own)
    return taken
