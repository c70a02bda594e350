"""S05: The pointer of a CString that is dropped at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import last_name, origin
from audit.facts.rust.source import function_around, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.facts.rust.source import RustFile
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`let p = CString::new(s)?.as_ptr();` frees the string at the semicolon, and `p` dangles; so it does where another function of what is
audited makes the CString. As an argument of a call the same
words are right: a temporary lives to the end of its statement. `name.map_or(null(), |s| s.as_ptr())` of an `Option<CString>` frees the
string when the closure returns, wherever it stands.

**What to do.** Bind the CString first: `let s = CString::new(s)?; f(s.as_ptr());`; of an option `name.as_ref().map_or(..)`.

**Source.** rustc's lint `dangling_pointers_from_temporaries`; RUSTSEC-2025-0022 is of the same kind.
"""

_CALL = """
(call_expression function: (field_expression field: (field_identifier) @method)
  (#match? @method "^as(_mut)?_ptr$")) @call
"""
# A closure that takes its argument and returns what that lends.
_CLOSURE = """
(call_expression
  function: (field_expression value: (identifier) @receiver field: (field_identifier) @method)
  arguments: (arguments (closure_expression
    parameters: (closure_parameters . (identifier) @taken .)
    body: (call_expression function: (field_expression value: (identifier) @lent field: (field_identifier) @lends)) @call))
  (#match? @method "^(map|map_or|map_or_else|and_then)$")
  (#match? @lends "^as(_mut)?_ptr$"))
"""
_FUNCTION = "(function_item name: (identifier) @name return_type: (_) @type)"
_OWNED = re.compile(r"^(?:(?:\w+::)*(?:Result|Option)<)?(?:\w+::)*CString\b")
_PASSING = ("unwrap", "expect", "unwrap_or_default", "unwrap_unchecked")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    makers = _makers(subject)
    for file in subject.sources:
        for found in file.matches(_CALL):
            if _is_temporary_string(found["call"], makers) and _outlives(found["call"]):
                yield _finding(rule, file, found["call"], "the statement")
        for found in file.matches(_CLOSURE):
            same = text_of(found["taken"]) == text_of(found["lent"])
            if same and "CString::new(" in text_of(origin(found["receiver"])):
                yield _finding(rule, file, found["call"], "the closure")


def _finding(rule: Rule, file: RustFile, call: Node, end: str) -> Finding:
    name = function_around(call) or "?"
    place = Location(file.path, *file.position(call), symbol=name)
    seen = Evidence("rust", text_of(call).replace("\n", " ")[:120], place)
    words = f"{name} keeps the pointer of a CString that is dropped at the end of {end}"
    return rule.finding(words, f"{name}:{text_of(call)}", seen)


def _makers(subject: Subject) -> frozenset[str]:
    """The names of functions that return a CString, or one in a Result or Option, whichever function has the name."""
    owned: dict[str, bool] = {}
    for file in subject.sources:
        for found in file.matches(_FUNCTION):
            name = text_of(found["name"])
            owned[name] = owned.get(name, True) and bool(_OWNED.match(text_of(found["type"])))
    return frozenset(name for name, is_owned in owned.items() if is_owned)


def _is_temporary_string(call: Node, makers: frozenset[str]) -> bool:
    """Does the chain of calls begin with CString::new, or with one of the makers?"""
    at: Node | None = call.child_by_field_name("function")
    while at is not None:
        if at.type == "field_expression":
            at = at.child_by_field_name("value")
        elif at.type == "try_expression":
            at = at.named_child(0)
        elif at.type == "call_expression":
            function = at.child_by_field_name("function")
            if function is None or function.type != "field_expression":
                return function is not None and (
                    text_of(function).endswith("CString::new") or last_name(function) in makers
                )
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
