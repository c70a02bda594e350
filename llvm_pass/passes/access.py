"""Loads, stores and atomics that may meet a handle: their served forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from llvm_pass import abi
from llvm_pass.ir.syntax import LOCAL, argument_value, blanked, groups_of, metadata_of
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.borrows import rewrite_va_arg
from llvm_pass.passes.frame import Frame
from llvm_pass.passes.lent import LentAccess, Operand
from llvm_pass.passes.loop_versions import LENT, RAW
from llvm_pass.runtime.arithmetic import RETRIED
from llvm_pass.runtime.convert import word_from_value, word_to_value
from llvm_pass.runtime.helpers import Holds, is_word

_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more
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
        if RAW in line or self._context.lent.spares(line):
            self._context.stats["raw accesses"] += 1
            return
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

    def _match(self, pattern: re.Pattern[str], line: str) -> tuple[str | Any, ...] | None:
        """The groups. None when the pointer is no local value; a line that is not understood is reported."""
        match = groups_of(pattern, line)
        if match is None and _LOCAL_POINTER.search(blanked(line)):
            self._miss("UnknownForm", "an access that is not understood", line)
        return match

    def _serves(self, line: str, space: str | None, pointer: str, kind: Type, atomic: bool) -> bool:
        """May the access meet a handle, and is there a form for one? Else the line stays as it is."""
        origin = self._roots.origin(pointer)
        if origin.kind == "raw":
            self._context.stats["raw accesses"] += 1
            return False
        if not self._measured(kind, line, atomic):
            return False
        if space is not None and int(space) in _SEGMENTS | _NARROW:
            if self._roots.opcode_of(origin.name) != "inttoptr":
                what = "relative to a segment, where a handle traps" if int(space) in _SEGMENTS else "of 32 bits"
                self._miss("AddressSpace", f"access in address space {space}: its addresses are {what}", line)
            return False
        return True

    def _serve(
        self,
        number: int,
        space: str | None,
        pointer: str,
        result: str,
        lines: Callable[[str], list[str]],
        lent: LentAccess | None = None,
    ) -> None:
        """lines: the access by the runtime, at a pointer that may be raw too. result: its type, or ""."""
        if space is None:
            at, again = self._frame.place_again(pointer)
            tests = (self._frame.test_of(pointer),)
            self._frame.segments.serve(number, tests, result, *again, *lines(at), lent=lent)
            return
        edits, flat = self._context.edits, self._context.edits.fresh()  # x86 knows no other spaces: the same memory
        edits.insert_before(number, f"  {flat} = addrspacecast ptr addrspace({space}) {pointer} to ptr")
        edits.replace(number, *lines(flat))

    def _lent(self, tail: str, pointer: str, kind: Type, writes: bool) -> LentAccess | None:
        """In a loop that was copied for lent pointers: how it goes directly."""
        version = metadata_of(tail).get(LENT)
        entry = self._frame.segments.leases.entry(version, self._frame.test_of(pointer)) if version else None
        return LentAccess((Operand(entry, pointer, kind.store_bytes, writes),)) if entry else None

    def _measured(self, kind: Type, line: str, atomic: bool) -> bool:
        """Can a helper access this type? Reports when not; says nothing about empty types."""
        if kind.kind in ("other", "void"):
            name = "Scalable" if "vscale" in kind.text else "UnsizedType"
            self._miss(name, f"access of type {kind.text}", line)
            return False
        if atomic and not is_word(kind):
            what = f"atomic access of type {kind.text} has no form for memory that is lent privately"
            self._miss("WideAtomic", what, line)
        return kind.store_bytes > 0

    def _load(self, number: int, line: str) -> None:
        match = self._match(_LOAD, line)
        if match is None:
            return
        result, flags, text, space, pointer, order, align, tail = match
        kind = self._types.parse(text)
        if not self._serves(line, space, pointer, kind, "atomic" in flags):
            return
        tbaa = metadata_of(tail).get("tbaa")
        hidden = "atomic" in flags or result in self._roots.made_pointers
        holds = self._holds(kind, tbaa, hidden)
        suffix = self._frame.suffix(line)

        def lines(at: str) -> list[str]:
            if "atomic" not in flags and is_word(kind):
                return self._load_word(result, at, kind, holds, suffix)
            helper = self._helpers.load(kind, _align(align), flags, order, f", !tbaa {tbaa}" if tbaa else "", holds)
            entry, made = self._frame.entry_of(at, line)
            return [made, f"  {result} = call {text} {helper}(ptr {at}, ptr {entry}){suffix}"]

        lent = self._lent(tail, pointer, kind, writes=False) if holds == "nothing" else None
        self._serve(number, space, pointer, text, lines, lent)
        self._context.stats["loads"] += 1

    def _load_word(self, result: str, pointer: str, kind: Type, holds: Holds, suffix: str) -> list[str]:
        bits, word = self._context.edits.fresh(), self._context.edits.fresh()
        name = f"galeed_load{kind.store_bytes}" if holds == "nothing" else "galeed_load_pointer"
        return [
            f"  {bits} = ptrtoint ptr {pointer} to i64",
            f"  {word} = call {self._helpers.runtime(name)}(i64 {bits}){suffix}",
            word_to_value(word, result, kind),
        ]

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
        flags, typed_value, space, pointer, order, align, tail = match
        kind, end = self._types.prefix(typed_value)
        if not self._serves(line, space, pointer, kind, "atomic" in flags):
            return
        tbaa = metadata_of(tail).get("tbaa")
        value = argument_value(typed_value)
        if kind.kind == "pointer":
            holds: Holds = "nothing" if self._roots.origin(value).kind == "raw" else "any"
        else:
            hidden = "atomic" in flags or (value is not None and self._roots.opcode_of(value) == "ptrtoint")
            holds = "nothing" if self._holds(kind, tbaa, hidden) == "nothing" else "any"
        suffix = self._frame.suffix(line)

        def lines(at: str) -> list[str]:
            if "atomic" not in flags and is_word(kind):
                return self._store_word(typed_value[end + 1 :], at, kind, holds, suffix)
            metadata = f", !tbaa {tbaa}" if tbaa else ""
            helper = self._helpers.store(kind, _align(align), flags, order, metadata, holds)
            entry, made = self._frame.entry_of(at, line)
            return [made, f"  call void {helper}(ptr {at}, ptr {entry}, {typed_value}){suffix}"]

        lent = self._lent(tail, pointer, kind, writes=True) if holds == "nothing" else None
        self._serve(number, space, pointer, "", lines, lent)
        self._context.stats["stores"] += 1

    def _store_word(self, value: str, pointer: str, kind: Type, holds: Holds, suffix: str) -> list[str]:
        bits, word = self._context.edits.fresh(), self._context.edits.fresh()
        name = f"galeed_store{kind.store_bytes}" if holds == "nothing" else "galeed_store_pointer"
        return [
            f"  {bits} = ptrtoint ptr {pointer} to i64",
            word_from_value(value, word, kind),
            f"  call {self._helpers.runtime(name)}(i64 {bits}, i64 {word}){suffix}",
        ]

    def _rmw(self, number: int, line: str) -> None:
        match = self._match(_RMW, line)
        if match is None:
            return
        result, volatile, operation, space, pointer, operand, order, align, _ = match
        kind, _ = self._types.prefix(operand)
        if operation not in abi.RMW and operation not in RETRIED:
            self._miss("AtomicOperation", f"atomicrmw {operation} has no checked form", line)
            return
        if not self._serves(line, space, pointer, kind, atomic=True):
            return
        helper = self._helpers.rmw(kind, operation, volatile or "", order, _align(align))
        suffix = self._frame.suffix(line)

        def lines(at: str) -> list[str]:
            entry, made = self._frame.entry_of(at, line)
            return [made, f"  {result} = call {kind.text} {helper}(ptr {at}, ptr {entry}, {operand}){suffix}"]

        self._serve(number, space, pointer, kind.text, lines)
        self._context.stats["atomics"] += 1

    def _cmpxchg(self, number: int, line: str) -> None:
        match = self._match(_CMPXCHG, line)
        if match is None:
            return
        result, flags, space, pointer, operands, order, align, _ = match
        kind, _ = self._types.prefix(operands)
        if not self._serves(line, space, pointer, kind, atomic=True):
            return
        helper = self._helpers.cmpxchg(kind, flags, order, _align(align))
        pair, suffix = f"{{ {kind.text}, i1 }}", self._frame.suffix(line)

        def lines(at: str) -> list[str]:
            entry, made = self._frame.entry_of(at, line)
            return [made, f"  {result} = call {pair} {helper}(ptr {at}, ptr {entry}, {operands}){suffix}"]

        self._serve(number, space, pointer, pair, lines)
        self._context.stats["atomics"] += 1


def _align(text: str) -> int:
    return min(int(text), _LARGEST_ALIGN)
