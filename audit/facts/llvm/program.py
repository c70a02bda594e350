"""Modules together: who calls whom across the boundary, and what C does with what it is given.

Invariant: a question about a function is answered from its definition alone, or from those it calls that are
here too; of one that is not here, only what LLVM knows of the C library's (attributes of the declaration).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from audit.facts.llvm.blocks import Blocks
from audit.facts.llvm.families import freed_family, given_family
from audit.facts.llvm.flow import Flow, place_of, unconditional
from audit.facts.llvm.origins import NULL, Origins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit.facts.llvm.ir import Call, Function, Module

_DEEPEST = 8
_WRITERS = ("llvm.memcpy.", "llvm.memmove.", "llvm.memset.")
# Of these, the named arguments are read up to a NUL. Source: C17 7.24, 7.21, 7.22; POSIX.
STRINGS = {
    "strlen": (0,), "strcmp": (0, 1), "strcpy": (1,), "strcat": (0, 1), "strchr": (0,), "strrchr": (0,), "strstr": (0, 1),
    "strdup": (0,), "strcasecmp": (0, 1), "strspn": (0, 1), "strcspn": (0, 1), "strpbrk": (0, 1), "atoi": (0,), "atol": (0,),
    "atof": (0,), "strtol": (0,), "strtoul": (0,), "strtod": (0,), "puts": (0,), "fputs": (0,), "fopen": (0, 1), "open": (0,),
    "getenv": (0,), "setenv": (0, 1), "remove": (0,), "unlink": (0,), "stat": (0,), "access": (0,), "system": (0,),
    "dlopen": (0,), "dlsym": (1,), "perror": (0,), "printf": (0,), "fprintf": (1,), "sprintf": (1,), "snprintf": (2,),
}  # fmt: skip


@dataclass(frozen=True)
class Hit:
    """Where it happens: a line of the function's body. what: see who answers."""

    function: Function
    line: int
    what: str


@dataclass(frozen=True)
class _Question:
    """here: does it happen in the function itself? called: does a call do it to an argument? exact: of the very pointer
    only. always: whenever the function is called."""

    name: str
    here: Callable[[Flow], Hit | None]
    called: Callable[[Function, Call, int], str | None]
    exact: bool = False
    always: bool = False


class Program:
    """plain: as compiled. simple: the same modules as -O1 has them."""

    def __init__(self, plain: list[Module], simple: list[Module]) -> None:
        self.plain, self.simple = plain, simple
        self._known: dict[tuple[str, int, int], Hit | None] = {}
        self._families: dict[int, str | None] = {}

    @cached_property
    def definitions(self) -> dict[str, list[Function]]:
        """What other modules can link to, as -O1 has it."""
        return _definitions(self.simple)

    @cached_property
    def compiled(self) -> dict[str, list[Function]]:
        """The same, as compiled."""
        return _definitions(self.plain)

    def foreign(self, name: str) -> Function | None:
        """The definition in C or C++ of a name; None where there is none, or more than one."""
        found = [each for each in self.definitions.get(name, ()) if each.language in ("c", "c++")]
        return found[0] if len(found) == 1 else None

    def callee(self, function: Function, name: str) -> Function | None:
        """What a name is where a function calls it: of its own module, C's, or another crate's; None where it is not here."""
        own = function.module.functions.get(name)
        if own is not None and own.is_defined:
            return own
        found = self.definitions.get(name, ())
        return self.foreign(name) or (found[0] if len(found) == 1 else None)

    def callee_in_c(self, function: Function, name: str) -> Function | None:
        """The same where a C function calls: never another crate's."""
        own = function.module.functions.get(name)
        return own if own is not None and own.is_defined else self.foreign(name)

    @cached_property
    def _callers(self) -> dict[str, list[tuple[Function, Call]]]:
        found: dict[str, list[tuple[Function, Call]]] = defaultdict(list)
        for function in (function for module in self.simple for function in module.defined):
            for call in function.calls:
                found[call.callee].append((function, call))
        return found

    def callers(self, name: str) -> list[tuple[Function, Call]]:
        """Each call of a function by its name."""
        return self._callers.get(name, [])

    @cached_property
    def origins(self) -> Origins:
        return Origins(self)

    def crossings(self, modules: list[Module]) -> Iterator[tuple[Function, Call, Function]]:
        """Each call of Rust code to C: the caller, the call, the definition."""
        for module in modules:
            if module.language != "rust":
                continue
            for function in module.defined:
                for call in function.calls:
                    callee = self.foreign(call.callee) if call.callee else None
                    if callee is not None:
                        yield function, call, callee

    def writes(self, function: Function, at: int) -> Hit | None:
        """Where a function, or one that it calls, writes through parameter `at`."""
        return self._reach(_WRITES, function, at)

    def frees(self, function: Function, at: int) -> Hit | None:
        """Where parameter `at` (the very pointer) is freed; what: the family."""
        return self._reach(_FREES, function, at)

    def frees_always(self, function: Function, at: int) -> Hit | None:
        """The same, where nothing but a test for null stands before it."""
        return self._reach(_FREES_ALWAYS, function, at)

    def keeps(self, function: Function, at: int) -> Hit | None:
        """Where parameter `at` is stored into a global; what: the global."""
        return self._reach(_KEEPS, function, at)

    def stores(self, function: Function, at: int) -> Hit | None:
        """Where parameter `at` goes into memory that outlives the function."""
        return self._reach(_STORES, function, at)

    def reads_string(self, function: Function, at: int) -> Hit | None:
        """Where parameter `at` is read up to a NUL; what: the function that reads it."""
        return self._reach(_READS_STRING, function, at)

    def gives(self, function: Function, depth: int = 0) -> str | None:
        """The family of what a function returns, when it is an allocation of its own."""
        if depth > _DEEPEST or function.result.type.kind != "pointer":
            return None
        if id(function) not in self._families:
            self._families[id(function)] = None  # for who calls itself
            self._families[id(function)] = self._gives_plainly(function, depth) or self._gives_of_memory(function)
        return self._families[id(function)]

    def _gives_of_memory(self, function: Function) -> str | None:
        found = self.origins.returned(function) - {NULL} if function.language in ("c", "c++") else frozenset()
        (one,) = found if len(found) == 1 else ("",)
        return one if one and one[0] not in "?@" else None

    def _gives_plainly(self, function: Function, depth: int) -> str | None:
        for call in function.calls:
            if call.result is None or not Flow(function, call.result).is_returned():
                continue
            declared = function.module.functions.get(call.callee)
            family = given_family(declared) if declared else None
            found = None if family else self.callee(function, call.callee)
            family = family or (self.gives(found, depth + 1) if found else None)
            if family:
                return family
        return None

    def _reach(self, question: _Question, function: Function, at: int, depth: int = 0) -> Hit | None:
        """The first place where it happens to parameter `at`, here or in what it is passed to. Each is looked into once."""
        key = (question.name, id(function), at)
        if key in self._known:
            return self._known[key]
        self._known[key] = None
        flow = self._flow(function, at)
        if flow is not None and depth <= _DEEPEST:
            self._known[key] = question.here(flow) or self._passed_on(question, function, flow, depth)
        return self._known[key]

    def _passed_on(self, question: _Question, function: Function, flow: Flow, depth: int) -> Hit | None:
        lines = unconditional(function, flow) if question.always else range(len(function.body))
        for call in function.calls:
            for number, argument in enumerate(call.arguments):
                if argument.value not in flow:
                    continue
                if call.line not in lines and not Blocks(function).always(call.line):
                    continue
                if question.exact and flow.offsets[argument.value] != 0:
                    continue
                what = question.called(function, call, number)
                if what is not None:
                    return Hit(function, call.line, what)
                found = self._callee(function, call, number)
                deeper = self._reach(question, found, number, depth + 1) if found else None
                if deeper:
                    return deeper
        return None

    def _flow(self, function: Function, at: int) -> Flow | None:
        if at >= len(function.parameters) or function.parameters[at].type.kind != "pointer":
            return None
        if function.parameters[at].has("byval", "sret"):  # its own copy, or the result
            return None
        return Flow(function, function.parameters[at].value)

    def _callee(self, function: Function, call: Call, number: int) -> Function | None:
        found = self.callee(function, call.callee)
        return found if found is not None and number < len(found.parameters) else None


def place(function: Function, line: int) -> tuple[str, int] | None:
    return place_of(function, line) or function.place


def _definitions(modules: list[Module]) -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = defaultdict(list)
    for module in modules:
        for each in module.defined:
            if each.is_seen:
                found[each.name].append(each)
    return found


def _not_here(_: Flow) -> Hit | None:
    return None


def _stored_through(flow: Flow) -> Hit | None:
    line = next((each.line for each in flow.accesses() if each.is_store), None)
    return None if line is None else Hit(flow.function, line, "")


def _kept_here(flow: Flow) -> Hit | None:
    return next((Hit(flow.function, line, name) for name, line in flow.kept_in()), None)


def _stored_here(flow: Flow) -> Hit | None:
    line = flow.is_stored()
    return None if line is None else Hit(flow.function, line, "")


def _filled(_: Function, call: Call, number: int) -> str | None:
    return "" if number == 0 and call.callee.startswith(_WRITERS) else None


def _freed(function: Function, call: Call, number: int) -> str | None:
    declared = function.module.functions.get(call.callee)
    return freed_family(declared, number) if declared else None


def _freed_whole(function: Function, call: Call, number: int) -> str | None:
    return None if "realloc" in call.callee else _freed(function, call, number)


def _never(_: Function, __: Call, ___: int) -> str | None:
    return None


def _string(_: Function, call: Call, number: int) -> str | None:
    return call.callee if number in STRINGS.get(call.callee, ()) else None


_WRITES = _Question("writes", _stored_through, _filled)
_FREES = _Question("frees", _not_here, _freed, exact=True)
_FREES_ALWAYS = _Question("frees always", _not_here, _freed_whole, exact=True, always=True)
_KEEPS = _Question("keeps", _kept_here, _never)
_STORES = _Question("stores", _stored_here, _never)
_READS_STRING = _Question("reads string", _not_here, _string, exact=True)
