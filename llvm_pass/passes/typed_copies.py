"""Pointers inside copied structures: memcpy moves bytes, the membrane wants each pointer.

clang says of a struct assignment which of its bytes are pointers (!tbaa.struct, from -O1
on). Behind the copy each of them is loaded and stored once more through the membrane, so
that it becomes a handle on the way out of the host's memory and an address on the way in.

Invariant: a pointer that neither comes out of the host's memory nor goes there is the same
afterwards. Without !tbaa.struct (-O0, plain memcpy) the bytes stay as they are, and what
was an address of the host traps when it is used.
"""

from __future__ import annotations

import re

from llvm_pass.ir.metadata import Metadata
from llvm_pass.ir.syntax import metadata_of
from llvm_pass.ir.types import Type
from llvm_pass.passes.frame import Frame

_FIELD = re.compile(r"i64 (\d+), i64 (\d+), (!\d+)")
_POINTER = re.compile(r"p\d+ |any pointer$")
_MOST_POINTERS = 32  # beyond it the copy stays as it is
_KIND = Type("ptr", "pointer", 8, 8, 8, 64)


def pointers_behind(frame: Frame, line: str, length: str, sides: dict[str, tuple[str, str | None]]) -> list[str]:
    """IR to follow the copy. sides: "to" and "from", each a value and its entry or None for a raw one."""
    node = metadata_of(line).get("tbaa.struct")
    if node is None or not length.isdigit():
        return []
    offsets = pointer_offsets(frame.context.module.metadata, node, int(length))
    if len(offsets) > _MOST_POINTERS:
        return []
    suffix, new = frame.suffix(line), []
    (to, to_entry), (source, from_entry) = sides["to"], sides["from"]
    for offset in offsets:
        start, end, pointer = (frame.context.edits.fresh() for _ in range(3))
        new.append(f"  {start} = getelementptr i8, ptr {source}, i64 {offset}")
        new.append(f"  {end} = getelementptr i8, ptr {to}, i64 {offset}")
        if from_entry is None:
            new.append(f"  {pointer} = load ptr, ptr {start}, align 1")
        else:
            helper = frame.helpers.load(_KIND, 1, "", "", "", "any")
            new.append(f"  {pointer} = call ptr {helper}(ptr {start}, ptr {from_entry}){suffix}")
        if to_entry is None:
            new.append(f"  store ptr {pointer}, ptr {end}, align 1")
        else:
            helper = frame.helpers.store(_KIND, 1, "", "", "", "any")
            new.append(f"  call void {helper}(ptr {end}, ptr {to_entry}, ptr {pointer}){suffix}")
    frame.context.stats["copied pointers"] += len(offsets)
    return new


def pointer_offsets(metadata: Metadata, node: str, length: int) -> list[int]:
    """Where a !tbaa.struct node has pointers, as far as the copy goes."""
    found = []
    for offset, nbytes, tag in _FIELD.findall(metadata.nodes.get(node, "")):
        name = metadata.access_type(tag)
        if name and _POINTER.match(name) and int(nbytes) == _KIND.store_bytes and int(offset) + int(nbytes) <= length:
            found.append(int(offset))
    return found
