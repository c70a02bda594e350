"""What gates have in common, inward and outward: pointer arguments, and a call that may throw."""

from __future__ import annotations

from llvm_pass import abi
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.signature import Signature
from llvm_pass.ir.types import TypeTable
from llvm_pass.runtime.convert import leaves_changed, leaves_mapped
from llvm_pass.runtime.helpers import Helpers

PERSONALITY = "@__gcc_personality_v0"  # runs cleanups in any language; in libgcc, which Rust links anyway


def arguments_through(
    function: str, signature: Signature, lines: list[str], helpers: Helpers, types: TypeTable
) -> list[str]:
    """Arguments of the call behind the gate, for parameters %a0, %a1, ...

    Each pointer goes through the runtime's `function`, from word to word: in registers as
    new values, in structures that are passed as copies in memory in their place. Adds the
    instructions to `lines`.
    """
    arguments = []

    def change(given: str) -> str:
        return f"call ptr {helpers.through_word(function)}(ptr {given})"

    for number, value in enumerate(signature.parameters):
        name = f"%a{number}"
        copied = value.copied(types)
        if copied is not None and copied.pointers:
            lines += leaves_changed(copied, name, f"%c{number}", change)
        elif value.kind.pointers and not value.in_memory:
            lines.append(leaves_mapped(value.kind, name, f"%x{number}", change))
            name = f"%x{number}"
        arguments.append(f"{value.text()} {name}")
    return arguments


def personality_of(edits: Edits) -> str:
    """The personality of functions that hold a call behind a gate, declared."""
    edits.declare(PERSONALITY, f"declare i32 {PERSONALITY}(...)")
    return PERSONALITY


def called_inside(target: str, callee: str, after: list[str], thrown: str) -> list[str]:
    """A call behind a gate, and `after` it: target "%got = " or "", callee with type and arguments.

    An exception on its way is the runtime's to judge: `thrown` takes the gate's %token and
    it, and returns when it may go on. The function around needs that personality, and may not be
    nounwind: also C's frames, which have nothing to run, are passed by exceptions of others.
    """
    return [
        f"  {target}invoke {callee}", "          to label %back unwind label %thrown", "", "back:", *after,
        "", "thrown:", "  %exception = landingpad { ptr, i32 }", "          cleanup",
        "  %object = extractvalue { ptr, i32 } %exception, 0",
        f"  call {thrown}(ptr %token, ptr %object)", "  resume { ptr, i32 } %exception",
    ]  # fmt: skip


def result_in_memory(function: str, signature: Signature, helpers: Helpers, types: TypeTable) -> list[str]:
    """Behind a call of the host from C: pointers of a result that it wrote through an sret pointer.

    Only where that is memory of C's own (%a0, %a1, ... are the pointers that C gave): what lies
    in the host's memory, lent or not, stays an address.
    """
    lines: list[str] = []

    def change(given: str) -> str:
        return f"call ptr {helpers.through_word(function)}(ptr {given})"

    for number, value in enumerate(signature.parameters):
        kind = value.written(types)
        if kind is None or not kind.pointers:
            continue
        name = f"%r{number}"
        lines += [
            f"  {name}.bits = ptrtoint ptr %a{number} to i64",
            f"  {name}.tag = lshr i64 {name}.bits, {abi.TAG_SHIFT}",
            f"  {name}.above = sub i64 {name}.bits, {abi.HOST_BASE}",
            f"  {name}.window = lshr i64 {name}.above, {abi.HOST_SHIFT}",
            f"  {name}.lent = icmp eq i64 {name}.tag, {abi.TAG}",
            f"  {name}.ours = icmp eq i64 {name}.window, 0",
            f"  {name}.kept = or i1 {name}.lent, {name}.ours",
            f"  br i1 {name}.kept, label {name}.done, label {name}.given",
            "",
            f"{name[1:]}.given:",
            *leaves_changed(kind, f"%a{number}", name, change),
            f"  br label {name}.done",
            "",
            f"{name[1:]}.done:",
        ]
    return lines
