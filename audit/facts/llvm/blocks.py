"""The blocks of a function's body: where each begins and ends, and where it goes on, with what decides.

pre: LLVM's own text: labels in column 0, terminators last in their block, a switch's cases on lines of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llvm_pass.ir.module import block_of_label
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function

_LABEL = re.compile(r'^(?:[\w.$-]+|"[^"]*"):')
_BRANCH = re.compile(rf"^  br (?:i1 (\S+), label ({LOCAL}), label ({LOCAL})|label ({LOCAL}))")
_SWITCH = re.compile(rf"^  switch i\d+ (\S+), label ({LOCAL}) \[")
_CASE = re.compile(rf"^    i\d+ (-?\d+), label ({LOCAL})")
_TARGET = re.compile(rf"label ({LOCAL})")
_TO = re.compile(rf"^ +to label ({LOCAL}) unwind label")
_PHI = re.compile(rf"^  ({LOCAL}) = phi (\S+) (.*)$")
_INCOMING = re.compile(rf"\[ (.*?), ({LOCAL}) \]")
_DEFINED = re.compile(rf"^  ({LOCAL}) = (.*)$")


@dataclass(frozen=True)
class Edge:
    """to: a block. value: what is tested, "" for nothing. cases: goes there for these values; others: for all but these."""

    to: str
    value: str = ""
    cases: frozenset[int] = frozenset()
    others: bool = False


@dataclass(frozen=True)
class Block:
    """lines: of the body, without the label. edges: not those of a panic; none where it returns or does not go on."""

    name: str
    lines: range
    edges: tuple[Edge, ...]

    @property
    def last(self) -> int:
        """Its last line."""
        return self.lines.stop - 1


class Blocks:
    """Of one function. entry: the first one's name. phis: by name, what comes from which block."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.by_name: dict[str, Block] = {}
        self.values: dict[str, str] = {}
        self.phis: dict[str, dict[str, str]] = {}
        self.entry = ""
        self._read()

    def _read(self) -> None:
        body, name, start = self.function.body, "", 0
        for number, line in enumerate(body):
            if _LABEL.match(line):
                if number:
                    self._block(name, range(start, number))
                name, start = block_of_label(line), number + 1
                self.entry = self.entry if self.by_name else name
            elif match := _DEFINED.match(line):
                self.values[match[1]] = match[2]
                if phi := _PHI.match(line):
                    self.phis[phi[1]] = {each[2]: each[1] for each in _INCOMING.finditer(phi[3])}
        self._block(name, range(start, len(body)))

    def _block(self, name: str, lines: range) -> None:
        while lines and not self.function.body[lines.stop - 1].strip():
            lines = range(lines.start, lines.stop - 1)
        self.by_name[name] = Block(name, lines, self._edges(lines))

    def _edges(self, lines: range) -> tuple[Edge, ...]:
        body, cases, default = self.function.body, [], None
        for line in (body[number] for number in lines):
            if match := _BRANCH.match(line):
                if match[4]:
                    return (Edge(match[4]),)
                return Edge(match[2], match[1], frozenset((1,))), Edge(match[3], match[1], frozenset((0,)))
            if match := _SWITCH.match(line):
                default = (match[1], match[2])
            elif default and (match := _CASE.match(line)):
                cases.append((int(match[1]), match[2]))
            elif match := _TO.match(line):
                return (Edge(match[1]),)
        if default is None:
            return ()
        value, other = default
        edges = [Edge(to, value, frozenset((case,))) for case, to in cases]
        return (*edges, Edge(other, value, frozenset(case for case, _ in cases), others=True))

    def at(self, name: str) -> Block | None:
        """A block by its name; the first one has none where LLVM prints none."""
        return self.by_name.get(name) or (self.by_name.get("") if name else None)

    def of_line(self, line: int) -> Block | None:
        return next((each for each in self.by_name.values() if line in each.lines), None)

    def always(self, line: int) -> bool:
        """Does a line run whenever the function is called and returns? What ends the program on the way is no way; loops are
        taken to end, and a panic or exception that is caught is a way."""
        mine, body = self.of_line(line), self.function.body
        seen = {mine.name} if mine else set[str]()
        todo = [self.entry]
        while todo:
            block = self.at(todo.pop())
            if block is None or block.name in seen:
                continue
            seen.add(block.name)
            for text in (body[number] for number in block.lines):
                if text.startswith("  ret "):
                    return False
                todo += _TARGET.findall(text)
        return True

    def reach(self, start: str) -> set[str]:
        """The names of the blocks that can come after a block."""
        block, seen = self.at(start), set()
        todo = [edge.to for edge in block.edges] if block else []
        while todo:
            name = todo.pop()
            found = self.at(name)
            if name not in seen and found is not None:
                seen.add(name)
                todo += [edge.to for edge in found.edges]
        return seen
