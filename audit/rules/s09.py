"""S09: Safe code can free a handle twice, or have any address used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, bare, declared, is_foreign, last_name
from audit.facts.rust.modules import hidden
from audit.facts.rust.source import function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.facts.rust.source import RustFile
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A type whose `Drop` gives a raw pointer to a function that frees must not be `Clone` by copying the pointer: both copies
free. And a safe `pub fn` that takes a raw pointer and uses what it points to lets safe code name any address. Reported:
`#[derive(Clone)]`, or an `impl Clone` that calls nothing, on a type with one raw pointer whose `Drop` calls a foreign
function or `from_raw` with it; a safe public function that dereferences a parameter of pointer type or gives it to C, or
makes of it a value of a type whose `Drop` gives it to C in any case. Not reported: functions with an ABI of C (S07 and C's own
rules), `pub(crate)`, private modules' and private types' functions.

**What to do.** For handles: the library's own reference count in `clone` (`X_up_ref`), or `Arc` around the handle. For
functions: `unsafe fn` with a `# Safety` section, or take a reference, a slice, `&CStr`.

**Source.** RUSTSEC-2026-0157; clippy's `not_unsafe_ptr_arg_deref`.
"""
_STRUCT = "(struct_item name: (type_identifier) @name body: (_) @body) @item"
_IMPL = "(impl_item trait: (_) @trait type: (_) @type body: (declaration_list) @body) @item"
_FUNCTION = """
(function_item
  (visibility_modifier) @visibility
  name: (identifier) @name
  parameters: (parameters) @parameters
  body: (block) @body) @item
"""
_PARAMETER = "(parameter pattern: (identifier) @name type: (pointer_type) @type)"
_MADE = """
[(call_expression function: (_) @name arguments: (arguments) @values)
 (struct_expression name: (_) @name body: (field_initializer_list) @values)]
"""
_READERS = frozenset({"from_ptr", "from_raw_parts", "from_raw_parts_mut"})


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    foreign = declared(subject.sources)
    drops = _impls(subject, "Drop")
    clones = _impls(subject, "Clone")
    private = {
        text_of(found["name"])
        for file in subject.sources
        for found in file.matches(_STRUCT)
        if not text_of(found["item"]).startswith("pub ")
    }
    unseen = hidden(subject.sources)
    for file in subject.sources:
        if file.in_tests:
            continue
        yield from _twice(rule, file, foreign, drops, clones)
        if file.path in unseen:
            continue
        yield from _anywhere(rule, file, foreign, private)
        yield from _adopted(rule, file, foreign, private, drops)


def _impls(subject: Subject, trait: str) -> dict[str, Node]:
    """The bodies of impls of a trait, by type."""
    return {
        text_of(found["type"]).split("<")[0]: found["body"]
        for file in subject.sources
        for found in file.matches(_IMPL)
        if text_of(found["trait"]).rsplit("::", 1)[-1] == trait
    }


def _twice(
    rule: Rule, file: RustFile, foreign: frozenset[str], drops: dict[str, Node], clones: dict[str, Node]
) -> Iterator[Finding]:
    for found in file.matches(_STRUCT):
        name, body = text_of(found["name"]), text_of(found["body"])
        if name not in drops or is_test(found["item"]):
            continue
        fields = re.findall(r"(\w+)\s*:\s*(?:\*\s*(?:mut|const)|(?:\w+::)*NonNull)\b", body)
        if re.match(r"\(\s*(?:pub(?:\([^)]*\))?\s+)?\*", body):
            fields.append("0")
        if len(fields) != 1 or re.search(r"\b(Rc|Arc)\b|\bbool\b", body):
            continue  # who counts or notes whether it owns is not meant
        if re.search(r"PhantomData\s*<\s*&", body) and re.search(r"\b(if|match)\b", text_of(drops[name])):
            continue  # it borrows, and may free at times only
        free = _frees(drops[name], fields[0], foreign)
        if not free:
            continue
        if _derives_clone(found["item"]):
            how, sure = "derives Clone", Confidence.HIGH
        elif name in clones and not list(matches_in(clones[name], CALLS)) and "self" in text_of(clones[name]):
            if not re.search(rf"self\.{fields[0]}\b|\*self\b", text_of(clones[name])):
                continue
            how, sure = "copies its pointer in clone", Confidence.MEDIUM
        else:
            continue
        place = Location(file.path, found["item"].start_point.row + 1, symbol=name)
        seen = Evidence("rust", f"{name} {how}", place)
        use = Evidence("rust", f"Drop calls {free}", Location(file.path, symbol=name))
        yield rule.finding(
            f"{name} {how} and frees by {free} when it is dropped", f"clone:{name}", seen, use, confidence=sure
        )


def _frees(drop: Node, field: str, foreign: frozenset[str]) -> str:
    for found in matches_in(drop, CALLS):
        name = last_name(found["function"])
        if re.search(rf"self\.{field}\b", text_of(found["arguments"])) and (
            (
                is_foreign(found["function"], foreign)
                and re.search("free|destroy|close|delete|release|finali|unref|cleanup|fini|dispose", name, re.I)
            )
            or (name == "from_raw" and re.search(r"\b(Box|CString)\b", text_of(found["function"])))
        ):
            return name
    return ""


def _derives_clone(item: Node) -> bool:
    before = item.prev_named_sibling
    while before is not None and before.type in ("attribute_item", "line_comment", "block_comment"):
        if before.type == "attribute_item" and re.search(r"\bderive\b.*\bClone\b", text_of(before), re.DOTALL):
            return True
        before = before.prev_named_sibling
    return False


def _safe(file: RustFile, private: set[str]) -> Iterator[dict[str, Node]]:
    """The functions that safe code elsewhere can call."""
    for found in file.matches(_FUNCTION):
        is_public = text_of(found["visibility"]) == "pub" and _can_be_reached(found["item"], private)
        if (
            is_public
            and not is_test(found["item"])
            and not any(
                each.type == "function_modifiers" and re.search("unsafe|extern", text_of(each))
                for each in found["item"].children
            )
        ):
            yield found


def _adopted(
    rule: Rule, file: RustFile, foreign: frozenset[str], private: set[str], drops: dict[str, Node]
) -> Iterator[Finding]:
    """A pointer from anywhere becomes the handle of a type whose Drop gives it to C."""
    for found in _safe(file, private):
        owner = (function_around(found["body"]) or "").split("::")[0]
        freed = _given_to_c(drops[owner], foreign) if owner in drops else ""
        for each in matches_in(found["parameters"], _PARAMETER) if freed else ():
            parameter = text_of(each["name"])
            if parameter not in _fields_given(found["body"], owner) or _is_rebound(found["body"], parameter):
                continue
            name = function_around(found["body"]) or "?"
            place = Location(file.path, found["item"].start_point.row + 1, symbol=name)
            seen = Evidence("rust", f"safe, with {parameter}: {text_of(each['type'])}", place)
            use = Evidence("rust", f"Drop: {freed}", Location(file.path, symbol=owner))
            words = f"{name} is safe and makes a {owner} of any pointer, which Drop gives to C"
            yield rule.finding(words, f"{name}:{parameter}:adopted", seen, use)


def _given_to_c(drop: Node, foreign: frozenset[str]) -> str:
    """The call by which a Drop, without a condition, gives something of its own to C."""
    if re.search(r"\b(if|match)\b", text_of(drop)):
        return ""  # it may not own what it holds
    calls = (each for each in matches_in(drop, CALLS) if is_foreign(each["function"], foreign))
    return next((text_of(each["call"])[:100] for each in calls if "self" in text_of(each["arguments"])), "")


def _fields_given(body: Node, owner: str) -> set[str]:
    """The names that a `Self(..)` or `Self { .. }` of the body takes as they are."""
    given = set()
    for each in matches_in(body, _MADE):
        if text_of(each["name"]).split("<")[0] in ("Self", owner):
            for value in each["values"].named_children:
                if value.type == "field_initializer":
                    inner = value.child_by_field_name("value")
                    given.add(text_of(inner) if inner else "")
                else:  # a shorthand, or a value of a tuple
                    given.add(text_of(value))
    return given


def _anywhere(rule: Rule, file: RustFile, foreign: frozenset[str], private: set[str]) -> Iterator[Finding]:
    for found in _safe(file, private):
        for each in matches_in(found["parameters"], _PARAMETER):
            parameter = text_of(each["name"])
            use = _use(found["body"], parameter, foreign)
            if use is None or _is_rebound(found["body"], parameter):
                continue
            name = function_around(found["body"]) or "?"
            words = text_of(use).replace("\n", " ")[:100]
            place = Location(file.path, found["item"].start_point.row + 1, symbol=name)
            seen = Evidence("rust", f"safe, with {text_of(each['name'])}: {text_of(each['type'])}", place)
            where = Evidence("rust", words, Location(file.path, use.start_point.row + 1, symbol=name))
            yield rule.finding(
                f"{name} is safe and uses what its raw pointer {parameter} points to",
                f"{name}:{parameter}",
                seen,
                where,
            )


def _use(body: Node, name: str, foreign: frozenset[str]) -> Node | None:
    """Where the pointer is dereferenced or handed to what does so."""
    for found in matches_in(body, '(unary_expression "*" (_) @value) @place'):
        if text_of(bare(found["value"])) == name:
            return found["place"]
    for found in matches_in(body, CALLS):
        called = last_name(found["function"])
        given = [text_of(bare(each)) for each in found["arguments"].named_children]
        if name in given[: 1 if called in _READERS else None] and (
            called in _READERS or is_foreign(found["function"], foreign)
        ):
            return found["call"]
    return None


def _is_rebound(body: Node, name: str) -> bool:
    return any(
        text_of(each["name"]) == name for each in matches_in(body, "(let_declaration pattern: (identifier) @name)")
    )


def _can_be_reached(item: Node, private: set[str]) -> bool:
    at = item.parent
    while at is not None:
        if at.type == "mod_item" and not text_of(at).startswith("pub "):
            return False
        if at.type in ("function_item", "foreign_mod_item"):
            return False
        if at.type == "impl_item":
            kind = at.child_by_field_name("type")
            if kind is not None and text_of(kind).split("<")[0] in private:
                return False
        at = at.parent
    return True


RULE = Rule(
    id="S09",
    title="Safe code can free a handle twice, or have any address used",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=415,
    page=_PAGE,
    check=_check,
)
