"""Families of allocation functions: what one gives, only one of the same may free. As LLVM's attributes have them.

Source: LLVM LangRef, alloc-family, allockind, allocptr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function

_NEW, _DELETE = ("_Znwm", "_Znam"), ("_ZdlPv", "_ZdaPv")


def family(function: Function) -> str | None:
    """Its alloc-family, as LLVM names it."""
    mark = '"alloc-family"="'
    return next((each.removeprefix(mark)[:-1] for each in function.attributes if each.startswith(mark)), None)


def _kind(function: Function) -> str:
    return next((each for each in function.attributes if each.startswith("allockind(")), "")


def given_family(function: Function) -> str | None:
    """The family of what it returns, when it is an allocation function."""
    if function.name.startswith(_NEW):  # clang gives these no attribute, LLVM knows them by name
        return function.name[:5]
    return family(function) if any(word in _kind(function) for word in ("alloc,", "realloc", 'alloc"')) else None


def freed_family(function: Function, argument: int) -> str | None:
    """The family whose memory this argument must be, when it is freed."""
    if function.name.startswith(_DELETE):
        return _NEW[_DELETE.index(function.name[:6])] if argument == 0 else None
    frees = any(word in _kind(function) for word in ("free", "realloc"))
    mine = argument < len(function.parameters) and function.parameters[argument].has("allocptr")
    return family(function) if frees and mine else None
