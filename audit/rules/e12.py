"""E12: A struct that Rust and C lay out differently."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.foreign import declarations
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.binary.layouts import Layout
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Both sides were compiled with debug information, and it says that a struct's size or the place of a field is not
the same for Rust and for C: what one writes the other reads elsewhere, or past the end. A Rust struct is joined to C's by
its name, when the program has raw pointers to it or its source declares that C takes one, its
fields lie in the order of their declaration (as `repr(C)` has them)
and at least two of them, and most, have C's names. Where any C unit has the same layout, nothing is said.
DWARF tells no line for Rust's types: the crate's root is shown.

**What to do.** Generate the declaration (bindgen) from the header that C is compiled with, with the same macros; keep the
layout tests that it writes.

**Source.** RUSTSEC-2020-0078.
"""

_POINTER = re.compile(r"(?:\*(?:const|mut)|&(?:mut)?) *(?:\w+::)*(\w+)$")
_LEAST = 2  # fields in common


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    layouts = subject.layouts
    told = set()
    words = {
        word for each in declarations(subject.sources).values() for kind in each.parameters for word in _pointed(kind)
    }
    for rust in layouts.rust:
        name = rust.name.rsplit("::", 1)[-1]
        alike = [each for each in layouts.c if each.name == name and _is_meant(rust, each)]
        if not alike or rust.name in told or not (rust.name in layouts.pointed or name in words):
            continue
        differ = [_difference(rust, each) for each in alike]
        if not all(differ):
            continue
        told.add(rust.name)
        c = alike[0]
        yield rule.finding(
            f"{rust.name} is laid out differently by Rust and C: {differ[0]}",
            rust.name,
            Evidence("dwarf", f"C: {c.bytes} bytes, {_shown(c)}", Location(c.file, line=c.line, symbol=c.name)),
            Evidence("dwarf", f"Rust: {rust.bytes} bytes, {_shown(rust)}", Location(rust.file, symbol=rust.name)),
        )


def _pointed(kind: str) -> list[str]:
    """The name that a type as it is written points to."""
    return _POINTER.findall(kind)


def _is_meant(rust: Layout, c: Layout) -> bool:
    offsets = [offset for _, offset in rust.fields]
    common = {name for name, _ in rust.fields} & {name for name, _ in c.fields}
    return offsets == sorted(offsets) and len(common) >= max(_LEAST, (2 * len(rust.fields) + 2) // 3)


def _difference(rust: Layout, c: Layout) -> str:
    there = dict(c.fields)
    for name, offset in rust.fields:
        if name in there and there[name] != offset:
            return f"{name} at byte {offset} in Rust, {there[name]} in C"
    return f"{rust.bytes} bytes in Rust, {c.bytes} in C" if rust.bytes != c.bytes else ""


def _shown(layout: Layout) -> str:
    return ", ".join(f"{name} at {offset}" for name, offset in layout.fields[:8])


RULE = Rule(
    id="E12",
    title="A struct that Rust and C lay out differently",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=188,
    page=_PAGE,
    check=_check,
)
