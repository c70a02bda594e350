"""The table of functions that are not rewritten: what each does with its arguments' memory.

    [calls]
    strncpy = { arguments = ["out(#2)", "string(#2)", "-"], result = "#0" }

One word an argument, `#N` being the value of argument N:

    -                 no memory of ours: a number, a FILE, an address that is only handed on
    in(S), out(S)     reads, writes S bytes: a number, #N, or a product of up to one number and two #N
    string(#N)        reads to the NUL, or at most #N elements; string+ also writes there
    found(#B, #N)     reads to the byte #B, or at most #N bytes
    copy(#N)          receives the string #N; append(#N, #M) behind its own, at most #M characters
    end(#N)           receives a pointer into argument N's memory
    printed(#F, #N)   receives what the format #F makes, or at most #N bytes
    format            printf's; list(#F): the va_list of the format #F
    scan(#S)          scanf's, scanning the string #S or a file; scanlist(#F, #S): a va_list of it
    cursor(#N)        a pointer that moves over the bytes that a size_t behind #N counts, or over a
                      string; cursor+ where those are written; token(#N): when #N is null
    vector(#N)        #N struct iovec, of which is read; vector+ where they are written
    rest              all that was lent from there on, written where it may be
    code              a function that is called back
    freed             is freed: lent memory is Rust's to free, which is a violation of rights
    kept              is still used after the call: lent memory is refused
    ...               more arguments, those of a format or numbers

wstring, wcopy, wappend: of wchar_t. `result = "#N"`: the result points into argument
N's memory. `refused = "why"` in place of arguments: lent memory is refused altogether.

Invariant: a table that does not parse raises; nothing is guessed. A wrong row makes a
call fail or trap, or lets libc read or write beyond what was checked of C's *own* memory;
lent memory that C cannot reach stays out of reach whatever the table says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llvm_pass import abi
from llvm_pass.errors import UsageError

_WORD = re.compile(r"^([a-z]+\+?|-|\.\.\.)(?:\(([^()]*)\))?$")
_REFERENCE = re.compile(r"^#(\d{1,2})$")
_WIDE_BYTES = 4
# word -> (extent, written, fewest and most references)
_WORDS: dict[str, tuple[str, bool, int, int]] = {
    "-": ("opaque", False, 0, 0),
    "code": ("opaque", False, 0, 0),
    "kept": ("opaque", False, 0, 0),
    "string": ("string", False, 0, 1),
    "string+": ("string", True, 0, 1),
    "found": ("found", False, 1, 2),
    "copy": ("copied", True, 1, 2),
    "append": ("appended", True, 1, 2),
    "end": ("end", True, 1, 1),
    "printed": ("printed", True, 1, 2),
    "format": ("format", False, 0, 0),
    "list": ("list", False, 1, 1),
    "scan": ("scan", False, 0, 1),
    "scanlist": ("scan_list", False, 1, 2),
    "cursor": ("cursor", False, 0, 1),
    "cursor+": ("cursor", True, 0, 1),
    "token": ("cursor", True, 1, 1),
    "vector": ("vector", False, 1, 1),
    "vector+": ("vector", True, 1, 1),
    "rest": ("rest", False, 0, 0),
    "freed": ("freed", False, 0, 0),
}
_WIDE = {"wstring": "string", "wcopy": "copy", "wappend": "append"}


@dataclass(frozen=True, slots=True)
class Use:
    """What happens behind one argument; fields as of struct galeed_use."""

    word: str
    extent: str
    writes: bool = False
    first: int = abi.NO_ARGUMENT
    second: int = abi.NO_ARGUMENT
    unit: int = 1

    @property
    def memory(self) -> bool:
        """Is there memory behind it that the call touches?"""
        return self.extent != "opaque"


@dataclass(frozen=True, slots=True)
class Shape:
    """One function. refused: why lent memory cannot go there at all; instead: what stands in for it."""

    uses: tuple[Use, ...] = ()
    variadic: bool = False
    result: int = abi.NO_ARGUMENT
    refused: str = ""
    instead: str = ""

    @property
    def lengths(self) -> frozenset[int]:
        """The arguments that are lengths: a negative int among them means nothing."""
        return frozenset(
            n
            for use in self.uses
            if use.extent in ("bytes", "string", "found", "copied", "appended", "printed", "vector")
            for n in (use.first, use.second)
        )

    @property
    def always(self) -> bool:
        """Handles may hide in a va_list or a cell, which no test of the arguments sees."""
        return any(use.extent in ("list", "scan_list", "cursor", "vector") for use in self.uses)


def parse(calls: Mapping[str, object], where: str) -> dict[str, Shape]:
    """Shapes of a `calls` table. where: for messages. Raises UsageError."""
    return {name: _shape(row, f"{where}: calls.{name}") for name, row in calls.items()}


@cache
def builtin() -> Mapping[str, Shape]:
    """The C library's functions."""
    found: dict[str, Shape] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        new = parse(tomllib.loads(path.read_text(encoding="utf-8"))["calls"], path.name)
        if twice := found.keys() & new.keys():
            raise UsageError(f"{path.name}: {', '.join(sorted(twice))} is in two tables")
        found |= new
    return found


def _shape(row: object, where: str) -> Shape:
    if isinstance(row, dict) and (instead := row.get("instead")):
        return Shape(instead=str(instead))
    if not isinstance(row, dict):
        raise UsageError(f"{where} must be a table with 'arguments' or 'refused'")
    if unknown := row.keys() - {"arguments", "result", "refused"}:
        raise UsageError(f"{where} has no key '{min(unknown)}'; there are arguments, result and refused")
    refused = row.get("refused", "")
    if not isinstance(refused, str) or bool(refused) == ("arguments" in row):
        raise UsageError(f"{where} needs either 'arguments' or a reason in 'refused'")
    words = row.get("arguments", [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UsageError(f"{where}.arguments must be a list of words")
    variadic = words[-1:] == ["..."]
    fixed = words[:-1] if variadic else words
    uses = tuple(_use(word, len(fixed), where) for word in fixed)
    result = abi.NO_ARGUMENT
    if "result" in row:
        result = _reference(str(row["result"]), len(fixed), where)
    return Shape(uses, variadic, result, refused)


def _reference(text: str, count: int, where: str) -> int:
    match = _REFERENCE.match(text)
    if match is None or int(match.group(1)) >= count:
        raise UsageError(f"{where}: '{text}' is no argument; write #0 to #{count - 1}")
    return int(match.group(1))


def _use(text: str, count: int, where: str) -> Use:
    match = _WORD.match(text)
    word, inside = match.groups() if match else ("", None)
    if word in ("in", "out"):
        return _sized(word, inside or "", count, where)
    plain = _WIDE.get(word, word)
    if plain not in _WORDS:
        raise UsageError(f"{where}: '{text}' is no access; there are in, out, {', '.join((*_WORDS, *_WIDE))}")
    extent, writes, fewest, most = _WORDS[plain]
    parts = [part.strip() for part in inside.split(",")] if inside else []
    if not fewest <= len(parts) <= most:
        raise UsageError(f"{where}: '{text}' takes {fewest} to {most} arguments")
    numbers = [_reference(part, count, where) for part in parts] + [abi.NO_ARGUMENT] * 2
    if plain == "token":
        numbers = [abi.NO_ARGUMENT, numbers[0]]
    return Use(plain, extent, writes, numbers[0], numbers[1], _WIDE_BYTES if word in _WIDE else 1)


def _sized(word: str, inside: str, count: int, where: str) -> Use:
    unit, numbers = 1, []
    for part in (part.strip() for part in inside.split("*")):
        if part.isdecimal() and int(part) < 1 << 31:
            unit *= int(part)
        else:
            numbers.append(_reference(part, count, where))
    if len(numbers) > 2 or unit >= 1 << 32:
        raise UsageError(f"{where}: '{word}({inside})' multiplies too much")
    numbers += [abi.NO_ARGUMENT] * 2
    return Use(word, "bytes", word == "out", numbers[0], numbers[1], unit)
