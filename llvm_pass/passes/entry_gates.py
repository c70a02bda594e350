"""Pass `entry-gates`: whoever calls foreign code from outside comes through a gate.

A gate takes the function's name; the body becomes internal under `<name>.foreign`,
and direct calls inside the module go to the body. Called from foreign code the gate
jumps to the body; called by the host it lends the pointer arguments, drops the
rights, calls, takes the rights back and turns the result back. All of it lies in
section `galeed_text`.

Invariant: no address of foreign code that the host could hold leads to a body. So
functions of internal linkage get a gate too when their address is taken, and so do
linkonce functions, which other names keep apart from the host's (inline_functions.py).
Of a function that the policy does not name in `entries` the gate's host side is a violation.
"""

from __future__ import annotations

import re

from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Definition, Signature, read_definition
from llvm_pass.ir.syntax import GLOBAL, bare, blanked, mentions, parse_call, sibling
from llvm_pass.passes.base import Context
from llvm_pass.passes.crossing import arguments_through, called_inside, personality_of
from llvm_pass.passes.groups import Groups
from llvm_pass.passes.inline_functions import LINKAGES, InlineFunctions
from llvm_pass.runtime.convert import leaves_mapped
from llvm_pass.runtime.helpers import Helpers

SECTION = ' section "galeed_text"'
BODY_SUFFIX = ".foreign"
_GATED = frozenset(("", "external", "weak", "weak_odr"))
_LOCAL = frozenset(("internal", "private"))
_CALLED = re.compile(rf" ({GLOBAL})\(")
_BLOCK_ADDRESS = re.compile(rf'blockaddress\(({GLOBAL}),|"[^"]*"')
_IFUNC = re.compile(rf"^({GLOBAL}) = .*\bifunc ")
_NO_GATE = frozenset(("@main",))
_NO_CONVENTION = frozenset(("x86_intrcc",))


def run(context: Context) -> None:
    """Edits every definition's line, adds gates, redirects calls."""
    gates = _Gates(context)
    gated = {function.name for function in context.module.functions if gates.rewrite(function)}
    _redirect(context, gates.redirected, gated, gates.inline)
    for _, line in context.module.globals_named("@"):
        match = _IFUNC.match(line)
        if match:
            name = bare(match.group(1))
            context.missed("Ifunc", f"calls through the ifunc '{name}' reach code that has no gate of its own")


class _Gates:
    def __init__(self, context: Context) -> None:
        self._context, self._edits, self._types = context, context.edits, context.module.types
        self._helpers = Helpers(context.edits, context.module.metadata)
        self._groups = Groups(context.module, context.edits)
        self._taken = _addresses_taken(context)
        self.inline = InlineFunctions(context)
        self.redirected: set[str] = set()  # direct calls of these go to the body

    def rewrite(self, function: Function) -> bool:
        """Gives one function its section, and a gate when it needs one."""
        if function.helper:
            return False
        self._context.function, self._context.line = function, function.start
        header = function.header
        definition = read_definition(self._types, header.before, header.parameters, header.after)
        if definition.linkage == "available_externally":
            return False
        taken = function.name in self._taken
        needed = definition.linkage in _GATED or (definition.linkage in _LOCAL and taken)
        if definition.signature.convention in _NO_CONVENTION:
            self._context.missed(
                "Convention", f"no gate for calling convention {definition.signature.convention}", function
            )
            needed = False
        elif definition.linkage in LINKAGES:
            body, comdat = self.inline.add(function, definition, taken)
            after = _after(definition, " ".join(definition.groups), comdat, definition.tail)
            self._edits.replace(function.start, f"{header.before} {body}({', '.join(header.parameters)}){after}")
            if taken:
                gate, comdat = self.inline.gate(function, definition)
                self._edits.define(gate, self._gate(function, definition, gate, body, comdat))
                self._context.stats["gates"] += 1
            return False
        if not needed or function.name in _NO_GATE:
            after = _after(definition, " ".join(definition.groups), definition.comdat, definition.tail)
            self._edits.replace(
                function.start, f"{header.before} {function.name}({', '.join(header.parameters)}){after}"
            )
            return False
        body = sibling(function.name, BODY_SUFFIX)
        comdat = f" comdat(${function.name[1:]})" if definition.comdat == " comdat" else definition.comdat
        after = _after(definition, " ".join(definition.groups), comdat, definition.tail)
        self._edits.replace(
            function.start, f"define internal {definition.returns_text} {body}({', '.join(header.parameters)}){after}"
        )
        self._edits.define(function.name, self._gate(function, definition, function.name, body, comdat))
        if definition.linkage not in ("weak", "weak_odr"):
            self.redirected.add(function.name)
        self._context.stats["gates"] += 1
        return True

    def _gate(self, function: Function, definition: Definition, own: str, body: str, comdat: str) -> str:
        signature, helpers = definition.signature, self._helpers
        parameters = [f"{value.text()} %a{number}" for number, value in enumerate(signature.parameters)]
        dots = ["..."] if signature.variadic else []
        closed = not self._context.policy.allows("entries", bare(function.name))
        refused = signature.variadic or any(value.in_place for value in signature.parameters)
        personality = "" if refused or closed else f" personality ptr {personality_of(self._edits)}"
        group = self._groups.for_gate(definition.groups)
        after = _after(definition, group, comdat, f"{personality} {{")
        shape = (
            f" ({', '.join([value.kind.text for value in signature.parameters] + dots)})" if signature.variadic else ""
        )
        lines = [
            f"{definition.before}{signature.returns()} {own}({', '.join(parameters + dots)}){after}",
            "start:",
            "  %token = alloca i64, align 16",
            f"  %where = call {helpers.runtime('mpk_gate_is_foreign')}()",
            "  %inside = icmp ne i32 %where, 0",
            "  br i1 %inside, label %foreign, label %host",
            "",
            "foreign:",
            *_jump(signature, shape, body, parameters + dots),
            "",
            "host:",
        ]
        if closed:
            lines += self._no_entry(function)
            return "\n".join(lines)
        if refused:
            lines += self._refusal(function, signature.variadic)
            return "\n".join(lines)
        arguments = arguments_through("galeed_gate_argument", signature, lines, helpers, self._types)
        name = self._text(function, "name")
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

    def _refusal(self, function: Function, variadic: bool) -> list[str]:
        """The host's side of a gate that cannot pass the arguments on."""
        if variadic:
            what = "variadic function", "was called from Rust: wrap it in a C function with fixed arguments"
            self._context.missed("Variadic", "the host cannot call a variadic function through a gate", function)
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


def _jump(signature: Signature, shape: str, body: str, arguments: list[str]) -> list[str]:
    """Into the body, as if the gate were not there."""
    target = "" if signature.is_void else "%same = "
    result = "void" if signature.is_void else f"{signature.result.kind.text} %same"
    return [f"  {target}musttail call {signature.returns()}{shape} {body}({', '.join(arguments)})", f"  ret {result}"]


def _after(definition: Definition, groups: str, comdat: str, tail: str) -> str:
    groups = f" {groups}" if groups else ""
    return f"{definition.address}{groups}{SECTION}{comdat}{definition.align}{tail}"


def _addresses_taken(context: Context) -> set[str]:
    """Names used other than as the callee of a direct call."""
    taken: set[str] = set()
    for line in context.module.lines:
        if "@" in line and line[:1] not in ("!", "d", ";") and not line.startswith("@llvm.used"):
            own = line.split(" ", 1)[0] if line[0] == "@" else ""
            taken.update(name for name, called in mentions(line) if not called and name != own)
    return taken


def _redirect(context: Context, redirected: set[str], gated: set[str], inline: InlineFunctions) -> None:
    edits = context.edits
    for number, line in enumerate(context.module.lines):
        if "@" not in line or line[:1] in ("d", ";"):
            continue
        new = inline.renamed(line)
        if line[:1] == "!":
            if new != line:
                edits.replace(number, new)
            continue
        if line[:2] == "  " and ("call " in line or "invoke " in line):
            match = _CALLED.search(blanked(new))
            if match and new[match.start(1) : match.end(1)] in redirected:
                call = parse_call(new)
                if call and call.callee in redirected:
                    new = f"{new[: match.start()]} {sibling(call.callee, BODY_SUFFIX)}({new[match.end() :]}"
        if "blockaddress(" in new:
            new = _BLOCK_ADDRESS.sub(
                lambda found: (
                    f"blockaddress({sibling(found.group(1), BODY_SUFFIX)},"
                    if found.group(1) in gated
                    else found.group()
                ),
                new,
            )
        if new != line:
            edits.replace(number, new)
