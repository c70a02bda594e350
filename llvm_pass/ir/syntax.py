"""The surface of one line: names, lists, calls, function headers, metadata suffixes.

Everything here reads LLVM's canonical output (one instruction a line, operands
separated by ", "), never text that a person wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LOCAL = r'%(?:[\w.$-]+|"[^"]*")'
GLOBAL = r'@(?:[\w.$-]+|"[^"]*")'

_CALL = re.compile(rf"^  (?:({LOCAL}) = )?(?:(tail|musttail|notail) )?(call|invoke|callbr) ")
_CALLEE = re.compile(rf" ({GLOBAL}|{LOCAL})\(")
_ASM = re.compile(r' asm (?:sideeffect |alignstack |inteldialect |unwind )*"')
_QUOTED = re.compile(r'"[^"]*"')
_MENTIONED = re.compile(rf'({GLOBAL})(?=(.?))|"[^"]*"')
_VALUES = re.compile(rf'{LOCAL}|"[^"]*"')
_METADATA = re.compile(r", !([\w.]+) (!\d+)")
_TRAILING_LOCAL = re.compile(rf"({LOCAL})$")
_HEADER_NAME = re.compile(rf" ({GLOBAL})\(")
_NESTED = r"\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)"
_PARAMETER_WORDS = (
    "allocalign|allocptr|immarg|inreg|nest|noalias|nocapture|noext|nofree|nonnull|noundef|readnone|readonly|returned|"
    "signext|swiftasync|swifterror|swiftself|writable|writeonly|zeroext|dead_on_unwind|dead_on_return"
)
_PARAMETER = re.compile(
    r"(?:align \d+|alignstack\(\d+\)|"
    rf"(?:byref|byval|captures|dead_on_return|dereferenceable|dereferenceable_or_null|elementtype|inalloca|initializes|"
    rf"nofpclass|preallocated|range|sret){_NESTED}|"
    rf'(?:{_PARAMETER_WORDS})(?![\w(])|"[^"]*"(?:="[^"]*")?) '
)


def blanked(text: str) -> str:
    """The text with underscores for what is inside quotes: names and strings may hold anything.

    LLVM escapes quotes inside of quotes, so that they come in pairs; every place keeps its index.
    """
    return _QUOTED.sub(lambda found: f'"{"_" * (found.end() - found.start() - 2)}"', text) if '"' in text else text


def groups_of(pattern: re.Pattern[str], text: str) -> tuple[str | Any, ...] | None:
    """What the groups match at the start of a text, as if nothing were inside its quotes. None: no match."""
    if '"' not in text:
        plain = pattern.match(text)
        return plain.groups() if plain else None
    match = pattern.match(blanked(text))
    return _original(match, text) if match else None


def found_in(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str | Any, ...]]:
    """The groups of each match in a text, as if nothing were inside its quotes."""
    if '"' not in text:
        yield from (match.groups() for match in pattern.finditer(text))
    else:
        yield from (_original(match, text) for match in pattern.finditer(blanked(text)))


def _original(match: re.Match[str], text: str) -> tuple[str | Any, ...]:
    spans = (match.span(number) for number in range(1, match.re.groups + 1))
    return tuple(text[start:end] if start >= 0 else None for start, end in spans)


def mentions(line: str) -> Iterator[tuple[str, bool]]:
    """The globals that a line names outside of strings, and whether a parenthesis opens behind the name."""
    for match in _MENTIONED.finditer(line):
        if match.group(1) is not None:
            yield match.group(1), match.group(2) == "("


def renamed(line: str, names: dict[str, str]) -> str:
    """The line with local values under other names; what stands in strings and names of globals is none."""
    return _VALUES.sub(lambda match: names.get(match.group(), match.group()), line)


def bare(name: str) -> str:
    """@foo, @"foo bar" or %x without sigil and quotes (escapes stay as LLVM prints them)."""
    return name[2:-1] if name[1:2] == '"' else name[1:]


def sibling(name: str, suffix: str) -> str:
    """The global whose name is that of `name` with a suffix."""
    return f'{name[:-1]}{suffix}"' if name.endswith('"') else name + suffix


def closing(text: str, start: int) -> int:
    """Index of the bracket that closes the one at text[start]. Strings are skipped."""
    depth, at, length = 0, start, len(text)
    while at < length:
        char = text[at]
        if char == '"':
            at = text.index('"', at + 1)
        elif char in "([{<":
            depth += 1
        elif char in ")]}>":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise ValueError(f"unbalanced brackets in '{text[start : start + 60]}'")


def split_list(text: str) -> list[str]:
    """Splits at ", " outside brackets and strings."""
    if not any(char in text for char in '([{<"'):
        return text.split(", ") if text else []
    parts, start, at, depth, length = [], 0, 0, 0, len(text)
    while at < length:
        char = text[at]
        if char == '"':
            at = text.index('"', at + 1)
        elif char in "([{<":
            depth += 1
        elif char in ")]}>":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 2
        at += 1
    parts.append(text[start:])
    return parts


@dataclass(frozen=True, slots=True)
class Call:
    """One call or invoke line (of an invoke: the line without its labels)."""

    result: str | None
    marker: str  # tail, musttail, notail or ""
    kind: str  # call, invoke, callbr
    signature: str  # calling convention, return attributes, type: all before the callee
    callee: str  # @name, %name, "asm" or "" for a constant expression
    arguments: tuple[str, ...]
    rest: str  # behind the closing parenthesis: attributes, bundles, metadata


def parse_call(line: str) -> Call | None:
    """None when the line is no call."""
    match = _CALL.match(line)
    if match is None:
        return None
    result, marker, kind = match.group(1), match.group(2) or "", match.group(3)
    start, plain = match.end(), blanked(line)
    callee = _CALLEE.search(plain, start - 1)
    asm = _ASM.search(plain, start - 1)
    if asm and (callee is None or asm.start() <= callee.start()):
        at = plain.index('"', asm.start())
        for _ in range(2):  # template and constraints
            at = plain.index('"', at) + 1
            at = plain.index('"', at) + 1
        end = closing(plain, plain.index("(", at))
        inside = line[plain.index("(", at) + 1 : end]
        return Call(result, marker, kind, line[start : asm.start()], "asm", tuple(split_list(inside)), line[end + 1 :])
    if callee is None:
        return Call(result, marker, kind, line[start:], "", (), "")
    end = closing(plain, callee.end() - 1)
    inside, name = line[callee.end() : end], line[callee.start(1) : callee.end(1)]
    return Call(result, marker, kind, line[start : callee.start()], name, tuple(split_list(inside)), line[end + 1 :])


def metadata_of(tail: str) -> dict[str, str]:
    """{"dbg": "!12", ...} of an instruction's end."""
    return dict(_METADATA.findall(tail, tail.rfind('"') + 1)) if "!" in tail else {}


def argument_value(argument: str) -> str | None:
    """The local value that an argument or operand ends with; None for constants."""
    match = _TRAILING_LOCAL.search(argument)
    return match.group(1) if match else None


def skip_attributes(text: str, start: int) -> tuple[list[str], int]:
    """Parameter or return attributes at text[start:], and the index behind them."""
    found = []
    match = _PARAMETER.match(text, start)
    while match:
        found.append(match.group(0)[:-1])
        start = match.end()
        match = _PARAMETER.match(text, start)
    return found, start


@dataclass(frozen=True, slots=True)
class Header:
    """A define or declare line taken apart; joining the parts gives the line back."""

    before: str  # up to the name: linkage, visibility, convention, return attributes and type
    name: str  # with @ and quotes
    parameters: tuple[str, ...]
    after: str  # behind the parameters

    def text(self) -> str:
        """The line again."""
        return f"{self.before} {self.name}({', '.join(self.parameters)}){self.after}"


@lru_cache(maxsize=4096)  # each pass reads the module anew, and most headers are as before
def parse_header(line: str) -> Header:
    """pre: the line starts with define or declare."""
    plain = blanked(line)
    match = _HEADER_NAME.search(plain)
    if match is None:
        raise ValueError(f"no function name in '{line[:80]}'")
    end = closing(plain, match.end() - 1)
    inside, name = line[match.end() : end], line[match.start(1) : match.end(1)]
    return Header(line[: match.start()], name, tuple(split_list(inside)), line[end + 1 :])
