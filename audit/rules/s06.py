"""S06: Bytes of C are taken for text without a check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, called, declared, first, is_foreign, last_name, origin
from audit.facts.rust.source import function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`from_utf8_unchecked` on bytes that came from C is undefined behaviour where they are no UTF-8, and C does not promise that.
`CStr::from_ptr` on a buffer of fixed length reads on past its end where C filled it to the brim and wrote no NUL. Reported:
`from_utf8_unchecked` of a CStr's bytes or of a slice made by `from_raw_parts`, in one function that calls C or that C can
call; and, as a candidate (low confidence), `CStr::from_ptr` on a local array or vector that a foreign function has filled.
Not reported: what a function gives whose own documentation says that it makes or checks the encoding (a table in the
rule, with its sources: Python's `PyUnicode_AsUTF8`, GLib's `g_variant_get_string`, libpq's `PQcmdTuples` and their kin).

**What to do.** `CStr::to_str`, `to_string_lossy`, `str::from_utf8`; for buffers `CStr::from_bytes_until_nul`.

**Source.** RUSTSEC-2021-0019; RUSTSEC-2025-0020 for buffers.
"""
_ASKED = ("from_utf8_unchecked", "from_ptr")
_BYTES = ("to_bytes", "to_bytes_with_nul")
# Not those that pass on what somebody gave them.
_PROMISED = frozenset({
    "PyUnicode_AsUTF8", "PyUnicode_AsUTF8AndSize",  # Python/C API, Unicode objects: they encode
    "g_variant_get_string", "g_variant_dup_string",  # GLib, GVariant: always UTF-8, else the empty string
    "g_utf8_make_valid", "g_utf8_normalize",  # GLib, Unicode manipulation
    "PQcmdTuples",  # libpq: a number in digits
})  # fmt: skip


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    foreign = declared(subject.sources)
    for file in subject.sources:
        if file.in_tests or (b"from_utf8_unchecked" not in file.text and b"CStr::from_ptr" not in file.text):
            continue
        for found in file.matches(CALLS):
            value = first(found["arguments"])
            name = last_name(found["function"])
            if value is None or name not in _ASKED or is_test(found["call"]):
                continue
            if name == "from_utf8_unchecked" and _is_of_c(value, foreign):
                words, sure = "takes bytes of C for UTF-8 without a check", Confidence.MEDIUM
            elif text_of(found["function"]).endswith("CStr::from_ptr") and _is_buffer(value, foreign):
                words, sure = "looks for a NUL in a buffer that C filled, also behind its end", Confidence.LOW
            else:
                continue
            owner = function_around(found["call"]) or "?"
            place = Location(file.path, *file.position(found["call"]), symbol=owner)
            text = text_of(found["call"]).replace("\n", " ")[:120]
            yield rule.finding(f"{owner} {words}", f"{owner}:{text}", Evidence("rust", text, place), confidence=sure)


def _is_of_c(value: Node, foreign: frozenset[str]) -> bool:
    at = origin(value)
    if at.type != "call_expression":
        return False
    function = at.child_by_field_name("function")
    if function is None:
        return False
    if function.type == "field_expression":
        field, inner = function.child_by_field_name("field"), function.child_by_field_name("value")
        if field is None or inner is None or text_of(field) not in _BYTES:
            return False
        made = origin(inner)
        if made.type != "call_expression" or not text_of(made).startswith(
            ("CStr::from_ptr", "ffi::CStr::from_ptr", "std::ffi::CStr::from_ptr")
        ):
            return False
        pointer = first(made.child_by_field_name("arguments"))
        return pointer is None or not _is_promised(pointer)
    if last_name(function) != "from_raw_parts":
        return False
    pointer = first(at.child_by_field_name("arguments"))
    return pointer is not None and called(pointer, foreign) != "" and not _is_promised(pointer)


def _is_promised(pointer: Node) -> bool:
    """By its name alone: the crate that declares it may not be here."""
    at = origin(pointer)
    function = at.child_by_field_name("function") if at.type == "call_expression" else None
    return function is not None and last_name(function) in _PROMISED


def _is_buffer(value: Node, foreign: frozenset[str]) -> bool:
    """A local array or vector, by its own as_ptr, that a foreign call has got."""
    match = re.fullmatch(
        r"(\w+)\s*\.as_(?:mut_)?ptr\(\)(?:\s*as\s.*|\.cast(?:::<.*>)?\(\))?", text_of(value), re.DOTALL
    )
    if match is None:
        return False
    name, around = match[1], value
    while around.parent is not None and around.type != "function_item":
        around = around.parent
    made = [
        each["value"]
        for each in matches_in(around, "(let_declaration pattern: (identifier) @name value: (_) @value)")
        if text_of(each["name"]) == name
    ]
    if not made or not re.match(r"\[|vec!|Vec::|MaybeUninit", text_of(made[-1])):
        return False
    given = re.compile(rf"\b{name}\b")
    return any(
        is_foreign(each["function"], foreign)
        and given.search(text_of(each["arguments"]))
        and each["call"].end_byte < value.start_byte
        for each in matches_in(around, CALLS)
    )


RULE = Rule(
    id="S06",
    title="Bytes of C are taken for text without a check",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=20,
    page=_PAGE,
    check=_check,
)
