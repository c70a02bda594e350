"""Numbered metadata of a module: where a line comes from, what type an access has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llvm_pass.ir.syntax import blanked

_NODE = re.compile(r"^!(\d+) = (.*)$")
_REFERENCE = re.compile(r"!\d+")
_STRING = re.compile(r'^!\{!"([^"]*)"')
_FIELD = {name: re.compile(rf"\b{name}: ([^,)]+)") for name in ("line", "column", "scope", "file", "inlinedAt")}
_FILE_NAME = re.compile(r'filename: "([^"]*)"')
_ESCAPE = re.compile(rb"\\(\\|[0-9A-F]{2})")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the source, as debug information has it."""

    file: str
    line: int
    column: int


class Metadata:
    """Nodes by number. New nodes get numbers behind the last one."""

    def __init__(self, lines: list[str], footer: int) -> None:
        self.nodes: dict[str, str] = {}
        for line in lines[footer:]:
            if line.startswith("!"):
                match = _NODE.match(line)
                if match:
                    self.nodes["!" + match.group(1)] = match.group(2)
        self._next = 1 + max((int(name[1:]) for name in self.nodes), default=-1)
        self._new: dict[str, str] = {}

    def node(self, body: str) -> str:
        """The name of a node with this body, made when it is new."""
        name = self._new.get(body)
        if name is None:
            name = f"!{self._next}"
            self._next += 1
            self._new[body] = name
        return name

    def take_new(self) -> list[str]:
        """Lines for the nodes made since the last call."""
        lines = [f"{name} = {body}" for body, name in self._new.items()]
        for body, name in self._new.items():
            self.nodes[name] = body
        self._new = {}
        return lines

    def place(self, location: str | None) -> Place | None:
        """Where a !DILocation points; of inlined code the innermost place."""
        body = self.nodes.get(location or "", "")
        if not body.startswith("!DILocation") and not body.startswith("distinct !DILocation"):
            return None
        line, column, scope = self._field(body, "line"), self._field(body, "column"), self._field(body, "scope")
        return Place(self._file(scope), int(line or 0), int(column or 0))

    def _field(self, body: str, name: str) -> str | None:
        match = _FIELD[name].search(blanked(body))  # fields hold no strings
        return match.group(1) if match else None

    def _file(self, scope: str | None) -> str:
        for _ in range(64):  # scopes nest; broken input must not make us loop
            body = self.nodes.get(scope or "", "")
            file = self.nodes.get(self._field(body, "file") or "", "")
            match = _FILE_NAME.search(file)
            if match:
                return unescaped(match.group(1))
            scope = self._field(body, "scope")
            if scope is None:
                break
        return "<unknown>"

    def access_type(self, tbaa: str | None) -> str | None:
        """Name of the type that a !tbaa tag says is accessed ("int", "p1 int", "any pointer")."""
        tag = self.nodes.get(tbaa or "", "")
        references = _REFERENCE.findall(tag)
        if len(references) < 2:
            return None
        match = _STRING.match(self.nodes.get(references[1], ""))
        return match.group(1) if match else None


def unescaped(text: str) -> str:
    """What stands between quotes, as it was: LLVM writes all but printable ASCII as \\XX."""
    if "\\" not in text:
        return text

    def byte(found: re.Match[bytes]) -> bytes:
        code = found.group(1)
        return code if code == b"\\" else bytes([int(code, 16)])

    return _ESCAPE.sub(byte, text.encode()).decode("utf-8", "replace")
