"""Formats of printf and scanf: who takes one, and which arguments it asks for.

Source: C17 7.21.6; POSIX.1-2024 for dprintf and syslog; glibc's manual for asprintf and err; X/Open Curses Issue 7 for printw;
System V ABI x86-64 for what a number's width in variadic arguments means.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.facts.llvm.flow import Flow
from audit.facts.llvm.program import Hit

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Call, Function, Module, Value
    from audit.facts.llvm.program import Program

# By name: which argument is the format. Those with v get their arguments as a list.
PRINTS = {
    "printf": 0, "fprintf": 1, "dprintf": 1, "sprintf": 1, "snprintf": 2, "asprintf": 1, "syslog": 1, "err": 1, "errx": 1,
    "warn": 0, "warnx": 0, "printw": 0, "wprintw": 1, "mvprintw": 2, "mvwprintw": 3,
}  # fmt: skip
SCANS = {"scanf": 0, "fscanf": 1, "sscanf": 1, "scanw": 0, "wscanw": 1, "mvscanw": 2, "mvwscanw": 3}
_LISTS = {
    "vprintf": 0, "vfprintf": 1, "vdprintf": 1, "vsprintf": 1, "vsnprintf": 2, "vasprintf": 1, "vsyslog": 1, "vwarn": 0,
    "vwprintw": 1, "vw_printw": 1, "__printf_chk": 1, "__fprintf_chk": 2, "__sprintf_chk": 3, "__snprintf_chk": 4,
    "__vprintf_chk": 1, "__vfprintf_chk": 2, "__vsprintf_chk": 3, "__vsnprintf_chk": 4, "__asprintf_chk": 2,
    "__vasprintf_chk": 2, "__syslog_chk": 2, "__vsyslog_chk": 2,
}  # fmt: skip
TAKERS = {**PRINTS, **SCANS, **_LISTS}
_CONVERSION = re.compile(r"%(\d+\$)?[-+ #0'I]*(\*|\d+)?(?:\.(\*|\d*))?(hh|h|ll|l|q|j|z|t|L)?([diouxXcsSCpneEfFgGaAm%])")
_SCANNED = re.compile(r"%(\d+\$)?(\*)?\d*(?:hh|h|ll|l|q|j|z|t|L|m)?(\[\^?\]?[^\]]*\]|[diouxXcsSCpneEfFgGaA%])")
BYTES = re.compile(r'constant (?:\[\d+ x i8\]|<\{ \[\d+ x i8\] \}> <\{ \[\d+ x i8\]) c"([^"]*)"')
_CALLED = re.compile(r"@([\w.$-]+)\(")
_LONG = ("l", "ll", "q", "j", "z", "t")


@dataclass(frozen=True)
class Wanted:
    """One argument that a format asks for: an integer of 32 or 64 bits, a double (64), a long double (80) or a pointer (64)."""

    text: str
    kind: str
    bits: int


def wanted(text: str, scans: bool) -> list[Wanted] | None:
    """The arguments of a format, in order. None: it is numbered, or has what nobody knows."""
    pattern, found, at = (_SCANNED if scans else _CONVERSION), list[Wanted](), 0
    while (at := text.find("%", at)) >= 0:
        match = pattern.match(text, at)
        if match is None or match[1]:
            return None
        at = match.end()
        if scans:
            if match[3] != "%" and not match[2]:
                found.append(Wanted(match[0], "pointer", 64))
            continue
        found += [Wanted("*", "integer", 32) for each in (match[2], match[3]) if each == "*"]
        found += _of(match[0], match[4] or "", match[5])
    return found


def _of(text: str, length: str, letter: str) -> list[Wanted]:
    if letter in "%m":
        return []
    if letter in "sSpn":
        return [Wanted(text, "pointer", 64)]
    if letter in "eEfFgGaA":
        return [Wanted(text, "float", 80 if length == "L" else 64)]
    return [Wanted(text, "integer", 64 if length in _LONG and letter not in "cC" else 32)]


def is_other(want: Wanted, value: Value) -> str:
    """What is wrong with an argument: "" for nothing, else the words; lost bits of a number begin with "only"."""
    kind, bits = value.type.kind, value.type.bits if value.type.kind == "integer" else value.type.store_bytes * 8
    if kind == want.kind == "integer" and bits > want.bits:
        return f"only {want.bits} of its {bits} bits are read"
    if kind == want.kind and bits >= want.bits:
        return ""
    if {kind, want.kind} == {"integer", "pointer"} and bits == 64 and want.bits == 64:
        return ""
    if kind not in ("integer", "pointer", "float"):
        return ""
    return f"{want.text} wants a {want.bits}-bit {want.kind}, and gets a {bits}-bit {kind}"


def constant(module: Module, value: str) -> str | None:
    """The text of a constant up to its NUL; None: it is none."""
    match = BYTES.search(module.constants.get(value, ""))
    if match is None:
        return None
    text = re.sub(r"\\([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), match[1])
    return text.split("\0")[0]


def handed_on(program: Program) -> dict[str, tuple[int, Hit]]:
    """By name, the C functions that are here and hand a parameter on to printf or its like as the format: which, and where."""
    callers = _callers(program)
    found: dict[int, tuple[Function, int, Hit]] = {}
    todo: list[tuple[str, Function | None, int]] = [(name, None, at) for name, at in sorted(TAKERS.items())]
    while todo:
        name, target, at = todo.pop()
        for function in callers.get(name, ()):
            if id(function) in found or target is not program.callee_in_c(function, name):
                continue
            for call in function.calls:
                number = _given(function, call, at) if call.callee == name else None
                if number is not None:
                    found[id(function)] = (function, number, Hit(function, call.line, name))
                    todo.append((function.name, function, number))
                    break
    return {
        function.name: (number, hit)
        for function, number, hit in found.values()
        if program.foreign(function.name) is function
    }


def _given(function: Function, call: Call, at: int) -> int | None:
    """Which parameter of the caller goes to an argument."""
    value = call.arguments[at].value if at < len(call.arguments) else ""
    for number, each in enumerate(function.parameters):
        if each.type.kind == "pointer" and Flow(function, each.value).offsets.get(value) == 0:
            return number
    return None


def _callers(program: Program) -> dict[str, list[Function]]:
    """The C functions that call a name. Told by the text: to take each call apart takes half a minute in a large library."""
    found: dict[str, list[Function]] = defaultdict(list)
    for module in program.simple:
        for function in module.defined if module.language in ("c", "c++") else ():
            lines = (line for line in function.body if " call " in line or " invoke " in line)
            for name in sorted({match[1] for line in lines if (match := _CALLED.search(line))}):
                found[name].append(function)
    return found
