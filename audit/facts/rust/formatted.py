"""Rust source that gives C a format: is it written there, or is it data?

Names alone are compared, since nothing is resolved: what cannot be followed is said to be unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from audit.facts.rust.calls import bare, first, function_node, last_name, origin
from audit.facts.rust.source import matches_in, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from audit.facts.rust.source import RustFile

Kind = Literal["written", "data", "unknown"]
_TEXT = re.compile(
    r"(?:^|[&<\s])(?:str|String|CStr|CString|\[u8\]|\[i8\]|Vec<u8>|OsStr|Path)(?:$|[>\s,)])|\bimpl\b|\bInto<|\bAsRef<"
)
_LITERALS = ("string_literal", "raw_string_literal", "byte_string_literal")
_DEEPEST = 10
_VARIADIC = re.compile(r"(\w+)\s*:\s*\*\s*const\s+[^,]+,\s*(?:mut\s+)?(?:\w+\s*:\s*)?\.\.\.\s*\)?$")


def named_format(parameters: Node) -> int | None:
    """Which parameter a declaration calls its format, before further arguments: `fmt: *const c_char, ...`."""
    match = _VARIADIC.search(text_of(parameters).strip())
    if match is None or not re.search(r"fmt|format", match[1], re.IGNORECASE):
        return None
    return sum(each.type == "parameter" for each in parameters.named_children) - 1


def argument(arguments: Node, number: int) -> Node | None:
    found = [each for each in arguments.named_children if "comment" not in each.type]
    return found[number] if number < len(found) else None


def kind_of(value: Node, depth: int = 0) -> Kind:
    """What a format is made from."""
    at = origin(value)
    if depth > _DEEPEST:
        return "unknown"
    if at.type in _LITERALS:
        return "written"
    if at.type == "macro_invocation":
        macro = at.child_by_field_name("macro")
        return "data" if macro is not None and text_of(macro).endswith("format") else "written"
    if at.type == "try_expression":
        inner = first(at)
        return kind_of(inner, depth + 1) if inner is not None else "unknown"
    if at.type in ("identifier", "scoped_identifier"):
        return _of_name(at, text_of(at))
    if at.type in ("if_expression", "match_expression", "block", "unsafe_block", "closure_expression"):
        return "unknown"
    if at.type == "call_expression":
        function, arguments = at.child_by_field_name("function"), at.child_by_field_name("arguments")
        while function is not None and function.type == "generic_function":
            function = function.child_by_field_name("function")
        if function is None or arguments is None:
            return "unknown"
        if function.type == "field_expression":  # a method: unwrap, to_c_str, as_bytes, ...
            inner = function.child_by_field_name("value")
            return kind_of(inner, depth + 1) if inner is not None else "unknown"
        inner = argument(arguments, 0)
        return kind_of(inner, depth + 1) if inner is not None and argument(arguments, 1) is None else "unknown"
    return "unknown"


def _of_name(at: Node, name: str) -> Kind:
    if name.rpartition("::")[2].isupper():
        return "written"
    around = function_node(at)
    parameters = around.child_by_field_name("parameters") if around is not None else None
    for each in (
        matches_in(parameters, "(parameter pattern: (_) @name type: (_) @type)") if parameters is not None else ()
    ):
        if text_of(each["name"]) == name:
            kind, generics = text_of(each["type"]), around.child_by_field_name("type_parameters") if around else None
            is_text = _TEXT.search(kind) or (generics is not None and kind in text_of(generics))
            return "data" if is_text else "unknown"
    return "unknown"


def shown(node: Node) -> str:
    return re.sub(r"\s+", " ", text_of(bare(node)))[:120]


def is_libc(function: Node) -> bool:
    return re.search(r"(?:^|::)libc::\w+$", text_of(function)) is not None and last_name(function) != ""


def is_own(function: Node, file: RustFile) -> bool:
    """Is what is called by a bare name a function of the file itself, which has the name of a foreign one?"""
    if function.type != "identifier":
        return False
    own = (each["name"] for each in file.matches("(function_item name: (identifier) @name)"))
    return any(text_of(each) == text_of(function) and not _is_method(each) for each in own)


def _is_method(name: Node) -> bool:
    around = name.parent.parent if name.parent is not None else None
    return around is not None and around.parent is not None and around.parent.type in ("impl_item", "trait_item")


def has_calls(file: RustFile, names: set[str]) -> bool:
    return any(name.encode() in file.text for name in names)
