"""The surface of one line: names, lists, calls, function headers, metadata suffixes.

Everything here reads LLVM's canonical output (one instruction a line, operands
separated by ", "), never text that a person wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOCAL = r'%(?:[\w.$-]+|"[^"]*")'
GLOBAL = r'@(?:[\w.$-]+|"[^"]*")'

_CALL = re.compile(rf"^  (?:({LOCAL}) = )?(?:(tail|musttail|notail) )?(call|invoke|callbr) ")
_CALLEE = re.compile(rf" ({GLOBAL}|{LOCAL})\(")
_ASM = re.compile(r' asm (?:sideeffect |alignstack |inteldialect |unwind )*"')
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
    start = match.end()
    callee = _CALLEE.search(line, start - 1)
    asm = _ASM.search(line, start - 1)
    if asm and (callee is None or asm.start() <= callee.start()):
        at = line.index('"', asm.start())
        for _ in range(2):  # template and constraints
            at = line.index('"', at) + 1
            at = line.index('"', at) + 1
        end = closing(line, line.index("(", at))
        inside = line[line.index("(", at) + 1 : end]
        return Call(result, marker, kind, line[start : asm.start()], "asm", tuple(split_list(inside)), line[end + 1 :])
    if callee is None:
        return Call(result, marker, kind, line[start:], "", (), "")
    end = closing(line, callee.end() - 1)
    inside = line[callee.end() : end]
    return Call(
        result, marker, kind, line[start : callee.start()], callee.group(1), tuple(split_list(inside)), line[end + 1 :]
    )


def metadata_of(tail: str) -> dict[str, str]:
    """{"dbg": "!12", ...} of an instruction's end."""
    return dict(_METADATA.findall(tail)) if "!" in tail else {}


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


def parse_header(line: str) -> Header:
    """pre: the line starts with define or declare."""
    match = _HEADER_NAME.search(line)
    if match is None:
        raise ValueError(f"no function name in '{line[:80]}'")
    end = closing(line, match.end() - 1)
    inside = line[match.end() : end]
    return Header(line[: match.start()], match.group(1), tuple(split_list(inside)), line[end + 1 :])
