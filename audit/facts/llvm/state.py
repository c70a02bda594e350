"""What C functions change that all threads share: globals that no lock orders.

Invariant: a function that takes a lock, or whose caller on the way did, changes nothing here; locks are told by name
or by atomic instructions, so that in doubt there is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.program import Hit
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function
    from audit.facts.llvm.program import Program

_STORE = re.compile(
    rf"^  store (?!atomic)(?:volatile )?.*, ptr (?:(?:getelementptr [^@%]*\(.*?ptr )?@([\w.$-]+)|({LOCAL}))(?=[,)]|$)"
)
_OWN = re.compile(rf"^  ({LOCAL}) = (?:tail )?call .*ptr @llvm\.threadlocal\.address\.p0\(ptr [^@]*@([\w.$-]+)\)")
_LOCK = re.compile(r"mutex|lock|once|critical|atomic", re.IGNORECASE)
_ATOMIC = ("cmpxchg ", "atomicrmw ", " atomic ", "fence ")
_DEEPEST = 6


class State:
    """Of all C that is here."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[int, tuple[Hit, ...]] = {}

    def changes(self, function: Function, depth: int = 0) -> tuple[Hit, ...]:
        """Where a function, or what it calls, stores into globals; what: the global, "thread_local " before it for such."""
        if id(function) in self._known or depth > _DEEPEST:
            return self._known.get(id(function), ())
        self._known[id(function)] = ()
        if _is_ordered(function):
            return ()
        found: dict[str, Hit] = {}
        own = {match[1]: match[2] for line in function.body if (match := _OWN.match(line))}
        for number, line in enumerate(function.body):
            match = _STORE.match(line) if line.startswith("  store ") else None
            if match and match[2] in own:
                found.setdefault(
                    f"thread_local {own[match[2]]}", Hit(function, number, f"thread_local {own[match[2]]}")
                )
            elif match and match[1]:
                found.setdefault(match[1], Hit(function, number, match[1]))
        for call in function.calls:
            callee = self._program.callee(function, call.callee) if call.callee else None
            if callee is not None and callee.language in ("c", "c++"):
                for hit in self.changes(callee, depth + 1):
                    found.setdefault(hit.what, hit)
        self._known[id(function)] = tuple(found.values())
        return self._known[id(function)]


def _is_ordered(function: Function) -> bool:
    if any(_LOCK.search(call.callee) for call in function.calls):
        return True
    return any(each in line for line in function.body if not line.startswith("    #dbg") for each in _ATOMIC)
