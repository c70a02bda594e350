"""Functions of the host that a prebuilt library may call back.

Such a library knows no code handles: it jumps to what it was given. So each function that
may be given to it has a *callback gate*, code of the foreign side with the function's own
type: it opens the domain, turns the arguments back, calls, lends the result and closes.
What travels is the gate's address; which function is behind it stands in a cell as the
function's code handle, filled when the function is first given.

Invariant: a gate leads nowhere until the host has given that function, since its cell is
zero before; whoever overwrites a cell gains no more than to choose among the functions
that the host has given, as with any code handle. A function without a gate is refused at
run time, by name of whom it was given to.
"""

from __future__ import annotations

from llvm_pass import abi
from llvm_pass.ir.module import Module
from llvm_pass.ir.signature import Signature, read_definition, read_returns, read_value
from llvm_pass.ir.syntax import Header, parse_header
from llvm_pass.ir.types import TypeSyntaxError
from llvm_pass.passes.base import Context
from llvm_pass.passes.crossing import arguments_through, called_inside, personality_of, result_in_memory
from llvm_pass.passes.groups import Groups
from llvm_pass.runtime.convert import leaves_mapped
from llvm_pass.runtime.helpers import Helpers
from llvm_pass.runtime.host_call import ARGUMENT

_TABLE = "@galeed.host.functions"
_FIND = "@galeed.host.find"


class HostFunctions:
    """Callback gates of one module, and the table that leads to them."""

    def __init__(self, context: Context, helpers: Helpers) -> None:
        self._context, self._edits, self._helpers = context, context.edits, helpers
        self._types = context.module.types
        self._groups = Groups(context.module, context.edits)
        self._headers = _headers(context.module)
        self._gates: dict[str, str | None] = {}  # function -> its gate; None: it can have none

    def is_function(self, name: str) -> bool:
        """Is it a function, defined or declared here?"""
        return name in self._headers

    def add(self, name: str) -> bool:
        """A gate for a function. False: a caller in C cannot call it, or no gate can pass its arguments."""
        if name not in self._gates:
            self._gates[name] = None
            signature = self._signature(self._headers[name])
            if signature is not None:
                number = sum(gate is not None for gate in self._gates.values())
                self._gates[name] = self._gate(f"@galeed.host.gate.{number}", name, signature)
                self._context.stats["callback gates"] += 1
        return self._gates[name] is not None

    def _signature(self, header: Header) -> Signature | None:
        try:
            if header.before.startswith("define"):
                signature = read_definition(self._types, header.before, header.parameters, header.after).signature
            else:
                words = header.before.removeprefix("declare").strip()
                convention, result, _ = read_returns(self._types, words)
                values = [read_value(self._types, f"{text} %x")[0] for text in header.parameters if text != "..."]
                signature = Signature(convention, result, tuple(values), "..." in header.parameters)
        except (TypeSyntaxError, ValueError):
            return None
        in_place = any(value.in_place for value in signature.parameters)
        return None if signature.variadic or in_place or signature.convention not in ("", "ccc") else signature

    def _gate(self, name: str, function: str, signature: Signature) -> str:
        helpers, header = self._helpers, self._headers[function]
        groups = tuple(word for word in header.after.split() if word.startswith("#"))
        cell = f"{name}.handle"
        self._edits.declare(cell, f"{cell} = internal global i64 0, align 8")
        parameters = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
        personality = f" personality ptr {personality_of(self._edits)}"
        void = signature.is_void
        lines = [
            (
                f"define internal {signature.returns()} {name}({', '.join(parameters)}) "
                f'{self._groups.for_gate(groups)} section "galeed_text"{personality} {{'
            ),
            "start:",
            "  %token = alloca i64, align 16",
            f"  %where = call {helpers.runtime('mpk_gate_is_foreign')}()",
            "  %outside = icmp eq i32 %where, 0",
            "  br i1 %outside, label %plain, label %foreign",
            "",
            "plain:",  # the library gave the address back, and the host calls it
            f"  {'' if void else '%same = '}call {signature.returns()} {function}({', '.join(parameters)})",
            "  ret void" if void else f"  ret {signature.result.kind.text} %same",
            "",
            "foreign:",
            f"  %bits = load i64, ptr {cell}, align 8",
            f"  %address = call {helpers.runtime('galeed_callback_enter')}(i64 %bits, ptr %token)",
        ]
        arguments = arguments_through("galeed_callback_argument", signature, lines, helpers, self._types)
        leave = helpers.runtime("galeed_callback_exit")
        call = f"{signature.returns()} %address({', '.join(arguments)})"
        target = "" if void else "%got = "
        thrown = helpers.runtime("galeed_callback_thrown")
        lines += called_inside(target, call, self._finish(signature, leave), thrown)
        self._edits.define(name, "\n".join([*lines, "}"]))
        return name

    def _finish(self, signature: Signature, leave: str) -> list[str]:
        close, kind = f"  call {leave}(ptr %token)", signature.result.kind
        if signature.is_void:
            return [
                *result_in_memory("galeed_callback_result", signature, self._helpers, self._types),
                close,
                "  ret void",
            ]
        if not kind.pointers:
            return [close, f"  ret {kind.text} %got"]
        lend = self._helpers.through_word("galeed_callback_result")
        mapped = leaves_mapped(kind, "%got", "%given", lambda value: f"call ptr {lend}(ptr {value})")
        return [mapped, close, f"  ret {kind.text} %given"]

    def define(self) -> None:
        """What lends an argument, and finds the gate where that is a function. Once, behind all add()."""
        gates = [(function, gate) for function, gate in self._gates.items() if gate is not None]
        row = "{ ptr, ptr, ptr }"
        rows = ", ".join(f"{row} {{ ptr {function}, ptr {gate}, ptr {gate}.handle }}" for function, gate in gates)
        count = len(gates)
        self._edits.declare(_TABLE, f"{_TABLE} = internal constant [{count} x {row}] [{rows}], align 8")
        lend = self._helpers.runtime("galeed_gate_argument")
        # Of what changed, code is told by where it lies; the range is known since the lending.
        self._edits.define(
            ARGUMENT,
            f'define internal ptr {ARGUMENT}(ptr %given, ptr %whom) uwtable section "galeed_text" {{\n'
            "start:\n"
            "  %bits = ptrtoint ptr %given to i64\n"
            f"  %handle = call {lend}(i64 %bits)\n"
            "  %lent = inttoptr i64 %handle to ptr\n"
            "  %changed = icmp ne i64 %handle, %bits\n"
            f"  %text = load i64, ptr inttoptr (i64 {abi.TEXT_BASE} to ptr), align 8\n"
            f"  %length = load i64, ptr inttoptr (i64 {abi.TEXT_BYTES} to ptr), align 8\n"
            "  %into = sub i64 %bits, %text\n"
            "  %inside = icmp ult i64 %into, %length\n"
            "  %code = and i1 %changed, %inside\n"
            "  br i1 %code, label %function, label %memory\n\n"
            "memory:\n"
            "  ret ptr %lent\n\n"
            "function:\n"
            f"  %gate = call ptr {_FIND}(ptr %given, i64 %handle, ptr %whom)\n"
            "  ret ptr %gate\n"
            "}",
        )
        self._edits.define(
            _FIND,
            f'define internal ptr {_FIND}(ptr %function, i64 %handle, ptr %whom) noinline uwtable section "galeed_text" {{\n'
            "start:\n"
            "  br label %next\n\n"
            "next:\n"
            "  %number = phi i64 [ 0, %start ], [ %more, %other ]\n"
            f"  %end = icmp eq i64 %number, {count}\n"
            "  br i1 %end, label %none, label %look\n\n"
            "look:\n"
            f"  %row = getelementptr {row}, ptr {_TABLE}, i64 %number\n"
            "  %own = load ptr, ptr %row, align 8\n"
            "  %is = icmp eq ptr %own, %function\n"
            "  br i1 %is, label %found, label %other\n\n"
            "other:\n"
            "  %more = add i64 %number, 1\n"
            "  br label %next\n\n"
            "found:\n"
            "  %gate.at = getelementptr i8, ptr %row, i64 8\n"
            "  %gate = load ptr, ptr %gate.at, align 8\n"
            "  %cell.at = getelementptr i8, ptr %row, i64 16\n"
            "  %cell = load ptr, ptr %cell.at, align 8\n"
            "  store atomic i64 %handle, ptr %cell release, align 8\n"
            "  ret ptr %gate\n\n"
            "none:\n"
            f"  call {self._helpers.runtime('galeed_unsupported')}(ptr %whom)\n"
            "  unreachable\n"
            "}",
        )


def _headers(module: Module) -> dict[str, Header]:
    found = {function.name: function.header for function in module.functions if not function.helper}
    return found | {name: parse_header(module.lines[number]) for name, number in module.declarations.items()}
