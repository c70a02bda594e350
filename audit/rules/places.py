"""What the IR rules show: places of functions, calls and declarations, as evidence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.program import place
from audit.model import Evidence, Location

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Call, Function, Module
    from audit.facts.rust.foreign import Declaration
    from audit.model import Kind

_SKIPPED = re.compile(r"(?:B|C?s)[0-9a-zA-Z]*_")  # v0: what refers back, and what tells crates and impls apart
_GIVEN_AWAY = re.compile(r"(?:(7CString)|5alloc(?:5(boxed)|(2rc)|(4sync))\S*)8into_raw")
_CXX, _LENGTH, _LEGACY_HASH = re.compile(r"_Z(?:NK?|L)?(?=\d)"), re.compile(r"(\d{1,4})"), re.compile(r"h[0-9a-f]{16}")
_LINKED = re.compile(r"(?<=\w)\.\d+$")  # a static function whose name another file has too, when they are linked
_SIGNS = (
    ("$LT$", "<"), ("$GT$", ">"), ("$u20$", " "), ("$RF$", "&"), ("$BP$", "*"), ("$C$", ","), ("..", "::"), ("$u7b$", "{"),
    ("$u7d$", "}"),
)  # fmt: skip


def given_away(name: str) -> str:
    """The type that a Rust function gives away by into_raw, of either mangling; "" for others."""
    match = _GIVEN_AWAY.search(name)
    kinds = {"7CString": "CString", "boxed": "Box", "2rc": "Rc", "4sync": "Arc"}
    return kinds[next(filter(None, match.groups()))] if match else ""


def kind_of(module: Module) -> Kind:
    """The source that debug information of a module leads to."""
    return "rust" if module.language == "rust" else "c"


def location(module: Module, where: tuple[str, int] | None, symbol: str) -> Location:
    return Location(where[0], where[1], symbol=symbol) if where else Location(module.path, symbol=symbol)


def of_function(function: Function, text: str) -> Evidence:
    where = location(function.module, function.place, readable(function.name))
    return Evidence(kind_of(function.module) if function.place else "ir", text, where)


def of_line(function: Function, line: int, text: str) -> Evidence:
    """A line of a function's body."""
    where = place(function, line)
    return Evidence(
        kind_of(function.module) if where else "ir", text, location(function.module, where, readable(function.name))
    )


def of_call(caller: Function, call: Call, text: str) -> Evidence:
    where = call.place or caller.place
    return Evidence(
        kind_of(caller.module) if where else "ir", text, location(caller.module, where, readable(caller.name))
    )


def of_declaration(declaration: Declaration, text: str) -> Evidence:
    return Evidence("rust", text, Location(declaration.path, declaration.line, symbol=declaration.name))


def readable(name: str) -> str:
    """A mangled name's path, without types, instances and hashes: enough to find it, and the same for each build."""
    if name.startswith("_R"):
        return "::".join(_parts(name)) or name
    match = _CXX.match(name)
    if match is None:
        return _LINKED.sub("", name)
    parts = _parts(name, match.end(), run=True)
    if len(parts) > 1 and _LEGACY_HASH.fullmatch(parts[-1]):
        parts.pop()
    return "::".join(_plain(each) for each in parts) or name


def _parts(name: str, at: int = 2, run: bool = False) -> list[str]:
    """What is written with its length before it. run: up to the first that is something else."""
    parts = []
    while at < len(name):
        match = _LENGTH.match(name, at)
        if match:
            start = match.end() + (name[match.end() : match.end() + 1] == "_" and name.startswith("_R"))
            at = start + int(match[1])
            parts.append(name[start:at])
        elif run:
            break
        else:
            skipped = _SKIPPED.match(name, at)
            at = skipped.end() if skipped else at + 1
    return parts


def _plain(part: str) -> str:
    for mark, sign in _SIGNS:
        part = part.replace(mark, sign)
    return part.removeprefix("_") if part.startswith("_<") else part
