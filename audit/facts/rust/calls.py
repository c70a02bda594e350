"""What a crate's Rust source says of C: the names of foreign functions, and what a function keeps of their results.

Names alone are compared (`ffi::open` is `open`), since nothing is resolved: rules that ask this say so by their confidence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.source import attributes, matches_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from audit.facts.rust.source import RustFile

_DECLARED = """
(foreign_mod_item body: (declaration_list
  (function_signature_item name: (identifier) @name parameters: (parameters) @parameters) @function)) @block
"""
CALLS = "(call_expression function: (_) @function arguments: (arguments) @arguments) @call"
_ALIAS = re.compile(rb"\b(?:use|extern crate) (?:::)?\w+_sys as (\w+);")
# Of libc's, those that give what the caller frees with free(3). Source: POSIX.1-2024.
MALLOCS = frozenset({"malloc", "calloc", "realloc", "strdup", "strndup", "aligned_alloc", "posix_memalign"})


def signatures(file: RustFile) -> Iterator[dict[str, Node]]:
    """What extern blocks declare of C: function, name, parameters. Not `extern "Rust"`, nor what wasm-bindgen makes JavaScript of."""
    for found in file.matches(_DECLARED):
        block = found["block"]
        abi = next((text_of(each) for each in block.children if each.type == "extern_modifier"), "")
        if (
            '"Rust"' in abi
            or b"wasm_import_module" in file.text
            or any("wasm_bindgen" in each for each in attributes(block))
        ):
            continue
        yield found


def declared(files: Iterable[RustFile]) -> frozenset[str]:
    """The names of the functions in extern blocks that C can define; and, as `name::`, what `use x_sys as name` calls such a crate."""
    found: set[str] = set()
    for file in files:
        found.update(text_of(each["name"]) for each in signatures(file))
        found.update(f"{match[1].decode()}::" for match in _ALIAS.finditer(file.text))
    return frozenset(found)


def last_name(function: Node) -> str:
    """What is called, without its path and its types: `open` of `ffi::open`; "" for what is no path."""
    if function.type == "generic_function":
        inner = function.child_by_field_name("function")
        return last_name(inner) if inner else ""
    if function.type == "scoped_identifier":
        name = function.child_by_field_name("name")
        return text_of(name) if name else ""
    return text_of(function) if function.type == "identifier" else ""


def first(arguments: Node | None) -> Node | None:
    """The first argument, if there is one."""
    found = [each for each in arguments.named_children if "comment" not in each.type] if arguments is not None else []
    return found[0] if found else None


def is_foreign(function: Node, names: frozenset[str]) -> bool:
    """Declared in what is read, or by its path: `ffi`, `bindings` and `*_sys` hold what other crates declare."""
    if last_name(function) in names:
        return True
    path = function.child_by_field_name("path") if function.type == "scoped_identifier" else None
    if path is not None and f"{text_of(path)}::" in names and re.match("[a-z]|[A-Z][A-Za-z0-9]*_", last_name(function)):
        return True
    return (
        function.type == "scoped_identifier"
        and re.search(r"(^|::)(\w+_sys|ffi|bindings)::(?:[a-z]\w*|[A-Z][A-Za-z0-9]*_\w+)$", text_of(function))
        is not None
    )


def bare(node: Node) -> Node:
    """The value below casts, parentheses, `unsafe { }` of one expression, references, and `.cast()` and `.as_ptr()`."""
    while True:
        inner: Node | None = None
        if node.type in ("type_cast_expression", "reference_expression"):
            inner = node.child_by_field_name("value")
        elif node.type in ("parenthesized_expression", "unsafe_block") or (
            node.type == "block" and node.named_child_count == 1
        ):
            inner = first(node)
        elif node.type == "call_expression":
            function = node.child_by_field_name("function")
            while function is not None and function.type == "generic_function":
                function = function.child_by_field_name("function")
            if function is not None and function.type == "field_expression":
                field = function.child_by_field_name("field")
                if field is not None and text_of(field) in ("cast", "cast_mut", "cast_const", "as_ptr", "as_mut_ptr"):
                    inner = function.child_by_field_name("value")
        if inner is None:
            return node
        node = inner


def function_node(node: Node) -> Node | None:
    at: Node | None = node
    while at is not None and at.type != "function_item":
        at = at.parent
    return at


def origin(value: Node) -> Node:
    """What a value is: for a name, what the one `let` of the function gave it; else itself without casts."""
    value = bare(value)
    for _ in range(4):
        if value.type != "identifier":
            break
        around = function_node(value)
        name, found = text_of(value), []
        if around is None:
            break
        for each in matches_in(around, "(let_declaration pattern: (identifier) @name value: (_) @value)"):
            if text_of(each["name"]) == name and each["value"].end_byte <= value.start_byte:
                found.append(each["value"])
        if len(found) != 1 or _is_assigned(around, name):
            break
        value = bare(found[0])
    return value


def _is_assigned(around: Node, name: str) -> bool:
    found = matches_in(around, "(assignment_expression left: (identifier) @left)")
    return any(text_of(each["left"]) == name for each in found)


def called(value: Node, foreign: frozenset[str]) -> str:
    """The foreign function whose result a value is, without its path, or ""."""
    at = origin(value)
    function = at.child_by_field_name("function") if at.type == "call_expression" else None
    if function is None:
        return ""
    name = last_name(function)
    return name if is_foreign(function, foreign) or name in MALLOCS else ""
