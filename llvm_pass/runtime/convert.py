"""Values to and from 64-bit words, and a function applied to every pointer in a value."""

from __future__ import annotations

from collections.abc import Callable

from llvm_pass.ir.types import Type


def word_to_value(word: str, value: str, kind: Type) -> str:
    """IR that makes a value out of an i64. pre: 1, 2, 4 or 8 bytes, pointer or plain bits."""
    if kind.kind == "pointer":
        return f"  {value} = inttoptr i64 {word} to ptr"
    bits = kind.store_bytes * 8
    if bits == 64:
        return f"  {value} = bitcast i64 {word} to {kind.text}"
    if kind.kind == "integer":
        return f"  {value} = trunc i64 {word} to {kind.text}"
    return f"  {word}.bits = trunc i64 {word} to i{bits}\n  {value} = bitcast i{bits} {word}.bits to {kind.text}"


def word_from_value(value: str, word: str, kind: Type) -> str:
    """IR that makes an i64 out of a value, zero-extended. pre: as for word_to_value."""
    if kind.kind == "pointer":
        return f"  {word} = ptrtoint ptr {value} to i64"
    bits = kind.store_bytes * 8
    if bits == 64:
        return f"  {word} = bitcast {kind.text} {value} to i64"
    if kind.kind == "integer":
        return f"  {word} = zext {kind.text} {value} to i64"
    return f"  {word}.bits = bitcast {kind.text} {value} to i{bits}\n  {word} = zext i{bits} {word}.bits to i64"


def leaves_mapped(kind: Type, value: str, result: str, change: Callable[[str], str] | None) -> str:
    """IR that gives `result` the value with `change` (the right side of an assignment to a
    pointer) applied to each pointer in it; a mere copy when there is none or nothing to change.
    An integer is taken for a pointer: pass no change for one that is not."""
    if kind.kind == "integer" and change is not None:
        lines = [f"  {result}.given = inttoptr {kind.text} {value} to ptr"]
        lines += [f"  {result}.made = {change(f'{result}.given')}"]
        lines += [f"  {result} = ptrtoint ptr {result}.made to {kind.text}"]
        return "\n".join(lines)
    if change is None or not kind.pointers:
        # LLVM has no plain copy; freeze would lose poison, a select of twice the same folds away.
        return f"  {result} = select i1 true, {kind.text} {value}, {kind.text} {value}"
    if kind.kind == "pointer":
        return f"  {result} = {change(value)}"
    lines = []
    last = value
    leaves = _leaves(kind)
    for number, (path, leaf) in enumerate(leaves):
        out = result if number == len(leaves) - 1 else f"{result}.{number}"
        old, new = f"{result}.p{number}", f"{result}.q{number}"
        index = ", ".join(map(str, path))
        if kind.kind == "vector":
            lines.append(f"  {old} = extractelement {kind.text} {value}, i64 {index}")
            lines.append(f"  {new} = {change(old)}")
            lines.append(f"  {out} = insertelement {kind.text} {last}, ptr {new}, i64 {index}")
        else:
            lines.append(f"  {old} = extractvalue {kind.text} {value}, {index}")
            lines.append(leaves_mapped(leaf, old, new, change))
            lines.append(f"  {out} = insertvalue {kind.text} {last}, {leaf.text} {new}, {index}")
        last = out
    return "\n".join(lines)


def _leaves(kind: Type) -> list[tuple[tuple[int, ...], Type]]:
    """Index paths of what holds pointers: pointers and, inside of aggregates, vectors of them."""
    if kind.kind == "vector":
        return [((index,), kind.parts[0]) for index in range(kind.count)]
    found: list[tuple[tuple[int, ...], Type]] = []
    parts = kind.parts * kind.count if kind.kind == "array" else kind.parts
    for index, part in enumerate(parts):
        if part.kind in ("struct", "array"):
            found += [((index, *path), leaf) for path, leaf in _leaves(part)]
        elif part.pointers:
            found.append(((index,), part))
    return found


def leaves_changed(kind: Type, pointer: str, name: str, change: Callable[[str], str]) -> list[str]:
    """IR that applies `change` to each pointer of a value in memory (a copy made for a call)."""
    lines = []
    for number, path in enumerate(pointer_paths(kind)):
        at, old, new = (f"{name}.{part}{number}" for part in ("at", "old", "new"))
        index = "".join(f", i32 {step}" for step in path)
        lines += [
            f"  {at} = getelementptr inbounds {kind.text}, ptr {pointer}, i32 0{index}",
            f"  {old} = load ptr, ptr {at}, align 1",
            f"  {new} = {change(old)}",
            f"  store ptr {new}, ptr {at}, align 1",
        ]
    return lines


def pointer_paths(kind: Type) -> list[tuple[int, ...]]:
    """Index paths of the pointers, for getelementptr."""
    if kind.kind == "pointer":
        return [()]
    if kind.kind in ("vector", "array"):
        inner = pointer_paths(kind.parts[0])
        return [(index, *path) for index in range(kind.count) for path in inner]
    return [(index, *path) for index, part in enumerate(kind.parts) if part.pointers for path in pointer_paths(part)]


def offsets_of_pointers(kind: Type, start: int = 0) -> list[int]:
    """Where the pointers of a value lie in memory, in bytes from its start."""
    if kind.kind == "pointer":
        return [start]
    if not kind.pointers:
        return []
    if kind.kind in ("vector", "array"):
        step = kind.parts[0].alloc_bytes
        return [at for index in range(kind.count) for at in offsets_of_pointers(kind.parts[0], start + index * step)]
    found, offset = [], 0
    for part in kind.parts:
        align = 1 if kind.packed else part.align_bytes
        offset += -offset % align
        found += offsets_of_pointers(part, start + offset)
        offset += part.alloc_bytes
    return found
