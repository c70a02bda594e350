"""What crosses the boundary: which pointers of a function can be pseudo, and how they came there.

The answer to *whether* is that of Roots, which the rewrite asks too; here each root is
followed backwards to an argument, a call's result or a global, field by field, and each
access is put to the roots that may reach it. Accesses that no pseudo-pointer reaches are
listed with what they touch instead.

Attacker: being wrong here misleads a reader; no pass asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from llvm_pass.analysis.fields import Field, Fields, Variable
from llvm_pass.analysis.lent_types import EVERYTHING, LentTypes
from llvm_pass.analysis.roots import OWN_MEMORY, Roots
from llvm_pass.ir.metadata import Place
from llvm_pass.ir.module import Function, Module
from llvm_pass.ir.syntax import GLOBAL, LOCAL, argument_value, bare, metadata_of, parse_call
from llvm_pass.ir.types import TypeSyntaxError

_LONGEST_CHAIN = 24
_MOST_ROOTS = 64
_OPERAND = rf"({LOCAL}|{GLOBAL}|[a-z]\w*(?: \(.*\)|\b))"
_POINTER = {
    "load": re.compile(rf", ptr {_OPERAND}(?=,|$)"),
    "store": re.compile(rf".*, ptr {_OPERAND}(?=,|$| syncscope| [a-z_]+, align)"),
    "atomicrmw": re.compile(rf"^(?:volatile )?\w+ ptr {_OPERAND}(?=,)"),
    "cmpxchg": re.compile(rf"^(?:weak )?(?:volatile )?ptr {_OPERAND}(?=,)"),
    "va_arg": re.compile(rf"^ptr {_OPERAND}(?=,)"),
}  # fmt: skip
_LOADED = re.compile(rf"= load (?:atomic |volatile )*.*?, ptr ({LOCAL}|{GLOBAL})(?=,|$| )")
_STORED = re.compile(rf"^  store (?:volatile )?ptr ({LOCAL}|{GLOBAL}|[a-z]\w*), ptr ({LOCAL})(?=,|$)")
_STEP = re.compile(rf"= getelementptr .*?, ptr ({LOCAL}|{GLOBAL})(?=,|$)")
_CONSTANT_STEP = re.compile(rf"ptr (getelementptr [a-z ]*)\(((?:[^()]|\([^()]*\))*?, ptr ({GLOBAL}), [^()]*)\)(?=,|$)")
_CONSTANT_BASE = re.compile(rf"({GLOBAL})")
_ADDRESS = re.compile(r'(@(?:[\w.$-]++|"[^"]*"))(?!\()')
_INTERNAL = re.compile(r"define (?:internal|private|available_externally) ")
_TOUCHES = ("llvm.mem", "llvm.masked.", "llvm.vp.")


@dataclass(frozen=True, slots=True)
class Step:
    """One link of a chain. kind: argument, field, result, callback, global, local, integer, other.

    others: so many other pointers may stand here as well; the chain follows one.
    """

    kind: str
    name: str = ""
    index: int | None = None
    field: Field | None = None
    others: int = 0


Chain = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """What is done through a pointer. what: load, store, atomicrmw, cmpxchg, va_arg, or the callee's name.

    shared: other pointers may be the ones that this access meets, too.
    """

    what: str
    place: Place | None
    nbytes: int | None = None
    shared: bool = False


@dataclass(slots=True)
class Boundary:
    """One function. raw: what is touched -> by which accesses. Orders are those of the code.

    entry: closed, as callbacks_open, is what a policy adds.
    """

    name: str
    place: Place | None
    entry: Literal["visible", "address taken", "internal", "closed"]
    callbacks_open: bool = True
    pointers: dict[Chain, list[Access]] = field(default_factory=dict)
    callbacks: dict[Chain, list[Access]] = field(default_factory=dict)
    results: dict[Chain, list[Access]] = field(default_factory=dict)
    raw: dict[tuple[str, str], list[Access]] = field(default_factory=dict)


def boundaries(module: Module, lent: LentTypes = EVERYTHING) -> list[Boundary]:
    """Of all functions that are not the passes' own, in the module's order. lent: what a policy says of lent memory."""
    taken: set[str] = set()
    for line in module.lines:
        if "@" in line and line[:1] not in ("!", "d", ";") and not line.startswith("@llvm."):
            taken.update(_ADDRESS.findall(line.split(" = ", 1)[-1] if line[0] == "@" else line))
    fields = Fields(module.metadata, module.types, dict(_definitions(module)))
    return [_Reader(module, each, fields, taken, lent).boundary for each in module.functions if not each.helper]


def _definitions(module: Module) -> Iterator[tuple[str, str]]:
    for _, line in module.globals_named("@"):
        yield line.split(" = ", 1)[0], line


class _Reader:
    """Reads one function."""

    def __init__(self, module: Module, function: Function, fields: Fields, taken: set[str], lent: LentTypes) -> None:
        self._module, self._function, self._fields = module, function, fields
        self._lent, self._roots = lent, Roots(module, function, lent)
        self._variables = fields.variables(module.lines, function.start + 1, function.end)
        self._arguments = [argument_value(text) for text in function.header.parameters]
        self._stores: dict[str, list[str]] = {}
        self._chains: dict[str, tuple[Chain, str | None]] = {}
        self.boundary = Boundary(bare(function.name), self._begin(), self._entry(taken))
        self._read()

    def _entry(self, taken: set[str]) -> Literal["visible", "address taken", "internal"]:
        if not _INTERNAL.match(self._function.header.before + " "):
            return "visible"
        return "address taken" if self._function.name in taken else "internal"

    def _begin(self) -> Place | None:
        node = metadata_of("," + self._function.header.after.removesuffix("{").rstrip()).get("dbg")
        match = node or re.search(r"!dbg (!\d+)", self._function.header.after)
        name = match if isinstance(match, str) else match.group(1) if match else ""
        body = self._module.metadata.nodes.get(name, "")
        line, file = re.search(r"\bline: (\d+)", body), re.search(r"\bfile: (!\d+)", body)
        known = re.search(r'filename: "([^"]*)"', self._module.metadata.nodes.get(file.group(1), "")) if file else None
        return Place(known.group(1), int(line.group(1)), 0) if line and known else None

    def _read(self) -> None:
        lines = self._module.lines
        for number in range(self._function.start + 1, self._function.end):
            match = _STORED.match(lines[number])
            if match:
                self._stores.setdefault(match.group(2), []).append(match.group(1))
        for text, name in zip(self._function.header.parameters, self._arguments, strict=True):
            if name and self._holds_pointers(text) and self._roots.origin(name).kind != "raw":
                self.boundary.pointers.setdefault(self._chain(name)[0], [])
        for number, opcode in self._roots.accesses:
            line = lines[number]
            if opcode in _POINTER:
                self._access(line, opcode)
            elif opcode in ("call", "invoke", "callbr"):
                self._call(line)
        for number in range(self._function.start + 1, self._function.end):
            if not lines[number].startswith("  ret "):
                continue
            if not lines[number].startswith("  ret ptr "):
                if self._holds_pointers(lines[number].removeprefix("  ret ")):
                    whole = (Step("other", "a value that holds pointers"),)
                    self.boundary.results.setdefault(whole, []).append(Access("ret", self._at(lines[number])))
            else:
                self._add(
                    self.boundary.results, argument_value(_plain(lines[number])), Access("ret", self._at(lines[number]))
                )

    def _holds_pointers(self, text: str) -> bool:
        """Does what the text starts with, a type, hold pointers?"""
        try:
            return self._module.types.prefix(text)[0].pointers
        except TypeSyntaxError:
            return False

    def _at(self, line: str) -> Place | None:
        return self._module.metadata.place(metadata_of(line).get("dbg"))

    def _access(self, line: str, opcode: str) -> None:
        rest = line.split(f"{opcode} ", 1)[1]
        match = _POINTER[opcode].search(rest)
        if match is None:
            return
        access = Access(opcode, self._at(line), self._nbytes(rest, opcode))
        if self._lent.spares(line):
            self.boundary.raw.setdefault(("unlent", ""), []).append(access)
            return
        self._reach(match.group(1), access)

    def _reach(self, operand: str, access: Access) -> None:
        value = operand if operand.startswith("%") else None
        if value is None or not self._add(self.boundary.pointers, value, access):
            self.boundary.raw.setdefault(self._raw(operand), []).append(access)

    def _call(self, line: str) -> None:
        call = parse_call(line)
        if call is None:
            return
        name = bare(call.callee) if call.callee[:1] == "@" else call.callee
        if name.startswith("llvm.") and not name.startswith(_TOUCHES):
            return
        if call.callee.startswith("%"):
            self._add(self.boundary.callbacks, call.callee, Access("call", self._at(line)))
            name = "a call through a pointer"
        access = Access("inline assembly" if name == "asm" else name, self._at(line))
        for text in call.arguments:
            value = argument_value(text)
            if text.startswith("<") and self._holds_pointers(text) and not self._roots.vector_is_raw(value):
                self.boundary.pointers.setdefault((Step("other", "lanes of a vector of pointers"),), []).append(access)
            if not text.startswith("ptr") or " byval(" in text:
                continue
            if name.startswith(_TOUCHES):
                self._reach(value or text.rsplit(" ", 1)[1], access)
            elif value is not None:
                self._add(self.boundary.pointers, value, access)

    def _nbytes(self, rest: str, opcode: str) -> int | None:
        text = re.sub(r"^(?:atomic |volatile )*", "", rest)
        if opcode not in ("load", "store"):
            return None
        try:
            return self._module.types.prefix(text)[0].store_bytes or None
        except TypeSyntaxError:
            return None

    def _add(self, to: dict[Chain, list[Access]], value: str | None, access: Access) -> bool:
        """Puts an access to each root that may reach the value. False: none does."""
        roots = self._roots_of(value)
        if len(roots) > 1 or (roots and self._roots.origin(value).kind == "merge"):
            access = Access(access.what, access.place, access.nbytes, shared=True)
        for root in roots:
            to.setdefault(self._chain(root)[0], []).append(access)
        return bool(roots)

    def _roots_of(self, value: str | None) -> list[str]:
        found: dict[str, None] = {}
        seen: set[str] = set()
        work = [value]
        while work and len(seen) < _MOST_ROOTS:
            origin = self._roots.origin(work.pop(0))
            if origin.kind == "root":
                found[origin.name] = None
            elif origin.kind == "merge" and origin.name not in seen:
                seen.add(origin.name)
                work += [each for each, _ in self._roots.merge(origin.name).inputs]
        return list(found)

    def _chain(self, root: str, depth: int = 0) -> tuple[Chain, str | None]:
        """(how a root came here, the type that it points to)."""
        known = self._chains.get(root)
        if known is None:
            if depth > _LONGEST_CHAIN:
                return (Step("other", "a longer chain"),), None
            self._chains[root] = ((Step("other", "a pointer that is computed from itself"),), None)
            known = self._chains[root] = self._follow(root, depth)
        return known

    def _first(self, roots: list[str], depth: int) -> tuple[Chain, str | None]:
        """The chain of one of several roots, rather of one that lies in memory or was passed."""
        chains = [self._chain(root, depth + 1) for root in roots]
        chain, pointee = min(chains, key=lambda each: each[0][-1].kind in ("callback", "other", "integer"))
        if len(chains) == 1:
            return chain, pointee
        return (*chain[:-1], replace(chain[-1], others=len(chains) - 1)), pointee

    def _follow(self, root: str, depth: int) -> tuple[Chain, str | None]:
        variable, number = self._variables.get(root), self._roots.line_of(root)
        pointee = self._fields.pointee(variable.type) if variable else None
        if number is None:
            index = self._arguments.index(root) if root in self._arguments else None
            return (Step("argument", self._argument_name(variable, index), index),), pointee
        line, opcode = self._module.lines[number], self._roots.opcode_of(root)
        if opcode == "load":
            return self._loaded(line, pointee, depth)
        if opcode in ("call", "invoke"):
            call = parse_call(line)
            if call is not None and call.callee.startswith("%"):
                roots = self._roots_of(call.callee)
                before = self._first(roots, depth)[0] if roots else ()
                return (*before, Step("callback")), pointee
            return (
                Step("result", bare(call.callee) if call is not None and call.callee else "inline assembly"),
            ), pointee
        if opcode == "inttoptr":
            return (Step("integer"),), pointee
        return (Step("other", f"the result of {opcode}"),), pointee

    def _argument_name(self, variable: Variable | None, index: int | None) -> str:
        if variable:
            return variable.name
        name = next((v.name for v in self._variables.values() if v.argument is not None and v.argument == index), "")
        return name if "sret(" not in self._function.header.parameters[0] else ""

    def _loaded(self, line: str, pointee: str | None, depth: int) -> tuple[Chain, str | None]:
        """A pointer that was loaded: from a local, a global, or a field behind another pointer."""
        match = _LOADED.search(line)
        if match is None:
            return (Step("other", "what lies at a constant address"),), pointee
        base, offset, step = self._base(match.group(1))
        constant = _CONSTANT_STEP.search(line)
        if constant:  # into a global
            step, base = constant.group(1) + constant.group(2), constant.group(3)
            offset = self._fields.offset(step)
        if self._roots.opcode_of(base) == "alloca" and step is None:
            return self._from_local(base, depth)
        if base.startswith("@"):
            before: Chain = (Step("global", bare(base)),)
            inner = self._fields.global_type(base)
        elif self._roots.opcode_of(base) == "alloca":
            variable = self._variables.get(base)
            before, inner = (
                (Step("local", variable.name if variable else base[1:]),),
                variable.type if variable else None,
            )
        else:
            roots = self._roots_of(base)
            if not roots:
                what, name = self._raw(base)
                before, inner = (Step("result" if what == "allocation" else "other", name or what),), None
            else:
                before, inner = self._first(roots, depth)
                if base not in roots:  # arithmetic in front of a merge: where it leads depends
                    offset, inner = None, None
        if base.startswith("@") and step is None:
            return before, pointee
        found, kind = self._fields.field(inner, offset, line, step)
        return (*before, Step("field", field=found)), pointee or self._fields.pointee(kind)

    def _from_local(self, slot: str, depth: int) -> tuple[Chain, str | None]:
        """What was stored into a local variable, as unoptimised code has it."""
        variable, stored = self._variables.get(slot), self._stores.get(slot, [])
        pointee = self._fields.pointee(variable.type) if variable else None
        roots = [root for value in stored if value.startswith("%") for root in self._roots_of(value)]
        before: Chain = ()
        inner = None
        if roots:
            before, inner = self._first(roots, depth)
        if len(stored) == 1 and before:
            return before, pointee or inner
        return (*before, Step("local", variable.name if variable else bare(slot))), pointee or inner

    def _base(self, value: str) -> tuple[str, int | None, str | None]:
        """(where arithmetic started, the bytes added, the first getelementptr's text)."""
        offset: int | None = 0
        step = None
        for _ in range(_LONGEST_CHAIN):
            number = self._roots.line_of(value) if value.startswith("%") else None
            match = _STEP.search(self._module.lines[number]) if number is not None else None
            if number is None or match is None:
                break
            step = self._module.lines[number]
            more = self._fields.offset(step)
            offset = None if offset is None or more is None else offset + more
            value = match.group(1)
        return value, offset, step

    def _raw(self, operand: str) -> tuple[str, str]:
        """(kind, name) of memory that no pseudo-pointer leads to."""
        base = self._base(operand)[0] if operand[:1] in "%@" else operand
        if not base.startswith("%"):
            name = _CONSTANT_BASE.search(base)
            return ("global", bare(name.group(1))) if name else ("constant", "")
        opcode, number = self._roots.opcode_of(base), self._roots.line_of(base)
        if opcode == "alloca":
            variable = self._variables.get(base)
            return "local", variable.name if variable else ""
        if opcode == "argument":
            return "copy", str(self._arguments.index(base)) if base in self._arguments else ""
        call = parse_call(self._module.lines[number]) if number is not None and opcode in ("call", "invoke") else None
        if call is not None and call.callee in OWN_MEMORY:
            return "allocation", bare(call.callee)
        return "computed", ""


def _plain(line: str) -> str:
    return line.split(", !", 1)[0]
