"""What a pass is, and what it works with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from llvm_pass.analysis.boundary import Boundary
from llvm_pass.analysis.lent_types import LentTypes, lent_types
from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.metadata import Place
from llvm_pass.ir.module import Function, Module
from llvm_pass.ir.syntax import bare, metadata_of
from llvm_pass.policy import Policy
from llvm_pass.remarks import Remark

_SUBPROGRAM = re.compile(r" !dbg (!\d+)")


@dataclass(slots=True)
class Context:
    """One pass over one module."""

    pass_name: str
    module: Module
    edits: Edits
    remarks: list[Remark] = field(default_factory=list)
    stats: Counter[str] = field(default_factory=Counter)
    function: Function | None = None  # being looked at, for error messages
    line: int | None = None
    policy: Policy = field(default_factory=Policy)
    boundaries: list[Boundary] | None = None  # what print<boundary> found
    _lent: LentTypes | None = None

    @property
    def lent(self) -> LentTypes:
        """What the policy says of the memory that the host lends."""
        if self._lent is None:
            self._lent = lent_types(self.module.metadata, self.policy.names("structures"))
        return self._lent

    def roots(self, function: Function) -> Roots:
        """Where the pointers of a function come from."""
        return Roots(self.module, function, self.lent)

    def missed(self, name: str, reason: str, function: Function | None = None, line: str = "") -> None:
        """A form that stays as it is; it traps when a pseudo-pointer reaches it."""
        self._remark("Missed", name, reason, function, line)
        self.stats["missed"] += 1

    def analysed(self, name: str, reason: str, function: Function | None = None) -> None:
        """Something that was found out, and is as it should be."""
        self._remark("Analysis", name, reason, function, "")

    def _remark(
        self, kind: Literal["Missed", "Analysis"], name: str, reason: str, function: Function | None, line: str
    ) -> None:
        place: Place | None = None
        if line:
            place = self.module.metadata.place(metadata_of(line).get("dbg"))
        owner = bare(function.name) if function else "<module>"
        self.remarks.append(Remark(kind, self.pass_name, name, owner, reason, place))


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass by the name that --passes= takes. by_default: False runs it only when it is named.

    serves: the keys of a policy that it obeys. closed_loops: it wants LLVM to run loop-simplify and
    lcssa before. edits: does it change modules?
    """

    name: str
    summary: str
    run: Callable[[Context], None]
    by_default: bool = True
    serves: tuple[str, ...] = ()
    closed_loops: bool = False
    edits: bool = True


@lru_cache(maxsize=1024)
def _subprogram(after: str) -> str | None:
    match = _SUBPROGRAM.search(after)
    return match.group(1) if match else None


def subprogram(function: Function) -> str | None:
    """The DISubprogram of a function, or None without debug information."""
    return _subprogram(function.header.after)


def debug_suffix(context: Context, function: Function, line: str = "") -> str:
    """ ", !dbg !N" for a call inserted at a line: the line's own, or line 0 of the function.

    LLVM demands a location on calls in functions that have debug information.
    """
    scope = subprogram(function)
    if scope is None:
        return ""
    own = metadata_of(line).get("dbg") if line else None
    return f", !dbg {own or context.module.metadata.node(f'!DILocation(line: 0, scope: {scope})')}"
