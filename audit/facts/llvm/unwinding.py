"""What leaves a function by unwinding: panics of Rust, exceptions of C++.

Invariant: a function that LLVM proved nounwind lets nothing out; an invoke whose landing pad catches everything,
or may catch the type, is taken to catch it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Program

GUARD = "panic_cannot_unwind"
_PANICS = re.compile(
    r"9panicking(?!\d+(?:panic_count|panic_cannot|panic_nounwind|panic_in_cleanup|catch_unwind))\d|"
    r"unwrap_failed|expect_failed|slice_\w*fail|begin_panic"
)
_THROWS = re.compile(r"__cxa_throw$|__cxa_rethrow$|_ZSt\d+__throw_\w+$")
# A thread that panics while memory runs out is not what input decides.
# Nor what a lock throws that its thread holds already, or a thread for which there are no resources (system_error).
# Of C++'s strings the same; logic_error is theirs for a null pointer, which no wrapper passes.
_MEMORY = re.compile(
    r"bad_alloc|bad_array_new|length_error|logic_error|throw_system_error|handle_alloc_error|capacity_overflow"
)
# A bound that the library checks: whether it can be missed at all is in the code around.
_CHECKS = re.compile(r"_ZSt\d+__throw_out_of_range")
# Containers of the library throw again what their elements, or memory, threw: that is the source then.
_STD = re.compile(r"_ZN?K?(?:St|9__gnu_cxx)")
_UNWIND = re.compile(r" unwind label (%[\w.$-]+|%\"[^\"]*\")")
_TARGETS = re.compile(r"label (%[\w.$-]+|%\"[^\"]*\")")
_CAUGHT = re.compile(r"panic_cleanup|catch_unwind\d*7cleanup|7cleanup17h|12catch_unwind7cleanup")
_DEEPEST = 6


def is_panic(name: str) -> bool:
    return bool(_PANICS.search(name)) and not _MEMORY.search(name)


def is_throw(name: str) -> bool:
    return bool(_THROWS.search(name)) and not _MEMORY.search(name) and not is_check(name)


def is_check(name: str) -> bool:
    """Does it throw only where a bound was missed that C++'s library looks at (`at`, `substr`)?"""
    return bool(_CHECKS.match(name))


def way_out(
    program: Program, function: Function, ends: Callable[[str], bool], is_guard: bool = False
) -> list[tuple[Function, Call]] | None:
    """The calls by which a function reaches one that `ends` says unwinds, and nothing on the way catches it.

    is_guard: the function is one of Rust's for C, whose own landing pad ends the program.
    """
    return _search(program, function, ends, set(), 0, is_guard)


def _search(
    program: Program, function: Function, ends: Callable[[str], bool], seen: set[str], depth: int, is_guard: bool
) -> list[tuple[Function, Call]] | None:  # fmt: skip
    if depth > _DEEPEST or function.name in seen or (function.nounwind and not is_guard):
        return None
    seen.add(function.name)
    for call in function.calls:
        if (
            not call.callee
            or "nounwind" in call.attributes
            or (call.is_invoke and _is_caught(function, call, is_guard))
        ):
            continue
        if ends(call.callee) and not (call.callee == "__cxa_rethrow" and _STD.match(function.name)):
            return [(function, call)]
        callee = function.module.functions.get(call.callee)
        if callee is None or not callee.is_defined:
            found = program.definitions.get(call.callee, [])
            callee = found[0] if len(found) == 1 else None
        deeper = _search(program, callee, ends, seen, depth + 1, False) if callee else None
        if deeper:
            return [(function, call), *deeper]
    return None


def _is_caught(function: Function, call: Call, is_guard: bool) -> bool:
    lines = function.body[call.line : call.line + 3]
    label = next((match[1] for line in lines if (match := _UNWIND.search(line))), None)
    if label is None:
        return False
    pad = list(_from(function, label))
    if is_guard:
        return not any(GUARD in line for line in pad)
    clauses = [line.strip() for line in pad if line.startswith("          ")]
    return any(line.startswith(("catch ", "filter ")) for line in clauses)


def _from(function: Function, label: str) -> Iterator[str]:
    """The lines of a landing pad's block and of those that it branches to, up to where a panic is taken over."""
    blocks = _blocks(function)
    todo, seen = [label], set()
    while todo:
        name = todo.pop()
        if name in seen or name not in blocks:
            continue
        seen.add(name)
        start, end = blocks[name]
        body = function.body[start:end]
        yield from body
        if any(_CAUGHT.search(line) for line in body):
            continue
        for line in body:
            if line.startswith(("  br ", "  switch ")):
                todo += _TARGETS.findall(line)


def _blocks(function: Function) -> dict[str, tuple[int, int]]:
    starts = [
        (number, "%" + line.split(":")[0])
        for number, line in enumerate(function.body)
        if line[:1] not in (" ", "", "}") and ":" in line
    ]
    ends = [number for number, _ in starts[1:]] + [len(function.body)]
    return {name: (start + 1, end) for (start, name), end in zip(starts, ends, strict=True)}
