"""S10: A shared reference cast to a mutable pointer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import declared, is_foreign, signatures
from audit.facts.rust.source import function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`&x as *const T as *mut T`, and the same of a parameter `x: &T`, says that nobody writes, and hands
out a pointer to write with. If the foreign function writes, the behaviour is undefined: the compiler has
assumed that `x` did not change. Medium confidence where the type is one that C takes by pointer, or where it is
a foreign call's argument (not `void *`); else a candidate (low): user data that C only hands back looks the
same. Not reported: `&mut`, `UnsafeCell::get`, `addr_of_mut!`, references that were bound to a name by `let`.

**What to do.** Take `&mut x`, or declare the C function's parameter `*const T` where C declares it const.

**Source.** RUSTSEC-2024-0429 is of the kind; rustc's lint `invalid_reference_casting`.
"""

_CAST = """
(type_cast_expression
  value: (type_cast_expression
    value: (reference_expression . value: (_) @value) @reference
    type: (pointer_type "const") @shared)
  type: (pointer_type (mutable_specifier)) @mutable) @cast
"""
_NAMED = """
(type_cast_expression
  value: (type_cast_expression
    value: (identifier) @value
    type: (pointer_type "const") @shared)
  type: (pointer_type (mutable_specifier)) @mutable) @cast
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    boundary, foreign = _pointees(subject), declared(subject.sources)
    for file in subject.sources:
        named = (found for found in file.matches(_NAMED) if _is_shared_parameter(found["value"]))
        made = (found for found in file.matches(_CAST) if not text_of(found["reference"]).startswith("&mut"))
        for found in sorted((*made, *named), key=lambda each: each["cast"].start_byte):
            if is_test(found["cast"]):
                continue
            name = function_around(found["cast"]) or "?"
            place = Location(file.path, *file.position(found["cast"]), symbol=name)
            seen = Evidence("rust", text_of(found["cast"]).replace("\n", " ")[:120], place)
            words = f"{name} makes a mutable pointer of the shared reference to {text_of(found['value'])[:60]}"
            key = f"{name}:{text_of(found['value'])}"
            yield rule.finding(words, key, seen, confidence=_sure(found, boundary, foreign))


def _is_shared_parameter(name: Node) -> bool:
    """Is it a parameter of the function around it, of a type `&T`?"""
    at: Node | None = name
    while at is not None and at.type != "function_item":
        at = at.parent
    parameters = at.child_by_field_name("parameters") if at is not None else None
    for each in parameters.named_children if parameters is not None else ():
        pattern, kind = each.child_by_field_name("pattern"), each.child_by_field_name("type")
        if pattern is not None and kind is not None and text_of(pattern) == text_of(name):
            return kind.type == "reference_type" and not any(one.type == "mutable_specifier" for one in kind.children)
    return False


def _sure(found: dict[str, Node], boundary: frozenset[str], foreign: frozenset[str]) -> Confidence:
    """User data that C only hands back looks like what C writes: a type of C's alone, or C's own parameter, tells them apart."""
    shared, mutable = (text_of(found[name]).split(maxsplit=1)[-1] for name in ("shared", "mutable"))
    if mutable.rsplit("::", 1)[-1] in ("c_void", "_") or re.search("Atomic|Cell", shared):
        return Confidence.LOW
    call = found["cast"].parent.parent if found["cast"].parent is not None else None
    function = call.child_by_field_name("function") if call is not None and call.type == "call_expression" else None
    if function is not None and is_foreign(function, foreign):
        return Confidence.MEDIUM
    of_c = shared.rsplit("::", 1)[-1] in boundary or re.search(r"(_sys|ffi|bindings|libc)::", shared) is not None
    return Confidence.MEDIUM if of_c and shared == mutable else Confidence.LOW


def _pointees(subject: Subject) -> frozenset[str]:
    """The types that foreign functions take by pointer, without their paths."""
    return frozenset(
        text_of(each["kind"]).rsplit("::", 1)[-1]
        for file in subject.sources
        for found in signatures(file)
        for each in matches_in(found["parameters"], "(pointer_type type: (_) @kind)")
    )


RULE = Rule(
    id="S10",
    title="A shared reference cast to a mutable pointer",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=758,
    page=_PAGE,
    check=_check,
)
