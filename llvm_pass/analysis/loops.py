"""Blocks, their order and the natural loops of a function, read from its lines.

A loop here is what a back edge (to a block that dominates its source) closes. Source: the
dragon book's definition of natural loops; dominators by Cooper, Harvey and Kennedy, "A
Simple, Fast Dominance Algorithm".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llvm_pass.ir.module import Function, block_of_label
from llvm_pass.ir.syntax import LOCAL, argument_value

_TARGET = re.compile(rf"label ({LOCAL})")
_TERMINATORS = (
    "  br ",
    "  switch ",
    "  ret ",
    "  unreachable",
    "  invoke ",
    "  resume ",
    "  indirectbr ",
    "  callbr ",
    "  catchswitch ",
    "  catchret ",
    "  cleanupret ",
)
_INVOKED = re.compile(rf"^  (?:{LOCAL} = )?(?:invoke|callbr|catchswitch) ")


@dataclass(slots=True)
class Block:
    """start: its label's line, or the line before its first instruction. end: behind its last line.

    terminator: the line that it begins on."""

    name: str
    start: int
    end: int
    terminator: int
    successors: tuple[str, ...]


@dataclass(slots=True)
class Loop:
    """header and blocks by name; outer: the index of the loop around it, or -1."""

    header: str
    blocks: set[str]
    outer: int = -1
    inner: list[int] = field(default_factory=list)


def entry_name(function: Function) -> str:
    """The entry block's name: LLVM numbers it behind the unnamed parameters."""
    first = next((name for name, line in function.blocks.items() if line == function.start + 1), None)
    values = [argument_value(text) for text in function.header.parameters]
    return first or f"%{sum(1 for value in values if value is not None and value[1:].isdigit())}"


def blocks_of(lines: list[str], function: Function) -> dict[str, Block]:
    """The blocks in the order of the text."""
    starts: list[tuple[str, int]] = []
    for number in range(function.start + 1, function.end):
        line = lines[number]
        if line and line[0] not in " ;":
            starts.append((block_of_label(line), number))
    if not starts or starts[0][1] != function.start + 1:
        starts.insert(0, (entry_name(function), function.start))
    found: dict[str, Block] = {}
    for (name, start), (_, end) in zip(starts, [*starts[1:], ("", function.end)], strict=True):
        at = end - 1
        while at > start and not (lines[at].startswith(_TERMINATORS) or _INVOKED.match(lines[at])):
            at -= 1
        targets = dict.fromkeys(_TARGET.findall("\n".join(lines[at:end])))
        found[name] = Block(name, start, end, at, tuple(targets))
    return found


def predecessors_of(blocks: dict[str, Block]) -> dict[str, list[str]]:
    """Who leads to each block, in the order of the text."""
    found: dict[str, list[str]] = {name: [] for name in blocks}
    for block in blocks.values():
        for target in block.successors:
            found[target].append(block.name)
    return found


def loops_of(blocks: dict[str, Block]) -> list[Loop]:
    """The natural loops, outer ones before inner ones; those of one header are one."""
    order = reverse_postorder(blocks)
    position = {name: index for index, name in enumerate(order)}
    before = predecessors_of(blocks)
    dominator = dominators(order, position, before)
    bodies: dict[str, set[str]] = {}
    for name in order:
        for target in blocks[name].successors:
            if position[target] <= position[name] and dominates(target, name, dominator, position):
                body = bodies.setdefault(target, {target})
                work = [name]
                while work:
                    at = work.pop()
                    if at not in body:
                        body.add(at)
                        work += [each for each in before[at] if each in position]
    loops = [Loop(header, body) for header, body in bodies.items()]
    loops.sort(key=lambda loop: (-len(loop.blocks), position[loop.header]))
    for index, loop in enumerate(loops):
        for outer in range(index - 1, -1, -1):
            if loop.header in loops[outer].blocks and loop.header != loops[outer].header:
                loop.outer = outer
                loops[outer].inner.append(index)
                break
    return loops


def reverse_postorder(blocks: dict[str, Block]) -> list[str]:
    """The blocks that can be reached, each before those that it leads to, loops aside. The first of `blocks` is the entry."""
    first = next(iter(blocks))
    seen, done = {first}, []
    work = [(first, iter(blocks[first].successors))]
    while work:
        name, rest = work[-1]
        target = next((each for each in rest if each not in seen), None)
        if target is None:
            done.append(name)
            work.pop()
        else:
            seen.add(target)
            work.append((target, iter(blocks[target].successors)))
    return done[::-1]


def dominators(order: list[str], position: dict[str, int], before: dict[str, list[str]]) -> dict[str, str]:
    """The immediate dominator of each block; the entry's is itself. order: reverse postorder; position: of each in it; before:
    predecessors. Source: Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"."""
    immediate = {order[0]: order[0]}
    changed = True
    while changed:
        changed = False
        for name in order[1:]:
            known = [each for each in before[name] if each in immediate]
            best = known[0]
            for other in known[1:]:
                while best != other:
                    while position[best] > position[other]:
                        best = immediate[best]
                    while position[other] > position[best]:
                        other = immediate[other]
            if immediate.get(name) != best:
                immediate[name] = best
                changed = True
    return immediate


def dominates(upper: str, lower: str, immediate: dict[str, str], position: dict[str, int]) -> bool:
    """Is `upper` on every way from the entry to `lower`? immediate: see dominators."""
    while position[lower] > position[upper]:
        lower = immediate[lower]
    return lower == upper
