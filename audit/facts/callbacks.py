"""Which C functions may call the host back: their calls through pointers, wherever an inliner may put these.

The key `callbacks` names functions as they are after optimisation. So a function counts as well when such a
call was inlined into it here (debug information says so), or when it calls one that counts and is in its file.

Invariant: a call is left out only where its target comes from a constant table of the module.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from audit.facts.llvm.flow import place_of
from llvm_pass.ir.syntax import LOCAL, parse_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit.facts.llvm.ir import Function, Module, Place
    from audit.facts.rust.source import RustFile

_FOR_C = re.compile(rb'\bextern\s+(?:"[^"\n]*"\s+)?fn\b|\bcallback!|\bgaleed::export\b')
_RUST_ABI = re.compile(rb'extern\s+"Rust"')
_LOAD = re.compile(rf"^  ({LOCAL}) = load .*?, ptr ({LOCAL}|@[\w.$-]+)(?:,| |$)")
_STEP = re.compile(rf"^  ({LOCAL}) = getelementptr .*?, ptr ({LOCAL}|@[\w.$-]+)(?:,|$)")
_CONSTANT = re.compile(r"^(?:private |internal )(?:unnamed_addr |local_unnamed_addr |dso_local )*constant ")
_DBG = re.compile(r"!dbg (!\d+)")
_SCOPE, _INLINED = re.compile(r"\bscope: (!\d+)"), re.compile(r"\binlinedAt: (!\d+)")
_NAME, _LINKAGE = re.compile(r'\bname: "([^"]*)"'), re.compile(r'\blinkageName: "([^"]*)"')
_DEEPEST = 64


@dataclass(frozen=True)
class Caller:
    """A C function that may call the host. is_local: specialised copies of it get names of their own."""

    name: str
    text: str
    place: Place | None
    is_local: bool


def callable_from_c(files: Iterable[RustFile]) -> tuple[str, int] | None:
    """The first place where Rust source has a function that C can call, or the type of one (others may pass one then);
    None: there is none."""
    for file in files:
        for match in _FOR_C.finditer(file.text):
            if not _RUST_ABI.match(match[0]):
                return file.path, file.text.count(b"\n", 0, match.start()) + 1
    return None


def callers(modules: Iterable[Module]) -> dict[str, Caller]:
    """By name."""
    found: dict[str, Caller] = {}
    for module in modules:
        for each in _of_module(module):
            found.setdefault(each.name, each)
    return dict(sorted(found.items()))


def _of_module(module: Module) -> Iterator[Caller]:
    called_by: dict[str, dict[str, Place | None]] = defaultdict(dict)
    found: dict[str, Caller] = {}
    for function in module.defined:
        for call in function.calls:
            frames = _frames(module, function.body[call.line])
            chain = [*frames, function.name]
            for inner, outer in pairwise(chain):
                called_by[inner].setdefault(outer, call.place)
            if call.callee:
                called_by[call.callee].setdefault(chain[0], call.place)
            elif _may_leave(function, call.line):
                where = place_of(function, call.line)
                found.setdefault(
                    chain[0], Caller(chain[0], "calls through a pointer", where, _is_local(module, chain[0]))
                )
    work = list(found)
    while work:
        name = work.pop()
        for outer, where in called_by.get(name, {}).items():
            if outer not in found:
                found[outer] = Caller(outer, f"calls {name}, which may be inlined", where, _is_local(module, outer))
                work.append(outer)
    yield from found.values()


def _is_local(module: Module, name: str) -> bool:
    function = module.functions.get(name)
    return function is None or not function.is_seen


def _may_leave(function: Function, line: int) -> bool:
    """May the call go anywhere but into a constant table of this module?"""
    call = parse_call(function.body[line])
    callee = call.callee if call else ""
    if not callee.startswith("%"):
        return False  # assembler, or a constant expression of C's own functions
    loaded = {match[1]: match[2] for each in function.body if (match := _LOAD.match(each) or _STEP.match(each))}
    at = callee
    for _ in range(_DEEPEST):
        if at not in loaded:
            break
        at = loaded[at]
    return not (at.startswith("@") and _CONSTANT.match(function.module.constants.get(at, "")))


def _frames(module: Module, line: str) -> list[str]:
    """The functions that a line was inlined from, innermost first, and the one that it is in by debug information."""
    nodes, found = module.text.metadata.nodes, []
    match = _DBG.search(line)
    node = match[1] if match else ""
    for _ in range(_DEEPEST):
        body = nodes.get(node, "")
        scope = _SCOPE.search(body)
        name = _subprogram(nodes, scope[1]) if scope else ""
        if name and name not in found:
            found.append(name)
        outer = _INLINED.search(body)
        if not outer:
            break
        node = outer[1]
    return found


def _subprogram(nodes: dict[str, str], scope: str) -> str:
    for _ in range(_DEEPEST):
        body = nodes.get(scope, "")
        if "!DISubprogram(" in body:
            name = _LINKAGE.search(body) or _NAME.search(body)
            return name[1] if name else ""
        outer = _SCOPE.search(body)
        if not outer:
            return ""
        scope = outer[1]
    return ""
