"""The text of a proposed galeed.toml: keys, names and words, each with a comment.

Invariant: whatever stands in a comment or a name, the text stays TOML: control characters are left out of comments,
names are quoted as TOML demands.
"""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

from audit.files import shown
from llvm_pass.policy.keys import STRUCTURE

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 118
_OF_CRATE = re.compile(r"/(?:registry/src/[^/]+|galeed/audit)/([^/]+-\d.*)$")
_HEAD = (
    "What the isolation of this boundary needs, as galeed-audit saw it; every line says why it is there. "
    "`cargo galeed` reads the file when it is called galeed.toml and lies beside Cargo.toml or above it (elsewhere: "
    "GALEED_POLICY=FILE). Run the program's tests by `cargo galeed test` before you trust it: calls that the audit did not see "
    "end the process, by name."
)


class Proposal:
    """Collects what is proposed, in order."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.say(_HEAD)

    def say(self, text: str, goes_on: bool = False) -> None:
        """A paragraph of comment. goes_on: the last one goes on."""
        if self._lines and self._lines[-1] and not goes_on:
            self._lines.append("")
        self._lines += [f"# {line}" for line in textwrap.wrap(_one_line(text), _WIDTH, break_on_hyphens=False)]

    def item(self, text: str) -> None:
        """A line below a comment."""
        self._lines.append(f"# - {_one_line(text)}")

    def names(self, key: str, rows: Iterable[tuple[str, str]], in_force: bool = True) -> None:
        """A list; each name with its reason."""
        mark = "" if in_force else "# "
        found = [f"{mark}    {_quoted(name)},  # {_one_line(why)}" for name, why in rows]
        self._lines += [f"{mark}{key} = [", *found, f"{mark}]"] if found else [f"{mark}{key} = []"]
        self._lines.append("")

    def word(self, key: str, value: str, why: str) -> None:
        self._lines += [f"{key} = {_quoted(value)}  # {_one_line(why)}", ""]

    @staticmethod
    def place(text: str, place: tuple[str, int] | None) -> str:
        """Why, and where: from the working directory, if it lies below that, or from the folder of its crate in cargo's
        cache, so that other machines write the same."""
        if place is None:
            return text
        crate = _OF_CRATE.search(place[0])
        line = f":{place[1]}" if place[1] else ""  # 0: code that no line stands for
        if crate:
            return f"{text}: {crate[1]}{line}"
        return f"{text}: {shown(place[0])}{line}"

    @staticmethod
    def is_structure(tag: str) -> bool:
        return re.fullmatch(STRUCTURE, tag) is not None

    def text(self) -> str:
        return "\n".join(self._lines).rstrip("\n") + "\n"


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
