"""S05: The pointer of a CString that is dropped at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.source import function_around, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`let p = CString::new(s)?.as_ptr();` frees the string at the semicolon, and `p` dangles. As an argument of a call the same
words are right: a temporary lives to the end of its statement.

**What to do.** Bind the CString first: `let s = CString::new(s)?; f(s.as_ptr());`

**Source.** rustc's lint `dangling_pointers_from_temporaries`; RUSTSEC-2025-0022 is of the same kind.
"""

_CALL = """
(call_expression function: (field_expression field: (field_identifier) @method)
  (#match? @method "^as(_mut)?_ptr$")) @call
"""
_PASSING = ("unwrap", "expect", "unwrap_or_default", "unwrap_unchecked")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for file in subject.sources:
        for found in file.matches(_CALL):
            call = found["call"]
            if not _is_temporary_string(call) or not _outlives(call):
                continue
            name = function_around(call) or "?"
            place = Location(file.path, *file.position(call), symbol=name)
            seen = Evidence("rust", text_of(call).replace("\n", " ")[:120], place)
            words = f"{name} keeps the pointer of a CString that is dropped at the end of the statement"
            yield rule.finding(words, f"{name}:{text_of(call)}", seen)


def _is_temporary_string(call: Node) -> bool:
    """Does the chain of calls begin with CString::new?"""
    at: Node | None = call.child_by_field_name("function")
    while at is not None:
        if at.type == "field_expression":
            at = at.child_by_field_name("value")
        elif at.type == "try_expression":
            at = at.named_child(0)
        elif at.type == "call_expression":
            function = at.child_by_field_name("function")
            if function is None or function.type != "field_expression":
                return function is not None and text_of(function).endswith("CString::new")
            if text_of(function.child_by_field_name("field") or function) not in _PASSING:
                return False
            at = function
        else:
            return False
    return False


def _outlives(call: Node) -> bool:
    """Is the pointer what a let or an assignment keeps, or a function returns?"""
    at, parent = call, call.parent
    while parent is not None and parent.type in ("type_cast_expression", "parenthesized_expression"):
        at, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type in ("let_declaration", "return_expression"):
        return True
    if parent.type == "assignment_expression":
        return parent.child_by_field_name("right") == at
    return parent.type == "block" and parent.named_child(parent.named_child_count - 1) == at


RULE = Rule(
    id="S05",
    title="The pointer of a CString that is dropped at once",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=416,
    page=_PAGE,
    check=_check,
)
