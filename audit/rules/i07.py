"""I07: A callback's data may end before the callback does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, bare, declared, function_node, is_foreign, last_name
from audit.facts.rust.source import function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules.places import of_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.facts.llvm.program import Hit, Program
    from audit.facts.rust.source import RustFile
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A Rust function gives C a function to call and a pointer to pass to it, and C stores that pointer. What it points to may end
earlier: a closure of a type parameter that is not `'static` and may borrow what the caller drops, or a variable of the
function itself. Where C calls back later, it uses what is gone. Reported as a candidate (low confidence): whether C calls
back after the function returned is not seen, nor whether the callback is taken away in time.

**What to do.** Ask for `F: 'static`; own the closure in the object that C's handle lives in, and take the callback away in its
`Drop`. For a call that C makes during the function alone, nothing need change.

**Source.** RUSTSEC-2021-0128 (rusqlite's hooks); CWE-416.
"""

_FOR_C = "(function_item (function_modifiers (extern_modifier)) name: (identifier) @name)"
_BOXED = re.compile(r"(?:Box|Rc|Arc)(?:::<[^>]*>)?::(?:into_raw|leak)\b|\.into_raw\(\)")
_BORROWED = re.compile(r"^(?:&(?:raw )?(?:mut |const )?|(?:std::|core::)?(?:ptr::)?addr_of(?:_mut)?!\()\s*\(?\s*(\w+)")
_BOUNDS = """
[(where_predicate left: (type_identifier) @name bounds: (trait_bounds) @bounds)
 (type_parameter name: (type_identifier) @name bounds: (trait_bounds) @bounds)]
"""
_PARAMETER = "(parameter pattern: (identifier) @name type: (_) @type)"


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program, sources = subject.program, (*subject.sources, *subject.declared)
    if not program.simple:
        return
    foreign = declared(sources)
    callbacks = frozenset(text_of(found["name"]) for file in sources for found in file.matches(_FOR_C))
    for file in subject.sources:
        if file.in_tests or b"extern" not in file.text:
            continue
        for found in file.matches(CALLS):
            if is_foreign(found["function"], foreign) and not is_test(found["call"]):
                yield from _call(rule, program, file, found, callbacks)


def _call(
    rule: Rule, program: Program, file: RustFile, found: dict[str, Node], callbacks: frozenset[str]
) -> Iterator[Finding]:
    arguments = [each for each in found["arguments"].named_children if "comment" not in each.type]
    name, around = last_name(found["function"]), function_node(found["call"])
    if around is None or not any(_is_callback(each, callbacks) for each in arguments):
        return
    for at, argument in enumerate(arguments):
        why = _why(argument, around)
        kept = _kept(program, name, at, len(arguments)) if why else None
        if kept is None or _is_taken_away(around, name):
            continue
        owner = function_around(found["call"]) or "?"
        place = Location(file.path, *file.position(found["call"]), symbol=owner)
        seen = Evidence("rust", f"parameter {at + 1} of {name} is {why}", place)
        yield rule.finding(
            f"{owner} gives {name} a callback with data that may end before: {why}", f"{owner}:{name}:{at}",
            seen, of_line(kept.function, kept.line, "C stores it here"),
        )  # fmt: skip


def _is_callback(argument: Node, callbacks: frozenset[str]) -> bool:
    return any(word in callbacks for word in re.findall(r"\w+", text_of(argument)))


def _why(argument: Node, around: Node) -> str:
    """What it points to that may end, or ""."""
    given = argument
    while given.type in ("type_cast_expression", "parenthesized_expression") and given.named_child_count:
        given = given.named_children[0]
    text = text_of(given)
    borrowed = _BORROWED.match(text)
    if given.type == "identifier":
        value = _let(given, around)
        if _BOXED.search(value):
            return _boxed(value, around)
        borrowed = _BORROWED.match(value)
    if borrowed and borrowed[1] not in ("self", "Box") and borrowed[1].islower():
        return f"the address of {borrowed[1]}, which ends with the function" if _is_own(borrowed[1], around) else ""
    return _boxed(text_of(bare(given)), around) if _BOXED.search(text) else ""


def _let(name: Node, around: Node) -> str:
    """What the last `let` before it gave a name, without casts; of this function, not of one inside of it."""
    found = ""
    for each in matches_in(around, "(let_declaration pattern: (identifier) @name value: (_) @value)"):
        value = each["value"]
        is_mine = function_node(value) == around and value.end_byte <= name.start_byte
        if is_mine and text_of(each["name"]) == text_of(name):
            while value.type == "type_cast_expression" and value.named_child_count:
                value = value.named_children[0]
            found = text_of(value)
    return found


def _is_own(name: str, around: Node) -> bool:
    """A variable, not a static and no reference that was passed in."""
    lets = matches_in(around, "(let_declaration pattern: (identifier) @name value: (_) @value)")
    return any(text_of(found["name"]) == name and not text_of(found["value"]).startswith("&") for found in lets)


def _boxed(value: str, around: Node) -> str:
    """Of a closure whose type may borrow."""
    bounds: dict[str, str] = {}
    for found in matches_in(around, _BOUNDS):
        if function_node(found["name"]) == around:
            bounds[text_of(found["name"])] = bounds.get(text_of(found["name"]), "") + text_of(found["bounds"])
    for found in matches_in(around, _PARAMETER):
        kind = re.sub(r"^Option\s*<\s*(\w+)\s*>$", r"\1", text_of(found["type"]))
        bound = bounds.get(kind, "")
        if (
            re.search(r"\bFn(?:Mut|Once)?\b", bound)
            and "'static" not in bound
            and re.search(rf"\b{text_of(found['name'])}\b", value)
        ):
            return f"a closure of type {kind}, which need not be 'static"
    return ""


def _kept(program: Program, name: str, at: int, count: int) -> Hit | None:
    callee = program.foreign(name)
    if callee is None or len(callee.parameters) != count:  # structures shift what the source has
        return None
    return program.stores(callee, at)


def _is_taken_away(around: Node, name: str) -> bool:
    """Does the same function call it with null too?"""
    calls = [each for each in matches_in(around, CALLS) if last_name(each["function"]) == name]
    return len(calls) > 1 and not _BOXED.search(text_of(around))


RULE = Rule(
    id="I07",
    title="A callback's data may end before the callback does",
    severity=Severity.HIGH,
    confidence=Confidence.LOW,
    cwe=416,
    page=_PAGE,
    check=_check,
)
