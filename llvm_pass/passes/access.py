"""Loads, stores and atomics that may meet a handle become calls of helpers."""

from __future__ import annotations

import re

from llvm_pass import abi
from llvm_pass.ir.syntax import LOCAL, argument_value, metadata_of
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.borrows import rewrite_va_arg
from llvm_pass.passes.frame import Frame
from llvm_pass.runtime.arithmetic import RETRIED
from llvm_pass.runtime.helpers import Holds, atomic_word

_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more
_LOOK_AHEAD_LINES = 16
_SEGMENTS = frozenset((256, 257, 258))  # x86: GS, FS, SS
_NARROW = frozenset((270, 271))  # x86: pointers of 32 bits
_ORDER = r'((?: syncscope\("[^"]*"\))?(?: (?:unordered|monotonic|acquire|release|acq_rel|seq_cst))*)'
_AT = rf"ptr(?: addrspace\((\d+)\))? ({LOCAL})"
_LOAD = re.compile(rf"^  ({LOCAL}) = load ((?:atomic )?(?:volatile )?)(.+?), {_AT}{_ORDER}, align (\d+)(.*)$")
_STORE = re.compile(rf"^  store ((?:atomic )?(?:volatile )?)(.+), {_AT}{_ORDER}, align (\d+)(.*)$")
_RMW = re.compile(rf"^  ({LOCAL}) = atomicrmw (volatile )?(\w+) {_AT}, (.+?){_ORDER}, align (\d+)(.*)$")
_CMPXCHG = re.compile(rf"^  ({LOCAL}) = cmpxchg ((?:weak )?(?:volatile )?){_AT}, (.+?){_ORDER}, align (\d+)(.*)$")
_LOCAL_POINTER = re.compile(
    r"^  (?:.*? = load .*|store .*), ptr(?: addrspace\(\d+\))? %|= (?:atomicrmw|cmpxchg) [a-z ]*ptr(?: addrspace\(\d+\))? %"
)
_POINTER = re.compile(r"p\d+ |any pointer$")
_DATA_POINTER = re.compile(r"p\d+ (?!void$)")


class Accesses:
    """Rewrites the accesses of one function."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._context, self._helpers = frame, frame.context, frame.helpers
        self._roots, self._types = frame.roots, frame.context.module.types

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
                rewrite_va_arg(self._frame, number, line)
        except TypeSyntaxError as error:
            self._miss("UnknownType", f"{opcode} of a type that is not understood: {error}", line)

    def _miss(self, name: str, reason: str, line: str) -> None:
        self._frame.missed(name, reason, line)

    def _match(self, pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
        """None when the pointer is no local value; a line that is not understood is reported."""
        match = pattern.match(line)
        if match is None and _LOCAL_POINTER.search(line):
            self._miss("UnknownForm", "an access that is not understood", line)
        return match

    def _at(self, number: int, line: str, space: str | None, pointer: str, kind: Type, atomic: bool) -> str | None:
        """The operands "ptr p, ptr entry" of a helper; None when the line stays as it is."""
        origin = self._roots.origin(pointer)
        if origin.kind == "raw":
            self._context.stats["raw accesses"] += 1
            return None
        if not self._measured(kind, line, atomic):
            return None
        if space is None:
            return f"ptr {pointer}, ptr {self._frame.entry(pointer, number)}"
        if int(space) in _SEGMENTS | _NARROW:
            if self._roots.opcode_of(origin.name) != "inttoptr":
                what = "relative to a segment, where a handle traps" if int(space) in _SEGMENTS else "of 32 bits"
                self._miss("AddressSpace", f"access in address space {space}: its addresses are {what}", line)
            return None
        flat = self._context.edits.fresh()  # x86 knows no other spaces: the same memory
        self._context.edits.insert_before(number, f"  {flat} = addrspacecast ptr addrspace({space}) {pointer} to ptr")
        return f"ptr {flat}, ptr {self._frame.entries.here(flat, number)}"

    def _measured(self, kind: Type, line: str, atomic: bool) -> bool:
        """Can a helper access this type? Reports when not; says nothing about empty types."""
        if kind.kind in ("other", "void"):
            name = "Scalable" if "vscale" in kind.text else "UnsizedType"
            self._miss(name, f"access of type {kind.text}", line)
            return False
        if atomic and not atomic_word(kind):
            what = f"atomic access of type {kind.text} has no form for memory that is lent privately"
            self._miss("WideAtomic", what, line)
        return kind.store_bytes > 0

    def _load(self, number: int, line: str) -> None:
        match = self._match(_LOAD, line)
        if match is None:
            return
        result, flags, text, space, pointer, order, align, tail = match.groups()
        kind = self._types.parse(text)
        where = self._at(number, line, space, pointer, kind, "atomic" in flags)
        if where is None:
            return
        tbaa = metadata_of(tail).get("tbaa")
        hidden = "atomic" in flags or result in self._roots.made_pointers
        holds = self._holds(kind, tbaa, hidden)
        metadata = f", !tbaa {tbaa}" if tbaa else ""
        updated = "atomic" not in flags and self._is_stored_to_after(number, pointer, kind)
        helper = self._helpers.load(kind, _align(align), flags, order, metadata, holds, updated)
        call = f"  {result} = call {text} {helper}({where}){self._frame.suffix(line)}"
        self._context.edits.replace(number, call)
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
                if match and match.group(4) == pointer:
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
        match = self._match(_STORE, line)
        if match is None:
            return
        flags, typed_value, space, pointer, order, align, tail = match.groups()
        kind, _ = self._types.prefix(typed_value)
        where = self._at(number, line, space, pointer, kind, "atomic" in flags)
        if where is None:
            return
        tbaa = metadata_of(tail).get("tbaa")
        value = argument_value(typed_value)
        if kind.kind == "pointer":
            holds: Holds = "nothing" if self._roots.origin(value).kind == "raw" else "any"
        else:
            hidden = "atomic" in flags or (value is not None and self._roots.opcode_of(value) == "ptrtoint")
            holds = "nothing" if self._holds(kind, tbaa, hidden) == "nothing" else "any"
        helper = self._helpers.store(kind, _align(align), flags, order, f", !tbaa {tbaa}" if tbaa else "", holds)
        call = f"  call void {helper}({where}, {typed_value}){self._frame.suffix(line)}"
        self._context.edits.replace(number, call)
        self._context.stats["stores"] += 1

    def _rmw(self, number: int, line: str) -> None:
        match = self._match(_RMW, line)
        if match is None:
            return
        result, volatile, operation, space, pointer, operand, order, align, _ = match.groups()
        kind, _ = self._types.prefix(operand)
        if operation not in abi.RMW and operation not in RETRIED:
            self._miss("AtomicOperation", f"atomicrmw {operation} has no checked form", line)
            return
        where = self._at(number, line, space, pointer, kind, atomic=True)
        if where is None:
            return
        helper = self._helpers.rmw(kind, operation, volatile or "", order, _align(align))
        call = f"  {result} = call {kind.text} {helper}({where}, {operand}){self._frame.suffix(line)}"
        self._context.edits.replace(number, call)
        self._context.stats["atomics"] += 1

    def _cmpxchg(self, number: int, line: str) -> None:
        match = self._match(_CMPXCHG, line)
        if match is None:
            return
        result, flags, space, pointer, operands, order, align, _ = match.groups()
        kind, _ = self._types.prefix(operands)
        where = self._at(number, line, space, pointer, kind, atomic=True)
        if where is None:
            return
        helper = self._helpers.cmpxchg(kind, flags, order, _align(align))
        pair = f"{{ {kind.text}, i1 }}"
        call = f"  {result} = call {pair} {helper}({where}, {operands}){self._frame.suffix(line)}"
        self._context.edits.replace(number, call)
        self._context.stats["atomics"] += 1


def _align(text: str) -> int:
    return min(int(text), _LARGEST_ALIGN)
