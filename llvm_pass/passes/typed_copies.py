"""Pointers inside copied structures: memcpy moves bytes, the membrane wants each pointer.

clang says of a struct assignment which of its bytes are pointers (!tbaa.struct, from -O1
on, but not of arrays and unions in it), and a stack buffer or global that is copied whole
has a type that says so at any level. Behind the copy each of them is loaded and stored once more through the membrane, so
that it becomes a handle on the way out of the host's memory and an address on the way in.

Invariant: a pointer that neither comes out of the host's memory nor goes there is the same
afterwards. Where nothing tells (-O0 between two places that are only pointed to, plain
memcpy there) the bytes stay as they are. Guessing by their values would make chance
numbers into pointers.
"""

from __future__ import annotations

import re

from llvm_pass.ir.metadata import Metadata
from llvm_pass.ir.syntax import LOCAL, metadata_of
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.frame import Frame
from llvm_pass.runtime.convert import offsets_of_pointers

_FIELD = re.compile(r"i64 (\d+), i64 (\d+), (!\d+)")
_POINTER = re.compile(r"p\d+ |any pointer$")
_ALLOCA = re.compile(rf"^  {LOCAL} = alloca (.+?), align \d+")
_GLOBAL = re.compile(r" (?:global|constant) (.*)$")
_MOST_POINTERS = 32  # beyond it the copy stays as it is
_KIND = Type("ptr", "pointer", 8, 8, 8, 64)


def pointers_behind(frame: Frame, line: str, length: str, sides: dict[str, str]) -> list[str]:
    """IR to follow the copy in its served form. sides: the values of "to" and "from"."""
    if not length.isdigit() or int(length) < _KIND.store_bytes:
        return []
    node = metadata_of(line).get("tbaa.struct")
    told = set(pointer_offsets(frame.context.module.metadata, node, int(length)) if node else ())
    for value in sides.values():
        kind = _type_of(frame, value)
        if kind is not None and kind.alloc_bytes == int(length):
            told.update(offsets_of_pointers(kind))
    if len(told) > _MOST_POINTERS:
        return []
    suffix, new = frame.suffix(line), []
    load, store = (frame.helpers.runtime(f"galeed_{what}_pointer") for what in ("load", "store"))
    for offset in sorted(told):
        places = []
        for side in ("from", "to"):
            place, word = frame.context.edits.fresh(), frame.context.edits.fresh()
            new.append(f"  {place} = getelementptr i8, ptr {sides[side]}, i64 {offset}")
            new.append(f"  {word} = ptrtoint ptr {place} to i64")
            places.append(word)
        pointer = frame.context.edits.fresh()
        new.append(f"  {pointer} = call {load}(i64 {places[0]}){suffix}")
        new.append(f"  call {store}(i64 {places[1]}, i64 {pointer}){suffix}")
    frame.context.stats["copied pointers"] += len(told)
    return new


def _type_of(frame: Frame, value: str) -> Type | None:
    """The type of a stack buffer or a global."""
    module = frame.context.module
    try:
        if value.startswith("@"):
            _, line = next(module.globals_named(f"{value} ="), (0, ""))
            match = _GLOBAL.search(line)
            return module.types.prefix(match.group(1))[0] if match else None
        place = frame.roots.line_of(value)
        match = _ALLOCA.match(module.lines[place]) if place is not None else None
        return module.types.parse(match.group(1)) if match else None
    except TypeSyntaxError:  # a count, or a type that is not understood
        return None


def pointer_offsets(metadata: Metadata, node: str, length: int) -> list[int]:
    """Where a !tbaa.struct node has pointers, as far as the copy goes."""
    found = []
    for offset, nbytes, tag in _FIELD.findall(metadata.nodes.get(node, "")):
        name = metadata.access_type(tag)
        if name and _POINTER.match(name) and int(nbytes) == _KIND.store_bytes and int(offset) + int(nbytes) <= length:
            found.append(int(offset))
    return found
