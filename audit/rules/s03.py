"""S03: What is given away is never taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, declared, first, function_node, is_foreign, origin
from audit.facts.rust.source import function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`Box::into_raw`, `CString::into_raw` and their like give memory away that only the same type's `from_raw` can free: C's
`free` must not. Reported: `into_raw` in a function that calls C, where no `from_raw` of the same type stands anywhere in
what is audited; and `mem::forget` of what has lent its `as_ptr` to C in the same function, where no `from_raw_parts` does.
Not reported: a pointer that goes into a `static`, tests. Audit the whole crate: a single file may not show where the memory
is taken back.

**What to do.** Take it back in `Drop`, or in the callback that C calls to free its user data: `drop(Box::from_raw(p))`. If C
only looks at it during the call, lend it (`as_ptr`) and keep it. If it shall live to the end, say so: `Box::leak`.

**Source.** fluidlite's leaked CStrings, found by FFIChecker.
"""
_INTO = re.compile(r"(?:^|<|::)(Box|CString|Rc|Arc)(?:(?:::)?<.*>)?>?::into_raw$", re.DOTALL)
_STATICS = re.compile(r"\b(AtomicPtr|OnceLock|OnceCell|lazy_static|Lazy|compare_exchange|swap|store)\b")
_POINTERS = ("as_ptr", "as_mut_ptr")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    whole = b"\n".join(file.text for file in subject.sources)
    foreign = declared(subject.sources)
    for file in subject.sources:
        if file.in_tests or (b"into_raw" not in file.text and b"forget" not in file.text):
            continue
        for found in file.matches(CALLS):
            call, words = found["call"], text_of(found["function"])
            kind = _kind(words, call)
            around = function_node(call)
            if not kind or around is None or is_test(call) or _STATICS.search(text_of(around)):
                continue
            if _is_taken_back(kind, whole) or not _meets(around, foreign):
                continue
            name = function_around(call) or "?"
            place = Location(file.path, *file.position(call), symbol=name)
            seen = Evidence("rust", text_of(call).replace("\n", " ")[:120], place)
            back = "from_raw_parts" if kind == "forget" else f"{kind}::from_raw"
            what = "forgets what C has the address of" if kind == "forget" else f"gives a {kind} away by into_raw"
            yield rule.finding(f"{name} {what}, and no {back} takes it back", f"{name}:{text_of(call)}", seen)


def _kind(function: str, call: Node) -> str:
    """The type whose from_raw is wanted, "forget", or ""."""
    match = _INTO.search(re.sub(r"\s+", "", function))
    if match:
        return match[1]
    at = call.child_by_field_name("function")
    receiver = at.child_by_field_name("value") if at is not None and at.type == "field_expression" else None
    if receiver is not None and function.endswith(".into_raw") and "CString::new" in text_of(origin(receiver)):
        return "CString"
    if function in ("forget", "mem::forget", "std::mem::forget", "core::mem::forget"):
        arguments, around = call.child_by_field_name("arguments"), function_node(call)
        value = first(arguments)
        if value is not None and value.type == "identifier" and around is not None:
            name = re.escape(text_of(value))
            if any(re.search(rf"\b{name}\.{each}\(", text_of(around)) for each in _POINTERS):
                return "forget"
    return ""


def _is_taken_back(kind: str, whole: bytes) -> bool:
    """In doubt it is: macros are text, and who drops in place frees as well."""
    if b"drop_in_place" in whole:
        return True
    if kind == "forget":
        return b"from_raw_parts" in whole
    return re.search(rb"\b%s\b[^;{}]{0,120}\bfrom_raw" % kind.encode(), whole) is not None


def _meets(around: Node, foreign: frozenset[str]) -> bool:
    return any(is_foreign(found["function"], foreign) for found in matches_in(around, CALLS))


RULE = Rule(
    id="S03",
    title="What is given away is never taken back",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=401,
    page=_PAGE,
    check=_check,
)
