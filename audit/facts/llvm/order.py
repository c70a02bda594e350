"""Which lines of a function come before which, whatever way is taken through it: dominators."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from llvm_pass.analysis.loops import blocks_of, dominates, dominators, predecessors_of, reverse_postorder
from llvm_pass.ir.syntax import bare

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function
    from llvm_pass.analysis.loops import Block


class Order:
    """Of one function. Lines are those of its body, from 0."""

    def __init__(self, function: Function) -> None:
        text = function.module.text
        own = next(each for each in text.functions if bare(each.name).removeprefix("\\01") == function.name)
        self._start = own.start + 1
        self._blocks: dict[str, Block] = blocks_of(text.lines, own)
        self._names = list(self._blocks)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(reverse_postorder(self._blocks))}

    @cached_property
    def _dominator(self) -> dict[str, str]:
        return dominators(list(self._position), self._position, predecessors_of(self._blocks))

    def _block(self, line: int) -> str:
        at = line + self._start
        return next(name for name, block in self._blocks.items() if block.start <= at < block.end)

    def is_before(self, first: int, second: int) -> bool:
        """Has the first line run whenever the second one runs? Of code that cannot be reached: no."""
        upper, lower = self._block(first), self._block(second)
        if upper == lower:
            return first < second
        if upper not in self._position or lower not in self._position:
            return False
        return dominates(upper, lower, self._dominator, self._position)
