"""Fields that a type's constructor sets to null, and methods of the type that make a slice of them untested.

Names alone are compared, since nothing is resolved: the field of one `impl`'s literal is the field of the same type's methods.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, declared, first, function_node, is_foreign
from audit.facts.rust.source import function_around, is_test, matches_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from audit.facts.rust.source import RustFile

_NULL = re.compile(r"(?:(?:std::|core::)?ptr::)?null(?:_mut)?(?:::<.*>)?\(\)|0\s+as\s+\*.*", re.DOTALL)
_LITERAL = """
(struct_expression name: (_) @name
  body: (field_initializer_list (field_initializer field: (_) @field value: (_) @value))) @literal
"""
_SLICE = re.compile(r"(?:^|::)from_raw_parts(?:_mut)?$")
# The pointer of a field: self.a.b, with casts and the like behind it.
_FIELD = re.compile(r"^self((?:\s*\.\s*\w+)+)(?:\s+as\s+.*|\s*\.\s*cast(?:_mut|_const)?(?:::<.*>)?\(\))?$", re.DOTALL)


@dataclass(frozen=True)
class Untested:
    """One slice of a field that may be null still. is_sure: the constructor calls nothing foreign that may set it."""

    reader: str
    field: str
    path: str
    line: int
    column: int
    text: str
    maker: str
    made_in: str
    made_at: int
    is_sure: bool


@dataclass(frozen=True)
class _Made:
    maker: str
    path: str
    line: int
    is_sure: bool


def read_untested(files: Sequence[RustFile]) -> Iterator[Untested]:
    """Of all types, in order of place."""
    asked = [each for each in files if not each.in_tests and b"from_raw_parts" in each.text]
    if not asked:
        return
    foreign = declared(files)
    made = _made(files, foreign)
    for file in asked:
        for found in file.matches(CALLS):
            call, pointer = found["call"], first(found["arguments"])
            if not _SLICE.search(re.sub(r"\s", "", text_of(found["function"]))) or pointer is None or is_test(call):
                continue
            match, owner = _FIELD.match(text_of(pointer)), function_around(call)
            around = function_node(call)
            if match is None or owner is None or "::" not in owner or around is None:
                continue
            path = re.sub(r"\s", "", match[1])[1:]
            field = path.rpartition(".")[2]
            null = made.get((owner.split("::")[0], field))
            if null is None or _is_tested(around):
                continue
            text = re.sub(r"\s+", " ", text_of(call))[:120]
            place = file.position(call)
            yield Untested(
                owner, f"self.{path}", file.path, *place, text, null.maker, null.path, null.line, null.is_sure
            )


def _made(files: Sequence[RustFile], foreign: frozenset[str]) -> dict[tuple[str, str], _Made]:
    """By type and field, where a function of the type without `self` sets the field to null."""
    found: dict[tuple[str, str], _Made] = {}
    for file in files:
        if file.in_tests or b"null" not in file.text:
            continue
        for each in file.matches(_LITERAL):
            literal, owner = each["literal"], function_around(each["literal"])
            around = function_node(literal)
            if not _NULL.fullmatch(text_of(each["value"])) or owner is None or "::" not in owner or around is None:
                continue
            if _has_self(around) or not _gives(around, owner.split("::")[0]) or is_test(literal):
                continue
            calls = [call["function"] for call in matches_in(around, CALLS)]
            is_sure = not any(is_foreign(call, foreign) for call in calls) and "&mut " not in _after(around, literal)
            key = (owner.split("::")[0], text_of(each["field"]))
            row = each["value"].start_point.row + 1
            if key not in found or (is_sure and not found[key].is_sure):
                found[key] = _Made(owner, file.path, row, is_sure)
    return found


def _has_self(function: Node) -> bool:
    return any(True for _ in matches_in(function.child_by_field_name("parameters") or function, "(self_parameter) @it"))


def _gives(function: Node, owner: str) -> bool:
    kind = function.child_by_field_name("return_type")
    return kind is not None and re.search(rf"\b(?:Self|{re.escape(owner)})\b", text_of(kind)) is not None


def _after(function: Node, literal: Node) -> str:
    return (function.text or b"")[literal.end_byte - function.start_byte :].decode(errors="replace")


def _is_tested(function: Node) -> bool:
    """Does the method ask anything at all before it makes the slice?"""
    body = function.child_by_field_name("body")
    text = re.sub(r"\s", "", text_of(body)) if body is not None else ""
    return (
        re.search(r"\.is_null\(\)|\bNonNull::new\(|\bis_empty\(\)|\bassert|(?:==|!=|>|<)0", text) is not None
        or re.search(r"\b(?:if|match|while)\b", text_of(body) if body is not None else "") is not None
    )
