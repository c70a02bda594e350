"""The numbers of galeed.h, and of mpk.h where galeed.h uses them.

They are read from the headers, so each is written once, in the Rust source that
galeed.h is generated from. Invariant: a name that the headers lack stops the
import, with one line that says which; nothing is guessed.
"""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import Final

GALEED_HEADER: Final = Path(__file__).resolve().parent / "include" / "galeed.h"
MPK_HEADER: Final = GALEED_HEADER.parents[2] / "mpk" / "csrc" / "mpk.h"

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DEFINE = re.compile(r"^#define (\w+) (0x[0-9a-fA-F]+|\d+)[ \t]*$", re.MULTILINE)
_ENUM = re.compile(r"enum (\w+) \{([^}]*)\}\s*;")


def _read(header: Path) -> str:
    try:
        text = header.read_text(encoding="utf-8")
    except OSError as error:
        raise ImportError(f"{header}: {error.strerror}; reinstall galeed") from None
    return re.sub(r"//[^\n]*", "", _COMMENT.sub("", text))


def _enumerators(body: str) -> dict[str, int]:
    """C's rule: one more than the one before, unless a value is given."""
    values: dict[str, int] = {}
    following = 0
    for item in (word.strip() for word in body.split(",")):
        if not item:
            continue
        name, _, given = (part.strip() for part in item.partition("="))
        following = int(given, 0) if given else following
        values[name] = following
        following += 1
    return values


_GALEED_TEXT = _read(GALEED_HEADER)
_MPK_TEXT = _read(MPK_HEADER)


def _numbers() -> dict[str, int]:
    found: dict[str, int] = {}
    for text in (_MPK_TEXT, _GALEED_TEXT):
        found.update((name, int(value, 0)) for name, value in _DEFINE.findall(text))
        for _, body in _ENUM.findall(text):
            found.update(_enumerators(body))
    return found


_NUMBERS = _numbers()


def _number(name: str) -> int:
    try:
        return _NUMBERS[name]
    except KeyError:
        raise ImportError(f"{GALEED_HEADER} and {MPK_HEADER} lack {name}; reinstall galeed") from None


TABLE: Final = _number("GALEED_TABLE")
INDEX_SHIFT: Final = _number("GALEED_INDEX_SHIFT")
INDEX_BITS: Final = _number("GALEED_INDEX_BITS")
TABLE_ENTRIES: Final = _number("GALEED_TABLE_ENTRIES")
ENTRY_BYTES: Final = _number("GALEED_ENTRY_BYTES")
TAG_SHIFT: Final = _number("GALEED_TAG_SHIFT")
TAG: Final = _number("GALEED_TAG")
MEDIUM_FIRST: Final = _number("GALEED_MEDIUM_FIRST")
LARGE_FIRST: Final = _number("GALEED_LARGE_FIRST")
SMALL_OFFSET_BITS: Final = _number("GALEED_SMALL_OFFSET_BITS")
MEDIUM_OFFSET_BITS: Final = _number("GALEED_MEDIUM_OFFSET_BITS")
LARGE_OFFSET_BITS: Final = _number("GALEED_LARGE_OFFSET_BITS")
TEXT_BASE: Final = _number("GALEED_TEXT_BASE")
TEXT_BYTES: Final = _number("GALEED_TEXT_BYTES")
HOST_BASE: Final = _number("MPK_HOST_BASE")
HOST_SHIFT: Final = _number("MPK_HOST_SHIFT")
PUBLISHED_BASE: Final = _number("MPK_PUBLISHED_BASE")
PUBLISHED_BYTES: Final = _number("MPK_PUBLISHED_BYTES")
PAGE_BYTES: Final = _number("MPK_PAGE_BYTES")


class Kind(IntEnum):
    """The kinds of violation."""

    SPATIAL = _number("MPK_SPATIAL")
    TEMPORAL = _number("MPK_TEMPORAL")
    FORGED = _number("MPK_FORGED")
    RIGHTS = _number("MPK_RIGHTS")
    TYPE = _number("MPK_TYPE")
    BOUNDARY = _number("MPK_BOUNDARY")


class Access(IntEnum):
    """What an access does."""

    READ = _number("MPK_ACCESS_READ")
    WRITE = _number("MPK_ACCESS_WRITE")
    EXECUTE = _number("MPK_ACCESS_EXECUTE")
    FREE = _number("MPK_ACCESS_FREE")


class Error(IntEnum):
    """What the functions for hosts return when they fail, beside mpk's own errors."""

    FULL = _number("GALEED_EFULL")
    NOT_HEAP = _number("GALEED_ENOTHEAP")
    HANDLE = _number("GALEED_EHANDLE")
    ALLOCATOR = _number("GALEED_EALLOCATOR")
    INVALID = _number("MPK_EINVALID")
    NO_MEMORY = _number("MPK_ENOMEM")
    NO_PKU = _number("MPK_ENOPKU")
    ADDRESS = _number("MPK_EADDRESS")
    ENVIRONMENT = _number("MPK_EENVIRONMENT")


def declarations() -> str:
    """galeed.h as cffi reads it: types and functions, without directives."""
    body = re.sub(r'^extern "C" \{|^\}\s*$', "", _GALEED_TEXT.split("#ifdef __cplusplus", 1)[1], flags=re.MULTILINE)
    types = _GALEED_TEXT.split("#ifdef __cplusplus", 1)[0]
    access = next(f"enum mpk_access {{{inside}}};" for name, inside in _ENUM.findall(_MPK_TEXT) if name == "mpk_access")
    violation = re.sub(r"\[(\w+)\]", lambda found: f"[{_number(found[1])}]", _structure("mpk_violation"))
    return access + violation + re.sub(r"^#.*$", "", types + body, flags=re.MULTILINE)


def _structure(name: str) -> str:
    found = re.search(rf"^struct {name} \{{[^}}]*\}};", _MPK_TEXT, re.MULTILINE)
    if found is None:
        raise ImportError(f"{MPK_HEADER} lacks struct {name}; reinstall galeed")
    return found[0]
