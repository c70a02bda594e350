"""S02: A struct that C sees has no fixed layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.rust.calls import signatures
from audit.facts.rust.source import attributes, function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
rustc orders the fields of a struct as it likes unless it is `repr(C)`. A foreign function that takes one by value, or by
pointer, reads other fields than were meant. Reported: structs and unions with fields that a declaration of a
foreign function names, and that have no `repr`; and a pointer to one of std's addresses (`SocketAddrV4` and its like, whose layout is
nobody's business) that is cast to a pointer of another type. Not reported: empty
structs and those with one private field of zero size, which stand for what only C knows.

**What to do.** `#[repr(C)]`; for handles `#[repr(C)] struct T { _private: [u8; 0] }`.

**Source.** RUSTSEC-2020-0078; rustc's lint `improper_ctypes`.
"""
_TYPES = """
[
  (struct_item name: (type_identifier) @name body: (field_declaration_list) @body)
  (union_item name: (type_identifier) @name)
] @item
"""
_NAMES = "(type_identifier) @name"
_VARIANT = """
(tuple_struct_pattern
  type: (scoped_identifier path: (_) @path name: (identifier) @variant)
  [(identifier) @bound (ref_pattern (identifier) @bound)]
  (#match? @path "^(net::|std::net::)?SocketAddr$") (#match? @variant "^V[46]$"))
"""
_PARAMETER = "(parameter pattern: (identifier) @name type: (_) @type)"


# Their layout changed in Rust 1.64. Source: documentation of std::net.
_STD = frozenset({"SocketAddr", "SocketAddrV4", "SocketAddrV6", "IpAddr", "Ipv4Addr", "Ipv6Addr"})
# One cast to a pointer of its own, and another on it.
_CASTS = """
(type_cast_expression
  value: (type_cast_expression value: [(identifier) @name (reference_expression value: (identifier) @name)] type: (pointer_type))
  type: (pointer_type)) @cast
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    yield from _declared(rule, subject)
    for file in subject.sources:
        for found in file.matches(_CASTS) if b"SocketAddr" in file.text and not file.in_tests else ():
            kind = _std_type(found["name"])
            if kind and not is_test(found["cast"]):
                name = function_around(found["cast"]) or "?"
                place = Location(file.path, found["cast"].start_point.row + 1, symbol=name)
                seen = Evidence("rust", text_of(found["cast"]), place)
                yield rule.finding(f"{name} casts a pointer to std's {kind}", f"{name}:{kind}", seen)


def _std_type(name: Node) -> str:
    """The type of std that a name has by the arm or the parameter that binds it; "" if it is none, or bound anew."""
    text, at = text_of(name), name.parent
    while at is not None and at.type != "function_item":
        if at.type == "block" and any(
            text_of(each["name"]) == text for each in matches_in(at, "(let_declaration pattern: (identifier) @name)")
        ):
            return ""
        if at.type == "match_arm":
            pattern = at.child_by_field_name("pattern")
            for each in matches_in(pattern, _VARIANT) if pattern is not None else ():
                if text_of(each["bound"]) == text:
                    return f"SocketAddr{text_of(each['variant'])}"
        at = at.parent
    parameters = at.child_by_field_name("parameters") if at is not None else None
    for each in matches_in(parameters, _PARAMETER) if parameters is not None else ():
        kind = text_of(each["type"]).lstrip("&").rsplit("::", 1)[-1]
        if text_of(each["name"]) == text and kind in _STD:
            return kind
    return ""


def _declared(rule: Rule, subject: Subject) -> Iterator[Finding]:
    loose: dict[str, tuple[str, Node]] = {}
    known: set[str] = set()
    for file in subject.sources:
        for found in file.matches(_TYPES):
            name = text_of(found["name"])
            if name in known:
                loose.pop(name, None)  # two of one name: which is meant is not known
                continue
            known.add(name)
            if not any("repr" in each for each in attributes(found["item"])) and not _is_opaque(found.get("body")):
                loose[name] = (file.path, found["item"])
    for file in subject.sources:
        for found in signatures(file):
            for used in matches_in(found["parameters"], _NAMES):
                name = text_of(used["name"])
                if name in loose:
                    path, item = loose.pop(name)
                    function = text_of(found["function"].child_by_field_name("name") or found["function"])
                    row = used["name"].start_point.row + 1
                    seen = Evidence(
                        "rust", f"struct {name} without repr", Location(path, item.start_point.row + 1, symbol=name)
                    )
                    use = Evidence("rust", f"parameter of {function}", Location(file.path, row, symbol=function))
                    yield rule.finding(f"{name} is passed to {function} and has no repr(C)", name, seen, use)


def _is_opaque(body: Node | None) -> bool:
    if body is None:
        return False
    fields = [each for each in body.named_children if each.type == "field_declaration"]
    types = [text_of(each.child_by_field_name("type") or each) for each in fields]
    return all(kind.replace(" ", "") in ("[u8;0]", "()") or "Phantom" in kind for kind in types)


RULE = Rule(
    id="S02",
    title="A struct that C sees has no fixed layout",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=188,
    page=_PAGE,
    check=_check,
)
