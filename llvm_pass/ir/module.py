"""The line model: a module's canonical text as lines, with its functions found.

Invariant: `str(Module(text)) == text` for every text that LLVM prints; a pass
changes a module only through ir.edit. Canonical text has one instruction a
line with two blanks before it; only switch tables, labels of invokes, clauses
of landing pads and debug records follow on lines with four blanks or more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from llvm_pass.ir.metadata import Metadata
from llvm_pass.ir.syntax import Header, blanked, parse_header, split_list
from llvm_pass.ir.types import TypeTable

MARK = "galeed.passes"  # named metadata: which passes this module has been through
HELPER_PREFIX = "galeed."  # functions that the passes themselves add
_PREDS = re.compile(r"; preds = (.*)$")


@dataclass(slots=True)
class Function:
    """One definition: lines[start] is the define line, lines[end] the closing brace."""

    start: int
    end: int
    header: Header
    blocks: dict[str, int] = field(default_factory=dict)  # label -> line; the entry block has none

    @property
    def name(self) -> str:
        """With @ and quotes."""
        return self.header.name

    @property
    def helper(self) -> bool:
        """Made by a pass (helper, gate or thunk): no pass looks into it again."""
        return self.name.startswith(f"@{HELPER_PREFIX}")


class Module:
    """Lines, and where the functions are in them."""

    def __init__(self, text: str | list[str]) -> None:
        """text: or its lines."""
        self.lines = text.split("\n") if isinstance(text, str) else text
        self.functions: list[Function] = []
        self.declarations: dict[str, int] = {}
        self.footer = 0  # first line behind the last function
        self._scan()

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _scan(self) -> None:
        lines, number, last = self.lines, 0, len(self.lines)
        while number < last:
            line = lines[number]
            if line[:1] == "d":
                if line.startswith("define "):
                    try:
                        end = lines.index("}", number)
                    except ValueError:  # cut off: no function
                        return
                    self.functions.append(Function(number, end, parse_header(line)))
                    self.footer = number = end + 1
                    continue
                if line.startswith("declare "):
                    self.declarations[parse_header(line).name] = number
            number += 1

    @cached_property
    def types(self) -> TypeTable:
        """Types, the named ones too."""
        return TypeTable(self.lines)

    @cached_property
    def metadata(self) -> Metadata:
        """Numbered metadata, read on first use."""
        return Metadata(self.lines, self.footer)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Names of the functions that are defined."""
        return frozenset(function.name for function in self.functions)

    def passes_applied(self) -> tuple[str, ...]:
        """The passes that the module has been through, by the mark of an earlier rewrite."""
        behind = self.lines[self.footer :]
        for line in reversed(behind):
            if line.startswith(f"!{MARK} = "):
                node = re.search(r"!\d+", line)
                start = f"{node.group()} = " if node else line
                names = next((other for other in behind if other.startswith(start)), "")
                return tuple(re.findall(r'!"([^"]*)"', names)) or ("unknown",)
        return ()

    def target(self) -> str:
        """The target triple; "" when the module names none."""
        for line in self.lines:
            if line.startswith("target triple = "):
                return line.split('"')[1]
            if line.startswith("define "):
                break
        return ""

    def globals_named(self, prefix: str) -> Iterator[tuple[int, str]]:
        """(line number, line) of the definitions of globals before the first function whose line starts so."""
        limit = self.functions[0].start if self.functions else len(self.lines)
        for number in range(limit):
            if self.lines[number].startswith(prefix):
                yield number, self.lines[number]


def block_of_label(line: str) -> str:
    """pre: the line is a label. Its name as operands write it, with %."""
    end = line.index('"', 1) + 1 if line.startswith('"') else line.index(":")
    return "%" + line[:end]


def predecessors(label_line: str) -> list[str]:
    """What LLVM printed behind the label; empty for none."""
    match = _PREDS.search(blanked(label_line))
    return split_list(label_line[match.start(1) :]) if match else []
