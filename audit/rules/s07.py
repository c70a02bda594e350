"""S07: A function for C that may panic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import last_name
from audit.facts.rust.source import is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A panic that leaves an `extern "C"` function ends the process (since Rust 1.81; before, its behaviour was undefined). Where
input decides whether it panics, C has a way to end the program. Reported: `unwrap`, `expect`, `panic!`, `assert!` and their like in the
body of a function that C can call, outside of `catch_unwind`. Not reported: `unreachable!`, an `expect` whose text begins with that or with
`BUG`, a poisoned lock's `unwrap`, functions that
never return. Where `panic!` and `assert!` are all there is, somebody meant it: severity low.

**What to do.** Return an error code; or catch: `std::panic::catch_unwind`, `extern "C-unwind"` where C++ frames can
pass it on.

**Source.** RUSTSEC-2019-0022.
"""

_FUNCTION = """
(function_item (function_modifiers (extern_modifier (string_literal)? @abi)) name: (identifier) @name body: (block) @body) @item
"""
_ANY = "(function_item name: (identifier) @name body: (block) @body)"
_PANICS = """
([
  (call_expression function: (field_expression field: (field_identifier) @what))
  (macro_invocation macro: (identifier) @what)
] @place
(#match? @what "^(unwrap|expect|panic|assert|assert_eq|assert_ne|todo|unimplemented)$"))
"""


# An expect that says so is an `unreachable!`.
_INVARIANT = re.compile(r"\.expect\(\s*\"(?:bug\b|internal error|unreachable|infallible)[^\"]*\"\s*,?\s*\)$", re.I)


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    catchers = _catchers(subject)
    for file in subject.sources:
        if file.in_tests:
            continue
        for found in file.matches(_FUNCTION):
            abi = text_of(found["abi"]) if "abi" in found else '"C"'
            returns = found["item"].child_by_field_name("return_type")
            never = returns is not None and text_of(returns) == "!"
            if abi not in ('"C"', '"system"') or never or is_test(found["item"]):
                continue
            places = [
                each["place"] for each in matches_in(found["body"], _PANICS) if not _is_meant(each["place"], catchers)
            ]
            if places:
                name = text_of(found["name"])
                seen = [
                    Evidence(
                        "rust",
                        text_of(each).replace("\n", " ")[:100],
                        Location(file.path, each.start_point.row + 1, symbol=name),
                    )
                    for each in places
                ]
                place = Location(file.path, found["item"].start_point.row + 1, symbol=name)
                shown = Evidence("rust", f"fn {name}, extern {abi}", place)
                # A stop that somebody wrote down is a decision; an unwrap is one that nobody took.
                bad = Severity.LOW if all(each.type == "macro_invocation" for each in places) else rule.severity
                yield rule.finding(f"{name} is extern {abi} and may panic", name, shown, *seen, severity=bad)


def _catchers(subject: Subject) -> frozenset[str]:
    """The names of functions that catch: what a closure does that they are given is theirs."""
    return frozenset(
        text_of(found["name"])
        for file in subject.sources
        if b"catch_unwind" in file.text
        for found in file.matches(_ANY)
        if "catch_unwind" in text_of(found["body"])
    )


def _is_meant(node: Node, catchers: frozenset[str]) -> bool:
    """Caught, a lock that is poisoned by an earlier panic alone, or what its text says can never be."""
    if re.search(r"\.(lock|read|write)\(\)\s*\.(unwrap|expect)\([^()]*\)$", text_of(node)):
        return True
    if _INVARIANT.search(text_of(node)):
        return True
    at: Node | None = node.parent
    while at is not None and at.type != "function_item":
        function = at.child_by_field_name("function") if at.type == "call_expression" else None
        if function is not None and ("catch_unwind" in text_of(function) or last_name(function) in catchers):
            return True
        at = at.parent
    return False


RULE = Rule(
    id="S07",
    title="A function for C that may panic",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=248,
    page=_PAGE,
    check=_check,
)
