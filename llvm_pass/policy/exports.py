"""Lists of names in files: linker version scripts, dynamic lists, or a name a line.

A version script decides as the linker does: a name that stands there wins over a pattern,
the first pattern over later ones, any over `*`; what nothing matches is exported. In a list
only what is matched is. Source: GNU ld's manual, "VERSION Command" and "--dynamic-list".

Attacker: may own the sources that are compiled, not the list. What cannot be understood is
an error: a list that is half read would open or close the wrong functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

_NAME = re.compile(r"^[A-Za-z0-9_.$@*?\[\]!^-]+$")
_TOKENS = re.compile(r'/\*.*?\*/|#[^\n]*|"[^"\n]*"|[{};:]|[^\s{};:"#]+|\n|.', re.DOTALL)
_WILD = re.compile(r"[*?\[]")


class ListError(ValueError):
    """Not a list. line: where."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True, slots=True)
class Exports:
    """What a file says of names. names: written out, True for exported; rest: of all others."""

    file: str
    text: str
    names: dict[str, bool] = field(default_factory=dict)
    patterns: tuple[tuple[str, bool], ...] = ()
    rest: bool = False

    def has(self, name: str) -> bool:
        """Is it exported?"""
        if name in self.names:
            return self.names[name]
        return next((exported for pattern, exported in self.patterns if fnmatchcase(name, pattern)), self.rest)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names and patterns that it exports, `*` apart."""
        found = [name for name, exported in (*self.names.items(), *self.patterns) if exported]
        return tuple(name for name in found if name != "*")


def read(text: str, file: str) -> Exports:
    """file: its name. Raises ListError."""
    tokens = list(_tokens(text))
    if any(token == "{" for token, _ in tokens):
        return _exports(file, text, *_Script(tokens).read())
    names: dict[str, bool] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.partition("#")[0].split():
            _check(word, number)
            names[word] = True
    return _exports(file, text, list(names.items()), False)


def _tokens(text: str) -> list[tuple[str, int]]:
    found, line = [], 1
    for match in _TOKENS.finditer(text):
        token = match.group()
        if not token.isspace() and not token.startswith(("/*", "#")):
            found.append((token, line))
        line += token.count("\n")
    return found


def _check(word: str, line: int) -> None:
    if not _NAME.match(word):
        raise ListError(line, f"'{word[:60]}' is no name of an object file")


def _exports(file: str, text: str, said: list[tuple[str, bool]], rest: bool) -> Exports:
    names: dict[str, bool] = {}
    patterns: list[tuple[str, bool]] = []
    for name, exported in said:
        if _WILD.search(name):
            patterns.append((name.replace("[^", "[!"), exported))
        else:
            names[name] = names.get(name, False) or exported
    patterns.sort(key=lambda each: each[0] == "*")
    return Exports(file, text, names, tuple(patterns), rest)


class _Script:
    """A version script or a dynamic list, read from its tokens."""

    def __init__(self, tokens: list[tuple[str, int]]) -> None:
        self._tokens, self._at = tokens, 0
        self._said: list[tuple[str, bool]] = []

    def read(self) -> tuple[list[tuple[str, bool]], bool]:
        """(what it says, is the rest exported?). Raises ListError."""
        scoped = False
        while self._at < len(self._tokens):
            if self._next() != "{":  # the version's name
                self._expect("{")
            scoped = self._block() or scoped
            while self._next() != ";":  # the versions that it follows
                pass
        dynamic = not scoped and self._tokens[0][0] == "{"
        return self._said, not dynamic

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise ListError(self._tokens[-1][1], "the file ends in the middle of a list in braces")
        self._at += 1
        return self._tokens[self._at - 1][0]

    def _expect(self, wanted: str) -> None:
        line = self._tokens[min(self._at, len(self._tokens) - 1)][1]
        found = self._next()
        if found != wanted:
            raise ListError(line, f"'{wanted}' is missing before '{found[:60]}'")

    def _block(self) -> bool:
        """Up to the closing brace. True: it has scopes."""
        exported, scoped = True, False
        while (token := self._next()) != "}":
            line = self._tokens[self._at - 1][1]
            if token == ";":
                continue
            if token in ("global", "local") and self._tokens[self._at : self._at + 1] and self._peek() == ":":
                self._next()
                exported, scoped = token == "global", True
            elif token == "extern":
                language = self._next()
                if language != '"C"':
                    raise ListError(line, f"names of extern {language} are not understood; write them as in objects")
                self._expect("{")
                self._names(exported)
            else:
                self._name(token, line, exported)
                if self._peek() != "}":
                    self._expect(";")
        return scoped

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _names(self, exported: bool) -> None:
        while (token := self._next()) != "}":
            if token != ";":
                self._name(token, self._tokens[self._at - 1][1], exported)

    def _name(self, token: str, line: int, exported: bool) -> None:
        quoted = token.startswith('"')
        name = token.strip('"')
        if not quoted:
            _check(name, line)
        self._said.append((re.sub(r"([*?\[])", r"[\1]", name) if quoted else name, exported))
