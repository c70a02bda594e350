"""Rust source, parsed by tree-sitter: what macros write is not seen, and nothing need compile.

Invariant: a file that does not parse whole is still asked; the nodes with errors are left out.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import tree_sitter_rust
from tree_sitter import Language, Parser, Query, QueryCursor

from audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tree_sitter import Node

_RUST = Language(tree_sitter_rust.language())
_MOST_BYTES = 16 << 20
_FOR_TESTS = re.compile(r"#\[test\]|cfg\(\s*(?:all\((?:[^()]*,)?\s*)?test\b")


@dataclass(frozen=True)
class RustFile:
    """path: as given. in_tests: an integration test, example or benchmark by its place in a package."""

    path: str
    text: bytes
    in_tests: bool = False

    @cached_property
    def root(self) -> Node:
        return Parser(_RUST).parse(self.text).root_node

    def position(self, node: Node) -> tuple[int, int]:
        """Line and column where it begins, from 1; the column in UTF-16 code units, as SARIF and editors count."""
        row, column = node.start_point
        before = self.text[node.start_byte - column : node.start_byte].decode(errors="replace")
        return row + 1, len(before.encode("utf-16-le")) // 2 + 1

    @property
    def unparsed_line(self) -> int | None:
        """Where the first part is that does not parse; None: all does."""
        if not self.root.has_error:
            return None
        at = self.root
        while (inner := next((each for each in at.children if each.has_error or each.is_missing), None)) is not None:
            at = inner
        return at.start_point.row + 1

    def matches(self, query: str) -> Iterator[dict[str, Node]]:
        """Each match of a query in tree-sitter's language: its captures by name, the first of each. In order of place."""
        return matches_in(self.root, query)


@cache
def _query(text: str) -> Query:
    return Query(_RUST, text)


def matches_in(node: Node, query: str) -> Iterator[dict[str, Node]]:
    """The same below one node."""
    for _, captures in QueryCursor(_query(query)).matches(node):
        found = {name: nodes[0] for name, nodes in captures.items()}
        if not any(each.has_error for each in found.values()):
            yield found


def text_of(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def attributes(item: Node) -> Iterator[str]:
    """Those that stand right above it, comments between or not."""
    before = item.prev_named_sibling
    while before is not None and before.type in ("attribute_item", "line_comment", "block_comment"):
        if before.type == "attribute_item":
            yield text_of(before)
        before = before.prev_named_sibling


def is_test(node: Node) -> bool:
    """Does it stand in a function with #[test] or a module under #[cfg(test)], or cfg(all(test, ..))?"""
    at: Node | None = node
    while at is not None:
        if any(_FOR_TESTS.search(each) for each in attributes(at)):
            return True
        at = at.parent
    return False


def function_around(node: Node) -> str | None:
    """The path of the innermost function, with the type that it belongs to: `Type::name`."""
    names: list[str] = []
    at: Node | None = node
    while at is not None:
        if at.type == "function_item" and not names:
            names.append(_name(at))
        elif at.type in ("impl_item", "trait_item") and names:
            owner = at.child_by_field_name("type") or at.child_by_field_name("name")
            names.append(text_of(owner).split("<")[0] if owner else "?")
            break
        at = at.parent
    return "::".join(reversed(names)) if names else None


def _name(node: Node) -> str:
    name = node.child_by_field_name("name")
    return text_of(name) if name else "?"


def read(path: Path, in_tests: bool = False) -> RustFile:
    """Raises AuditError."""
    try:
        # A pipe would be waited for, and a device may have no end.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise AuditError(f"{path}: is no file")
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise AuditError(f"{path}: is longer than {_MOST_BYTES >> 20} MiB: no source that people wrote")
    return RustFile(str(path), data, in_tests)
