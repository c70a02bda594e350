"""Loads, stores and atomics that may meet a handle become calls of helpers."""

from __future__ import annotations

import re

from llvm_pass import abi
from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import LOCAL, argument_value, metadata_of
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.passes.entries import Entries
from llvm_pass.runtime.helpers import DIRECT_BYTES, Helpers, Holds

_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more
_LOOK_AHEAD_LINES = 16
_ORDER = r'((?: syncscope\("[^"]*"\))?(?: (?:unordered|monotonic|acquire|release|acq_rel|seq_cst))*)'
_LOAD = re.compile(rf"^  ({LOCAL}) = load ((?:atomic )?(?:volatile )?)(.+?), ptr ({LOCAL}){_ORDER}, align (\d+)(.*)$")
_STORE = re.compile(rf"^  store ((?:atomic )?(?:volatile )?)(.+), ptr ({LOCAL}){_ORDER}, align (\d+)(.*)$")
_RMW = re.compile(rf"^  ({LOCAL}) = atomicrmw (volatile )?(\w+) ptr ({LOCAL}), (.+?){_ORDER}, align (\d+)(.*)$")
_CMPXCHG = re.compile(
    rf"^  ({LOCAL}) = cmpxchg ((?:weak )?(?:volatile )?)ptr ({LOCAL}), (.+?){_ORDER}, align (\d+)(.*)$"
)
_VA_ARG = re.compile(rf"^  {LOCAL} = va_arg ptr ({LOCAL}),")
_POINTER = re.compile(r"p\d+ |any pointer$")
_DATA_POINTER = re.compile(r"p\d+ (?!void$)")


class Accesses:
    """Rewrites the accesses of one function."""

    def __init__(self, context: Context, function: Function, roots: Roots, entries: Entries, helpers: Helpers) -> None:
        self._context, self._function, self._roots = context, function, roots
        self._entries, self._helpers = entries, helpers
        self._types = context.module.types

    def rewrite(self, number: int, opcode: str) -> None:
        """Looks at one line; leaves it when its pointer is raw or no local value."""
        line = self._context.module.lines[number]
        try:
            if opcode == "load":
                self._load(number, line)
            elif opcode == "store":
                self._store(number, line)
            elif opcode == "atomicrmw":
                self._rmw(number, line)
            elif opcode == "cmpxchg":
                self._cmpxchg(number, line)
            else:
                self._va_arg(line)
        except TypeSyntaxError as error:
            self._miss("UnknownType", f"{opcode} of a type that is not understood: {error}", line)

    def _miss(self, name: str, reason: str, line: str) -> None:
        self._context.missed(name, reason, self._function, line)

    def _measured(self, kind: Type, line: str, atomic: bool) -> bool:
        """Can a helper access this type? Reports when not; says nothing about empty types."""
        if kind.kind in ("other", "void"):
            self._miss("UnsizedType", f"access of type {kind.text}", line)
            return False
        if atomic and (kind.store_bytes not in DIRECT_BYTES or not (kind.plain_bits or kind.kind == "pointer")):
            self._miss("WideAtomic", f"atomic access of type {kind.text}", line)
            return False
        return kind.store_bytes > 0

    def _load(self, number: int, line: str) -> None:
        match = _LOAD.match(line)
        if match is None:
            return
        result, flags, text, pointer, order, align, tail = match.groups()
        kind = self._types.parse(text)
        if self._roots.origin(pointer).kind == "raw":
            self._context.stats["raw accesses"] += 1
            return
        if not self._measured(kind, line, "atomic" in flags):
            return
        entry = self._entries.operand(pointer, self._roots.origin(pointer), number)
        tbaa = metadata_of(tail).get("tbaa")
        hidden = "atomic" in flags or result in self._roots.made_pointers
        holds = self._holds(kind, tbaa, hidden)
        metadata = f", !tbaa {tbaa}" if tbaa else ""
        updated = "atomic" not in flags and self._is_stored_to_after(number, pointer, kind)
        helper = self._helpers.load(kind, _align(align), flags, order, metadata, holds, updated)
        suffix = debug_suffix(self._context, self._function, line)
        self._context.edits.replace(number, f"  {result} = call {text} {helper}(ptr {pointer}, ptr {entry}){suffix}")
        self._context.stats["loads"] += 1

    def _is_stored_to_after(self, number: int, pointer: str, kind: Type) -> bool:
        """Does a store of this size through the same pointer follow soon, in the same block?

        Who may write may read, so the load can ask for what the store needs, and LLVM drops the
        store's check as the same question asked again. A lease that is only readable goes to the
        runtime for the load, which allows it.
        """
        lines, target = self._context.module.lines, f", ptr {pointer}"
        for line in lines[number + 1 : number + 1 + _LOOK_AHEAD_LINES]:
            if not line.startswith("  "):
                return False
            if line.startswith("  store ") and target in line:
                match = _STORE.match(line)
                if match and match.group(3) == pointer:
                    return self._types.prefix(match.group(2))[0].store_bytes == kind.store_bytes
        return False

    def _holds(self, kind: Type, tbaa: str | None, hidden: bool) -> Holds:
        """What is loaded or stored. hidden: the code around says that an integer is a pointer.

        Copies of one pointer become 64-bit integers in LLVM's hands, and atomic pointers do in
        clang's. Types say of most pointers that they point to data; void * may be anything.
        """
        name = self._context.module.metadata.access_type(tbaa)
        data = name is not None and _DATA_POINTER.match(name) is not None
        if not kind.pointers:
            typed = name is not None and _POINTER.match(name) is not None
            if kind.kind != "integer" or kind.bits != 64 or not (hidden or typed):
                return "nothing"
        return "data" if data else "any"

    def _store(self, number: int, line: str) -> None:
        match = _STORE.match(line)
        if match is None:
            return
        flags, typed_value, pointer, order, align, tail = match.groups()
        if self._roots.origin(pointer).kind == "raw":
            self._context.stats["raw accesses"] += 1
            return
        kind, _ = self._types.prefix(typed_value)
        if not self._measured(kind, line, "atomic" in flags):
            return
        entry = self._entries.operand(pointer, self._roots.origin(pointer), number)
        tbaa = metadata_of(tail).get("tbaa")
        value = argument_value(typed_value)
        if kind.kind == "pointer":
            holds: Holds = "nothing" if self._roots.origin(value).kind == "raw" else "any"
        else:
            hidden = "atomic" in flags or (value is not None and self._roots.opcode_of(value) == "ptrtoint")
            holds = "nothing" if self._holds(kind, tbaa, hidden) == "nothing" else "any"
        helper = self._helpers.store(kind, _align(align), flags, order, f", !tbaa {tbaa}" if tbaa else "", holds)
        suffix = debug_suffix(self._context, self._function, line)
        self._context.edits.replace(number, f"  call void {helper}(ptr {pointer}, ptr {entry}, {typed_value}){suffix}")
        self._context.stats["stores"] += 1

    def _rmw(self, number: int, line: str) -> None:
        match = _RMW.match(line)
        if match is None:
            return
        result, volatile, operation, pointer, operand, order, align, _ = match.groups()
        if self._roots.origin(pointer).kind == "raw":
            self._context.stats["raw accesses"] += 1
            return
        kind, _ = self._types.prefix(operand)
        if operation not in abi.RMW:
            self._miss("AtomicOperation", f"atomicrmw {operation} has no checked form", line)
            return
        if not self._measured(kind, line, atomic=True):
            return
        entry = self._entries.operand(pointer, self._roots.origin(pointer), number)
        helper = self._helpers.rmw(kind, operation, volatile or "", order, _align(align))
        suffix = debug_suffix(self._context, self._function, line)
        call = f"  {result} = call {kind.text} {helper}(ptr {pointer}, ptr {entry}, {operand}){suffix}"
        self._context.edits.replace(number, call)
        self._context.stats["atomics"] += 1

    def _cmpxchg(self, number: int, line: str) -> None:
        match = _CMPXCHG.match(line)
        if match is None:
            return
        result, flags, pointer, operands, order, align, _ = match.groups()
        if self._roots.origin(pointer).kind == "raw":
            self._context.stats["raw accesses"] += 1
            return
        kind, _ = self._types.prefix(operands)
        if not self._measured(kind, line, atomic=True):
            return
        entry = self._entries.operand(pointer, self._roots.origin(pointer), number)
        helper = self._helpers.cmpxchg(kind, flags, order, _align(align))
        suffix = debug_suffix(self._context, self._function, line)
        pair = f"{{ {kind.text}, i1 }}"
        call = f"  {result} = call {pair} {helper}(ptr {pointer}, ptr {entry}, {operands}){suffix}"
        self._context.edits.replace(number, call)
        self._context.stats["atomics"] += 1

    def _va_arg(self, line: str) -> None:
        match = _VA_ARG.match(line)
        if match and self._roots.origin(match.group(1)).kind != "raw":
            self._miss("VaArg", "va_arg through a pointer that may be a pseudo-pointer", line)


def _align(text: str) -> int:
    return min(int(text), _LARGEST_ALIGN)
