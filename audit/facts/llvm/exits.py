"""The ways out of a function: which returns can be reached, with what value, and past what.

Invariant: a way that the known values rule out is not taken; of what is not known both ways are. Bounded: after a number
of steps nothing more is found, so that an exit that is named is one, and a missing one proves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks, Edge
from audit.facts.llvm.known import NOT_NULL, SELECTED, Known, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from audit.facts.llvm.blocks import Block
    from audit.facts.llvm.ir import Call, Function

_RETURN = re.compile(r"^  ret (?:void|(?:\S+) (\S+?))(?:,|$)")
_EQUAL = re.compile(r"icmp (eq|ne) (ptr|i\d+) (\S+), (\S+?)(?:,|$)")
_NULL = re.compile(r"4core3ptr(?:4null|8null_mut)")
_MOST_STEPS = 3_000
_DEEPEST = 3


@dataclass(frozen=True)
class Exit:
    """One way out. line: of the return. text: what is returned, "" for nothing. value: what that is, if it is known.
    learned: what the tests on the way say of values. decided: the line that led there from the block before; -1: none."""

    line: int
    text: str
    value: Known | None
    learned: frozenset[tuple[str, Known]]
    decided: int = -1


@dataclass(frozen=True)
class _State:
    block: str
    came_from: str
    begin: int
    learned: frozenset[tuple[str, Known]]


def exits(
    function: Function,
    known: Mapping[str, Known],
    stops: Callable[[int], bool] = lambda _: False,
    begin: int = 0,
    blocks: Blocks | None = None,
) -> list[Exit]:
    """Those that are reached from a line without passing one that stops. known: values by name."""
    blocks = blocks or Blocks(function)
    found: list[Exit] = []
    for state, block, facts, here in _walk(known, stops, begin, blocks):
        found += _returns(blocks, block, facts, here, state)
    return sorted(found, key=lambda each: (each.line, each.text, str(each.value)))


def reached(known: Mapping[str, Known], begin: int, blocks: Blocks) -> set[int]:
    """The lines of a function that can come after a line where these values are known."""
    found: set[int] = set()
    for state, block, _, __ in _walk(known, lambda _: False, begin, blocks):
        found.update(line for line in block.lines if line >= state.begin)
    return found


def _walk(
    known: Mapping[str, Known], stops: Callable[[int], bool], begin: int, blocks: Blocks
) -> Iterator[tuple[_State, Block, dict[str, Known], dict[str, str]]]:
    """Each block that is passed whole, with what is known there."""
    start = blocks.of_line(begin) or blocks.at(blocks.entry)
    todo = [_State(start.name, "", begin, frozenset())] if start else []
    seen: set[_State] = set()
    while todo and len(seen) < _MOST_STEPS:
        state = todo.pop()
        block = blocks.at(state.block)
        if state in seen or block is None:
            continue
        seen.add(state)
        if any(stops(line) for line in block.lines if line >= state.begin):
            continue
        facts = {**known, **dict(state.learned)}
        here = phis_of(blocks, block, state.came_from)
        yield state, block, facts, here
        for edge in _open(block, blocks, facts, here):
            learned = state.learned | frozenset(_told(edge, blocks))
            todo.append(_State(edge.to, block.name, 0, learned))


def phis_of(blocks: Blocks, block: Block, came_from: str) -> dict[str, str]:
    """What a block's phis are when one comes from a block. The first block's name is not printed in C's modules."""
    found = {}
    for line in block.lines:
        text = blocks.function.body[line]
        name = text[2:].split(" = ", 1)[0]
        if name not in blocks.phis:
            if text.startswith("  "):
                break
            continue
        incoming = blocks.phis[name]
        unnamed = [each for each in incoming if each not in blocks.by_name]
        value = incoming.get(came_from) or (incoming[unnamed[0]] if not came_from and unnamed else None)
        if value is not None:
            found[name] = value
    return found


def _returns(
    blocks: Blocks, block: Block, facts: Mapping[str, Known], here: Mapping[str, str], state: _State
) -> Iterator[Exit]:
    for line in block.lines:
        match = _RETURN.match(blocks.function.body[line]) if line >= state.begin else None
        if match:
            text = match[1] or ""
            value = value_of(text, blocks, facts, here) if text else None
            before = blocks.at(state.came_from) if state.came_from or state.learned else None
            yield Exit(line, here.get(text, text), value, state.learned, before.last if before else -1)


def chosen(way: Exit, known: Mapping[str, Known], blocks: Blocks) -> Iterator[Exit]:
    """The way itself, or where a `select` is returned whose test is not known, a way for each of the two."""
    match = SELECTED.match(blocks.values.get(way.text, "")) if way.value is None else None
    if match is None:
        yield way
        return
    for text, case in ((match[2], 1), (match[3], 0)):
        told = _told(Edge("", match[1], frozenset({case})), blocks)
        learned = way.learned | frozenset(told)
        yield Exit(way.line, text, value_of(text, blocks, {**known, **dict(learned)}), learned, way.decided)


def _open(block: Block, blocks: Blocks, facts: Mapping[str, Known], here: Mapping[str, str]) -> Iterator[Edge]:
    """The edges that can be taken."""
    for edge in block.edges:
        value = value_of(edge.value, blocks, facts, here) if edge.value else None
        if not isinstance(value, int) or (value in edge.cases) != edge.others:
            yield edge


def _told(edge: Edge, blocks: Blocks) -> Iterator[tuple[str, Known]]:
    """What is known where an edge was taken."""
    if not edge.value.startswith("%") or edge.others or len(edge.cases) != 1:
        return
    (case,) = edge.cases
    yield edge.value, case
    match = _EQUAL.match(blocks.values.get(edge.value, ""))
    if match is None or not match[3].startswith("%"):
        return
    is_equal = (match[1] == "eq") == bool(case)
    if is_equal and (match[4] == "null" or match[4].lstrip("-").isdigit()):
        yield match[3], 0 if match[4] == "null" else int(match[4])
    elif not is_equal and match[4] == "null":
        yield match[3], NOT_NULL


def deduced(
    function: Function,
    known: Mapping[str, Known],
    definition: Callable[[Call], Function | None],
    depth: int = 0,
) -> dict[str, Known]:
    """What is known, and the results of the calls that these values decide. definition: of what is called."""
    found = dict(known)
    if depth >= _DEEPEST or not any(isinstance(each, int) for each in known.values()):
        return found
    blocks = Blocks(function)
    for call in function.calls:
        callee = definition(call) if call.result and call.callee else None
        if callee is None or callee is function or callee.variadic:
            continue
        values = (value_of(each.value, blocks, found) for each in call.arguments)
        given = {each.value: value for each, value in zip(callee.parameters, values, strict=False) if value is not None}
        if not any(isinstance(each, int) for each in given.values()):
            continue
        results = {each.value for each in exits(callee, deduced(callee, given, definition, depth + 1))}
        (only,) = results if len(results) == 1 else (None,)
        if only is not None and call.result:
            found[call.result] = only
    return found


def known_of(callee: Function, call: Call, caller: Function | None = None) -> dict[str, Known]:
    """What a call says of the callee's parameters: constants; a pointer is not null unless it is written so.

    caller: to see ptr::null() where that is a call still.
    """
    nulls = {each.result for each in caller.calls if _NULL.search(each.callee)} if caller else set()
    found: dict[str, Known] = {}
    for parameter, argument in zip(callee.parameters, call.arguments, strict=False):
        text = argument.value
        if argument.type.kind == "pointer":
            found[parameter.value] = 0 if text == "null" or text in nulls else NOT_NULL
        elif text in ("true", "false"):
            found[parameter.value] = int(text == "true")
        elif text.lstrip("-").isdigit():
            found[parameter.value] = int(text)
    return found
