"""Helpers that copy or fill memory element by element, each as one access with its check.

For llvm.mem*.element.unordered.atomic, which promises whole elements to other threads, and
llvm.experimental.memset.pattern. No fast path: LLVM itself has no better code for them on
x86-64 Linux than a loop (or a call into a library that nobody has).
"""

from __future__ import annotations

from llvm_pass.ir.types import Type
from llvm_pass.runtime.helpers import Helpers, shape_of


def copy_elements(helpers: Helpers, kind: Type, length: str) -> str:
    """void (ptr to, ptr from, length in bytes): overlapping memory is copied as memmove does."""
    name = f"@galeed.elements.copy.{shape_of(kind)}.{length}"
    load = helpers.load(kind, kind.store_bytes, "atomic ", " unordered", "", "nothing")
    before = (
        f"  %from.entry = call ptr {helpers.entry()}(ptr %from)\n"
        "  %to.word = ptrtoint ptr %to to i64\n  %from.word = ptrtoint ptr %from to i64\n"
        "  %apart = sub i64 %to.word, %from.word\n  %back = icmp ult i64 %apart, %bytes"
    )
    read = (
        "  %source = getelementptr i8, ptr %from, i64 %place\n"
        f"  %value = call {kind.text} {load}(ptr %source, ptr %from.entry)"
    )
    return _loop(helpers, name, kind, f"ptr %to, ptr %from, {length} %length", length, True, before, read)


def fill_elements(helpers: Helpers, kind: Type, length: str, atomic: bool) -> str:
    """void (ptr to, T value, length in bytes)."""
    name = f"@galeed.elements.fill.{shape_of(kind)}.{length}" + (".atomic" if atomic else "")
    before = "  %back = icmp ne i64 0, 0"
    parameters = f"ptr %to, {kind.text} %value, {length} %length"
    return _loop(helpers, name, kind, parameters, length, atomic, before, "")


def _loop(
    helpers: Helpers, name: str, kind: Type, parameters: str, length: str, atomic: bool, before: str, read: str
) -> str:
    if helpers.defined(name):
        return name
    flags, order, align = ("atomic ", " unordered", kind.store_bytes) if atomic else ("", "", 1)
    helpers.entry()
    values: dict[str, object] = {
        "parameters": parameters, "type": kind.text, "size": kind.alloc_bytes, "before": before, "read": read,
        "store": helpers.store(kind, align, flags, order, "", "any" if kind.pointers else "nothing"),
        "widen": f"zext {length} %length to i64" if length != "i64" else "add i64 %length, 0",
    }  # fmt: skip
    return helpers.define("elements", name, values)
