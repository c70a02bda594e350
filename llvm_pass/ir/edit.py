"""Edits: all that a pass wants changed, collected first and applied at once.

Line numbers are those of the module that the pass looked at. Two replacements
of one line are a bug of the pass and refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llvm_pass.ir.module import Module

_FRESH = re.compile(r"%galeed\.(\d{1,18})(?![\w.$-])")


@dataclass(frozen=True, slots=True)
class Told:
    """For readers: what became of one line. note: words about when `lines` stand for it, or ""."""

    lines: tuple[str, ...]
    note: str = ""


class Edits:
    """Replacements, insertions and additions to one module."""

    def __init__(self, module: Module, stem: str = "") -> None:
        """stem: parts the names that these edits make from those of a pass before."""
        self._module, self._stem = module, stem
        self._replaced: dict[int, list[str]] = {}
        self._after: dict[int, list[str]] = {}
        self._before: dict[int, list[str]] = {}
        self._told: dict[int, Told | None] = {}
        self._declared: dict[str, str] = {}
        self._defined: dict[str, list[str]] = {}
        self._footer: list[str] = []
        self._names: int | None = None

    def __bool__(self) -> bool:
        return bool(self._replaced or self._after or self._before or self._declared or self._defined or self._footer)

    def fresh(self) -> str:
        """A local name that nothing else has. Names never disturb the numbering of unnamed values."""
        if self._names is None:  # behind those of earlier passes, and of whoever likes such names
            found = (_FRESH.finditer(line) for line in self._module.lines if "%galeed." in line)
            self._names = max((int(match.group(1)) for each in found for match in each), default=0)
        self._names += 1
        return f"%galeed.{self._stem}{self._names}"

    def replace(self, line: int, *lines: str) -> None:
        """In place of one line; none at all deletes it."""
        if line in self._replaced:
            raise ValueError(f"line {line + 1} is replaced twice")
        self._replaced[line] = list(lines)

    def current(self, line: int) -> str:
        """The line, or the last line of what replaces it already."""
        return self._replaced[line][-1] if line in self._replaced else self._module.lines[line]

    def tell(self, line: int, told: Told | None) -> None:
        """What `replaced` says of a line that is replaced together with others; None: nothing."""
        self._told[line] = told

    def replaced(self, start: int, end: int) -> Iterator[tuple[int, Told]]:
        """The replaced lines from start up to end, with what stands for each, in order."""
        for line in sorted(line for line in self._replaced if start <= line < end):
            told = self._told.get(line, Told(tuple(self._replaced[line])))
            if told is not None:
                yield line, told

    def around(self, line: int) -> tuple[list[str], list[str]]:
        """What is inserted before and behind a line."""
        return self._before.get(line, []), self._after.get(line, [])

    def touched(self, line: int) -> bool:
        """Does anything change at the line?"""
        return line in self._replaced or line in self._before or line in self._after

    def insert_after(self, line: int, *lines: str) -> None:
        """Behind the line, after what was inserted there before."""
        self._after.setdefault(line, []).extend(lines)

    def insert_before(self, line: int, *lines: str) -> None:
        """In front of the line, after what was inserted there before."""
        self._before.setdefault(line, []).extend(lines)

    def declare(self, name: str, line: str) -> None:
        """A declaration, once, and only when the module has none by that name."""
        if name not in self._module.declarations and name not in self._declared:
            self._declared[name] = line

    def define(self, name: str, text: str) -> None:
        """A whole function, once."""
        self._defined.setdefault(name, text.rstrip("\n").split("\n"))

    def defined(self, name: str) -> bool:
        """Has the function been added, by these edits or by those of a pass before?"""
        return name in self._defined or name in self._module.defined

    def definition(self, name: str) -> list[str]:
        """The lines of a function added by these edits, to be amended."""
        return self._defined[name]

    def append(self, *lines: str) -> None:
        """Behind everything: attribute groups, metadata."""
        self._footer.extend(lines)

    def lines(self) -> list[str]:
        """The lines of the new text."""
        lines, module = self._module.lines, self._module
        out: list[str] = []
        done = 0
        for line in sorted(self._replaced.keys() | self._after.keys() | self._before.keys() | {module.footer}):
            out.extend(lines[done:line])
            if line == module.footer:
                self._additions(out)
            out.extend(self._before.get(line, ()))
            replaced = self._replaced.get(line)
            if replaced is not None:
                out.extend(replaced)
            elif line < len(lines):
                out.append(lines[line])
            out.extend(self._after.get(line, ()))
            done = line + 1
        out.extend(lines[done:])
        while out and not out[-1]:
            out.pop()
        out.extend(self._footer)
        out.extend(module.metadata.take_new())
        out.append("")
        whole = "\n".join(out)  # pieces of several lines are rare, and found fastest so
        return out if whole.count("\n") == len(out) - 1 else whole.split("\n")

    def _additions(self, out: list[str]) -> None:
        for declaration in self._declared.values():
            out.extend(("", declaration))
        for body in self._defined.values():
            out.append("")
            out.extend(body)
