"""Builds the helpers that a module needs, one for each shape of access.

Invariant: the inline check is exactly that of struct galeed_entry in galeed.h:
an access of n bytes at p goes ahead when p - base < limit - (n - 1), unsigned,
the subtraction saturating; its address is p + delta. Everything else is the
runtime's to decide. A template placeholder without a value raises.
"""

from __future__ import annotations

import re
import zlib
from functools import cache, partial
from pathlib import Path
from string import Template
from typing import Literal

from llvm_pass import abi
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.metadata import Metadata
from llvm_pass.ir.types import Type
from llvm_pass.runtime.arithmetic import new_value
from llvm_pass.runtime.convert import leaves_mapped, word_from_value, word_to_value

ENTRY = "@galeed.entry"
RAW_ENTRY = f"inttoptr (i64 {abi.TABLE} to ptr)"  # that of index 0: everything allowed, delta 0
DIRECT_BYTES = (1, 2, 4, 8)  # sizes with a runtime function of their own
# What a value may be: no pointer that was lent; a pointer to data; any pointer, to code too.
Holds = Literal["nothing", "data", "any"]
NOT_A_NAME = re.compile(r"[^\w.]+")
_BRACKETS = str.maketrans({"<": "v", "[": "a", "{": "s"})


@cache
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / f"{name}.ll.in").read_text(encoding="utf-8"))


class Helpers:
    """Adds helpers to one module's edits, each once."""

    def __init__(self, edits: Edits, metadata: Metadata) -> None:
        self._edits = edits
        self._metadata = metadata
        self._constants = {
            "read_limit": abi.READ_LIMIT_OFFSET,
            "write_limit": abi.WRITE_LIMIT_OFFSET,
            "delta": abi.DELTA_OFFSET,
        }

    def _nodes(self) -> dict[str, object]:
        return {
            "empty": self._metadata.node("!{}"),
            "likely": self._metadata.node('!{!"branch_weights", i32 2000, i32 1}'),
            "unlikely": self._metadata.node('!{!"branch_weights", i32 1, i32 2000}'),
        }

    def defined(self, name: str) -> bool:
        """Is there such a helper already?"""
        return self._edits.defined(name)

    def weights(self) -> tuple[str, str]:
        """Branch weights: for a condition that nearly always holds, and for one that hardly ever does."""
        nodes = self._nodes()
        return str(nodes["likely"]), str(nodes["unlikely"])

    def nothing(self) -> str:
        """The empty metadata node, as !invariant.load wants it."""
        return self._metadata.node("!{}")

    def declare(self, name: str, result: str, parameters: list[str]) -> str:
        """Declares a function, an intrinsic say, and returns its name."""
        self._edits.declare(name, f"declare {result} {name}({', '.join(parameters)})")
        return name

    def constant(self, label: str, text: str) -> str:
        """A string for the runtime's reports; text is plain ASCII without quotes."""
        name = f"@galeed.text.{label}"
        self._edits.declare(
            name, f'{name} = private unnamed_addr constant [{len(text) + 1} x i8] c"{text}\\00", align 1'
        )
        return name

    def define(self, template: str, name: str, values: dict[str, object]) -> str:
        """Adds the helper that a template makes with these values; declares what it calls of the runtime."""
        text = _template(template).substitute({**self._constants, **self._nodes(), "name": name[1:], **values})
        # An empty part leaves an empty line; LLVM would not mind, readers do.
        self._edits.define(name, re.sub(r"(?m)^\n(?!\w+:)", "", text))
        for function in re.findall(r"@(galeed_\w+|mpk_\w+)", text):
            self.runtime(function)
        if "@llvm.usub.sat.i64" in text:
            self._edits.declare("@llvm.usub.sat.i64", "declare i64 @llvm.usub.sat.i64(i64, i64)")
        return name

    def runtime(self, function: str) -> str:
        """Declares a runtime function; returns what follows "call "."""
        self._edits.declare(f"@{function}", abi.declaration(function))
        return abi.callee(function)

    def entry(self) -> str:
        """ptr @galeed.entry(ptr): the table entry that speaks for a pointer."""
        if not self._edits.defined(ENTRY):
            self.define(
                "entry",
                ENTRY,
                {"index_shift": abi.INDEX_SHIFT, "entry_bytes": abi.ENTRY_BYTES, "table": abi.TABLE},
            )
        return ENTRY

    def lend(self, code: bool) -> str:
        """ptr (i64 from, ptr value): the membrane outward. code: may the value be a function's address?"""
        name = "@galeed.lend.any" if code else "@galeed.lend.data"
        if self._edits.defined(name):
            return name
        empty = self._nodes()["empty"]
        test = (
            f"  %text = load i64, ptr inttoptr (i64 {abi.TEXT_BASE} to ptr), align 8, !invariant.load {empty}\n"
            f"  %length = load i64, ptr inttoptr (i64 {abi.TEXT_BYTES} to ptr), align 8, !invariant.load {empty}\n"
            "  %into = sub i64 %bits, %text\n  %function = icmp ult i64 %into, %length\n"
            "  %ours = or i1 %heap, %function"
        )
        values = {"host_base": abi.HOST_BASE, "host_shift": abi.HOST_SHIFT}
        return self.define("lend", name, {**values, "code": test if code else "  %ours = and i1 %heap, true"})

    def through_word(self, function: str) -> str:
        """ptr (ptr): a runtime function from word to word, for pointers."""
        name = f"@galeed.word.{function}"
        if not self._edits.defined(name):
            self.define("word", name, {"function": function})
        return name

    def unlend(self) -> str:
        """ptr (i64 to, ptr value): the membrane inward."""
        name = "@galeed.unlend"
        if not self._edits.defined(name):
            self.define("unlend", name, {"tag_shift": abi.TAG_SHIFT, "tag": abi.TAG})
        return name

    def load(self, kind: Type, align: int, flags: str, order: str, metadata: str, holds: Holds) -> str:
        """T (ptr, ptr entry). flags: "atomic volatile "; order: " acquire"; metadata: ", !tbaa !7"."""
        name = self._name("load", kind, align, flags, order, metadata, _told(kind, holds))
        if self._edits.defined(name):
            return name
        if "atomic" in flags and not is_word(kind):
            slow = self._no_atomic("%served", kind.text)
        elif "atomic" in flags:
            slow = f"  %word = call i64 @galeed_atomic_load(i64 %from, i32 {kind.store_bytes})\n"
            slow += word_to_value("%word", "%served", kind)
        elif is_word(kind):
            slow = f"  %word = call {abi.callee(f'galeed_load{kind.store_bytes}')}(i64 %from)\n"
            slow += word_to_value("%word", "%served", kind)
        else:
            slow = (
                f"  call void @galeed_load_bytes(ptr %slot, i64 %from, i64 {kind.store_bytes})\n"
                f"  %served = load {kind.text}, ptr %slot, align {kind.align_bytes}"
            )
        lend = None
        if holds != "nothing":
            lend = partial(_call_with, self.lend(code=holds == "any"), "%from")
        membrane = leaves_mapped(kind, "%value", "%result", lend)
        text = {
            "type": kind.text, "align": align, "flags": flags, "order": order, "metadata": metadata,
            "spare": kind.store_bytes - 1, "slow": slow, "membrane": membrane,
        }  # fmt: skip
        return self._with_slot("load", name, kind, text)

    def store(self, kind: Type, align: int, flags: str, order: str, metadata: str, holds: Holds) -> str:
        """void (ptr, ptr entry, T)."""
        name = self._name("store", kind, align, flags, order, metadata, _told(kind, holds))
        if self._edits.defined(name):
            return name
        if "atomic" in flags and not is_word(kind):
            slow = self._no_atomic("%never", kind.text)
        elif "atomic" in flags:
            slow = word_from_value("%value", "%word", kind)
            slow += f"\n  call void @galeed_atomic_store(i64 %to, i32 {kind.store_bytes}, i64 %word)"
        elif is_word(kind):
            slow = word_from_value("%value", "%word", kind)
            slow += f"\n  call {abi.callee(f'galeed_store{kind.store_bytes}')}(i64 %to, i64 %word)"
        else:
            slow = (
                f"  store {kind.text} %value, ptr %slot, align {kind.align_bytes}\n"
                f"  call void @galeed_store_bytes(i64 %to, ptr %slot, i64 {kind.store_bytes})"
            )
        membrane = leaves_mapped(kind, "%given", "%value", self._inward if holds != "nothing" else None)
        text = {
            "type": kind.text, "align": align, "flags": flags, "order": order, "metadata": metadata,
            "spare": kind.store_bytes - 1, "slow": slow, "membrane": membrane,
        }  # fmt: skip
        return self._with_slot("store", name, kind, text)

    def _outward(self, value: str) -> str:
        return _call_with(self.lend(code=True), "%to", value)

    def _inward(self, value: str) -> str:
        return _call_with(self.unlend(), "%to", value)

    def rmw(self, kind: Type, operation: str, flags: str, order: str, align: int) -> str:
        """T (ptr, ptr entry, T): atomicrmw. pre: operation is one of abi.RMW."""
        name = self._name("rmw", kind, align, flags, order, "", operation)
        if self._edits.defined(name):
            return name
        # Atomic words of a pointer's size may be pointers: that is how clang writes exchanges of
        # pointers. What is added to one is none.
        wide = kind.store_bytes == 8 and kind.kind in ("pointer", "integer")
        unlend = self._inward if wide and operation == "xchg" else None
        lend = self._outward if wide else None
        if not is_word(kind):
            slow = self._no_atomic("%served", kind.text)
        elif operation in abi.RMW:
            slow = word_from_value("%operand", "%word", kind)
            slow += (
                f"\n  %old = call i64 @galeed_atomic_rmw(i64 %to, i32 {kind.store_bytes}, "
                f"i32 {abi.RMW[operation]}, i64 %word)\n"
            )
            slow += word_to_value("%old", "%served", kind)
        else:
            slow = f"  %served = call {kind.text} {self._retry(kind, operation)}(i64 %to, {kind.text} %operand)"
        text = {
            "result_type": kind.text, "parameters": f", {kind.text} %given", "spare": kind.store_bytes - 1,
            "prepare": leaves_mapped(kind, "%given", "%operand", unlend),
            "operation": f"atomicrmw {flags}{operation} ptr %address, {kind.text} %operand{order}, align {align}",
            "slow": slow, "membrane": leaves_mapped(kind, "%value", "%result", lend),
        }  # fmt: skip
        return self.define("rmw", name, text)

    def _retry(self, kind: Type, operation: str) -> str:
        """T (i64 to, T operand): an operation that the runtime lacks, by compare and exchange."""
        name = self._name("retry", kind, 1, operation)
        if self._edits.defined(name):
            return name
        change, intrinsic = new_value(operation, kind)
        if intrinsic:
            self.declare(intrinsic, kind.text, [kind.text, kind.text])
        text: dict[str, object] = {
            "type": kind.text, "bytes": kind.store_bytes, "change": change,
            "old": word_to_value("%seen", "%old", kind), "word": word_from_value("%new", "%new.word", kind),
        }  # fmt: skip
        return self.define("retry", name, text)

    def _no_atomic(self, result: str, kind: str) -> str:
        """The slow path of an atomic that the runtime cannot do: it ends the process, and says why."""
        what = self.constant("wide", "an atomic access of this size or type on memory that is lent privately")
        return f"  call void @galeed_unsupported(ptr {what})\n  {result} = freeze {kind} poison"

    def cmpxchg(self, kind: Type, flags: str, order: str, align: int) -> str:
        """{T, i1} (ptr, ptr entry, T expected, T desired)."""
        name = self._name("cmpxchg", kind, align, flags, order, "", "")
        if self._edits.defined(name):
            return name
        pair = f"{{ {kind.text}, i1 }}"
        wide = kind.store_bytes == 8 and kind.kind in ("pointer", "integer")
        unlend = self._inward if wide else None
        prepare = leaves_mapped(kind, "%given", "%expected", unlend) + "\n"
        prepare += leaves_mapped(kind, "%wanted", "%desired", unlend)
        if is_word(kind):
            slow = (
                word_from_value("%expected", "%expected.word", kind) + "\n"
                + word_from_value("%desired", "%desired.word", kind) + "\n"
                f"  %old = call i64 @galeed_atomic_cmpxchg(i64 %to, i32 {kind.store_bytes}, i64 %expected.word, i64 %desired.word)\n"
                + word_to_value("%old", "%old.value", kind) + "\n"
                "  %same = icmp eq i64 %old, %expected.word\n"
                f"  %half = insertvalue {pair} poison, {kind.text} %old.value, 0\n"
                f"  %served = insertvalue {pair} %half, i1 %same, 1"
            )  # fmt: skip
        else:
            slow = self._no_atomic("%served", pair)
        membrane = f"  %seen = extractvalue {pair} %value, 0\n"
        membrane += leaves_mapped(kind, "%seen", "%lent", self._outward if wide else None) + "\n"
        membrane += f"  %result = insertvalue {pair} %value, {kind.text} %lent, 0"
        text = {
            "result_type": pair, "parameters": f", {kind.text} %given, {kind.text} %wanted",
            "spare": kind.store_bytes - 1, "prepare": prepare, "slow": slow, "membrane": membrane,
            "operation": (
                f"cmpxchg {flags}ptr %address, {kind.text} %expected, {kind.text} %desired{order}, align {align}"
            ),
        }  # fmt: skip
        return self.define("rmw", name, text)

    def _name(self, what: str, kind: Type, align: int, *distinct: str) -> str:
        """A readable name; what does not fit into it goes through the parts that follow."""
        shape = shape_of(kind)
        extra = [NOT_A_NAME.sub(".", part).strip(".") for part in distinct if part.strip()]
        return "@galeed." + ".".join([what, shape, str(align), *extra])

    def _with_slot(self, template: str, name: str, kind: Type, values: dict[str, object]) -> str:
        defined = self.define(template, name, values)
        if "%slot" in str(values["slow"]):
            body = self._edits.definition(name)
            body.insert(body.index("start:") + 1, f"  %slot = alloca {kind.text}, align {kind.align_bytes}")
        return defined


def is_word(kind: Type) -> bool:
    """Has the runtime loads, stores and atomic accesses for this type?"""
    return kind.store_bytes in DIRECT_BYTES and (kind.plain_bits or kind.kind == "pointer")


def shape_of(kind: Type) -> str:
    """A type as a part of a helper's name."""
    shape = NOT_A_NAME.sub(".", kind.text.translate(_BRACKETS)).strip(".")
    if '"' in kind.text:  # what it is made of may have lost its distinction
        shape += f".{zlib.crc32(kind.text.encode()):x}"
    return shape


def _call_with(function: str, place: str, value: str) -> str:
    return f"call ptr {function}(i64 {place}, ptr {value})"


def _told(kind: Type, holds: Holds) -> str:
    """What a helper's name says about its membrane."""
    if kind.pointers:
        return {"nothing": "raw", "data": "data", "any": ""}[holds]
    return "" if holds == "nothing" else f"pointer.{holds}"
