"""Rust text that goes to C by its pointer alone, as the source has it.

Invariant: a name is text only by the type that its function's parameter list, or the one `let` of it, says; where the
function asks for its length anywhere, C may have been told, and nothing is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, bare, declared, function_node, is_foreign, last_name
from audit.facts.rust.source import is_test, matches_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from audit.facts.rust.source import RustFile

_STR = re.compile(r"^&(?:'\w+ )?(?:mut )?(?:str|String)$|^String$")
_CAST = re.compile(r"\.cast(?:::<.*>)?\(\)$| as \*(?:const|mut) ")


@dataclass(frozen=True)
class Passed:
    """call: to the foreign function `callee`. argument: its place, from 0; text: the name of the str."""

    file: RustFile
    call: Node
    callee: str
    argument: int
    text: str


def passed(files: list[RustFile]) -> Iterator[Passed]:
    """Each pointer of a str that is cast and given to a foreign function, in what is no test."""
    foreign = declared(files)
    for file in files:
        if file.in_tests or b"as_ptr" not in file.text:
            continue
        for found in file.matches(CALLS):
            if not is_foreign(found["function"], foreign) or is_test(found["call"]):
                continue
            around = function_node(found["call"])
            arguments = [each for each in found["arguments"].named_children if "comment" not in each.type]
            for number, argument in enumerate(arguments):
                name = _lent(argument)
                if name and around is not None and _is_text(around, name) and not _is_measured(around, name):
                    yield Passed(file, found["call"], last_name(found["function"]), number, name)


def _lent(argument: Node) -> str:
    """The name in `name.as_ptr().cast()` and `name.as_ptr() as *const _`; "" for anything else. A pointer to bytes needs the cast."""
    if not _CAST.search(text_of(argument)) or ".as_ptr()" not in text_of(argument):
        return ""
    value = bare(argument)
    return text_of(value) if value.type == "identifier" else ""


def _is_text(around: Node, name: str) -> bool:
    """Is it a parameter that is a str, and never bound anew?"""
    parameters = around.child_by_field_name("parameters")
    types = [
        text_of(kind)
        for each in (parameters.named_children if parameters else ())
        if (pattern := each.child_by_field_name("pattern")) and text_of(pattern).removeprefix("mut ") == name
        if (kind := each.child_by_field_name("type"))
    ]
    bound = [
        each for each in matches_in(around, "(let_declaration pattern: (_) @name)") if name in text_of(each["name"])
    ]
    return len(types) == 1 and _STR.match(types[0]) is not None and not bound


def _is_measured(around: Node, name: str) -> bool:
    """Does the function ask for its length, or look for a NUL in it, or put one there?"""
    text = text_of(around)
    asked = re.search(
        rf"\b{re.escape(name)}(?:\.as_bytes\(\))?\.(?:len|ends_with|contains|find|push|push_str|last|bytes)\(", text
    )
    return asked is not None or "\\0" in text
