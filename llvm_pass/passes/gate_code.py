"""The text of one gate: called from foreign code it jumps to the body, called by the host it
lends the pointer arguments, drops the rights, calls, takes the rights back and turns the
result back. All of it lies in section `galeed_text`.

Invariant: no way through a gate's host side reaches the body with the host's rights.
"""

from __future__ import annotations

import re

from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Definition, Signature
from llvm_pass.ir.syntax import bare, sibling
from llvm_pass.passes.base import Context
from llvm_pass.passes.crossing import arguments_through, called_inside, personality_of
from llvm_pass.passes.direct_calls import after_name
from llvm_pass.passes.groups import Groups
from llvm_pass.passes.listed_arguments import lent_list
from llvm_pass.runtime.convert import leaves_mapped
from llvm_pass.runtime.helpers import Helpers

HOST_SUFFIX = ".host"


class GateCode:
    """Makes the gates of one module."""

    def __init__(self, context: Context, groups: Groups) -> None:
        self._context, self._edits, self._types = context, context.edits, context.module.types
        self._helpers = Helpers(context.edits, context.module.metadata)
        self._groups = groups

    def gate(
        self,
        function: Function,
        definition: Definition,
        names: tuple[str, str],
        comdat: str,
        closed: bool,
        before: str | None = None,
        signature: Signature | None = None,
    ) -> None:
        """Adds it. names: the gate's own and the body's. closed: the host's side is a violation.

        before, signature: where they are not the definition's; then the last argument is a list of more.
        """
        own, body = names
        signature, helpers = signature or definition.signature, self._helpers
        host = sibling(own, HOST_SUFFIX)
        parameters = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
        dots = ["..."] if signature.variadic else []
        refused = signature.variadic or any(value.in_place for value in signature.parameters)
        group = self._groups.for_gate(definition.groups)
        shape = (
            f" ({', '.join([value.kind.text for value in signature.parameters] + dots)})" if signature.variadic else ""
        )
        head = definition.before if before is None else before
        lines = [
            f"{head}{signature.returns()} {own}({', '.join(parameters + dots)})"
            + after_name(definition, group, comdat, " {"),
            f"  %where = call {helpers.runtime('galeed_gate_side')}()",
            "  %inside = icmp ne i32 %where, 0",
            "  br i1 %inside, label %foreign, label %host",
            "",
            "foreign:",
            *self._jump("%same", signature, shape, body, parameters + dots),
            "",
            "host:",
        ]
        if closed or refused:
            lines += self._no_entry(function) if closed else self._refusal(function, signature.variadic)
            self._edits.define(own, "\n".join(lines))
            return
        lines += [*self._jump("%answer", signature, "", host, parameters), "}"]
        self._edits.define(own, "\n".join(lines))
        self._edits.define(host, self._host(function, definition, (host, body), comdat, signature, group))

    def _host(
        self,
        function: Function,
        definition: Definition,
        names: tuple[str, str],
        comdat: str,
        signature: Signature,
        group: str,
    ) -> str:
        """The host's side: apart, so that foreign code finds nothing to do but ask and jump."""
        own, body = names
        helpers = self._helpers
        personality = f" personality ptr {personality_of(self._edits)}"
        parameters = ", ".join(f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters))
        after = after_name(definition, group, comdat, f"{personality} {{")
        lines = [
            f"define internal {signature.returns()} {own}({parameters}){after}",
            "  %token = alloca i64, align 16",
        ]
        arguments = arguments_through("galeed_gate_argument", signature, lines, helpers, self._types)
        if signature is not definition.signature:
            arguments[-1] = lent_list(lines, arguments[-1], helpers.through_word("galeed_gate_argument"), self._edits)
        name = self._text(function, "name")
        if self._context.policy.named("exclusive", bare(function.name)):
            lines.append(f"  call {helpers.runtime('galeed_gate_exclusive')}(ptr %token)")
            self._context.stats["exclusive gates"] += 1
        lines.append(f"  call {helpers.runtime('galeed_gate_enter')}(ptr %token, ptr {name})")
        target = "" if signature.is_void else "%got = "
        no_inline = self._groups.group("noinline")
        if self._groups.has(definition.groups, "nounwind"):
            # Known to be the body, the call would be taken for one that nothing passes.
            lines.append(f'  %inside.body = call ptr asm "", "=r,0"(ptr {body})')
            body = "%inside.body"
        call = f"{signature.returns()} {body}({', '.join(arguments)}) {no_inline}"
        behind = [f"  call {helpers.runtime('galeed_gate_exit')}(ptr %token)", *self._returned(signature)]
        lines += called_inside(target, call, behind, helpers.runtime("galeed_gate_thrown"))
        return "\n".join([*lines, "}"])

    def _jump(self, value: str, signature: Signature, shape: str, to: str, arguments: list[str]) -> list[str]:
        """There, as if the gate were not here. Never inlined: the gate would need a frame, and double the code."""
        no_inline = self._groups.group("noinline")
        if signature.is_void:
            target, result = "", "void"
        else:
            target, result = f"{value} = ", f"{signature.result.kind.text} {value}"
        call = f"musttail call {signature.returns()}{shape} {to}({', '.join(arguments)}) {no_inline}"
        return [f"  {target}{call}", f"  ret {result}"]

    def _refusal(self, function: Function, variadic: bool) -> list[str]:
        """The host's side of a gate that cannot pass the arguments on."""
        if variadic:
            what = "variadic function", "was called from Rust: wrap it in a C function with fixed arguments"
            self._context.missed("Variadic", "the host cannot call this variadic function through a gate", function)
        else:
            what = "function", "has an argument built in place, which no gate can pass on"
            self._context.missed("ArgumentInPlace", "the host cannot call a function with inalloca arguments", function)
        return self._stop(function, f"{what[0]} ", f" {what[1]}")

    def _no_entry(self, function: Function) -> list[str]:
        self._context.stats["closed gates"] += 1
        return self._stop(function, "function ", " was called from Rust, and is none of the policy's entries")

    def _stop(self, function: Function, before: str, after: str) -> list[str]:
        text = self._text(function, "unsupported", before, after)
        return [f"  call {self._helpers.runtime('galeed_unsupported')}(ptr {text})", "  unreachable", "}"]

    def _returned(self, signature: Signature) -> list[str]:
        if signature.is_void:
            return ["  ret void"]
        kind = signature.result.kind
        if not kind.pointers:
            return [f"  ret {kind.text} %got"]
        back = self._helpers.through_word("galeed_gate_result")
        mapped = leaves_mapped(kind, "%got", "%given", lambda value: f"call ptr {back}(ptr {value})")
        return [mapped, f"  ret {kind.text} %given"]

    def _text(self, function: Function, label: str, before: str = "", after: str = "") -> str:
        """A constant with the function's name, between two others, for reports."""
        plain = bare(function.name)
        text = f"{before}{plain}{after}"
        length = len(re.sub(r"\\(?:\\|[0-9A-Fa-f]{2})", ".", text)) + 1
        name = f"@galeed.{label}.{plain}" if function.name[1] != '"' else f'@"galeed.{label}.{plain}"'
        name = sibling(name, "")
        self._edits.declare(name, f'{name} = private unnamed_addr constant [{length} x i8] c"{text}\\00", align 1')
        return name
