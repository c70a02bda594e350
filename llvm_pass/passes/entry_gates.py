"""Pass `entry-gates`: whoever calls foreign code from outside comes through a gate.

A gate (gate_code.py) takes the function's name; the body becomes `<name>.foreign`, and
direct calls go to it, of this module's functions and, by the linker, of other rewritten
files' (direct_calls.py). Variadic functions have gates too (listed_arguments.py).

Invariant: no address of foreign code that the host could hold leads to a body. So
functions of internal linkage get a gate too when their address is taken, and so do
linkonce functions, which other names keep apart from the host's (inline_functions.py).
Hidden functions are no exception: in a static link the host can call them. Of a function
that is no entry by the policy's `entries` the gate's host side is a violation.
"""

from __future__ import annotations

import re

from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Definition, read_definition
from llvm_pass.ir.syntax import GLOBAL, blanked, parse_call, sibling
from llvm_pass.passes import listed_arguments
from llvm_pass.passes.base import Context
from llvm_pass.passes.boundary import Boundary
from llvm_pass.passes.direct_calls import BODY_SUFFIX, DirectCalls, after_name
from llvm_pass.passes.gate_code import GateCode
from llvm_pass.passes.groups import Groups
from llvm_pass.passes.inline_functions import LINKAGES, InlineFunctions

_CALLED = re.compile(rf" ({GLOBAL})\(")
_BLOCK_ADDRESS = re.compile(rf'blockaddress\(({GLOBAL}),|"[^"]*"')


def run(context: Context) -> None:
    """Edits every definition's line, adds gates, redirects calls."""
    boundary = Boundary(context)
    gates = _Gates(context, boundary)
    for function in context.module.functions:
        gates.rewrite(function)
    _redirect(context, gates)
    for _, line in context.module.globals_named("@"):
        gates.direct.alias(line, gates.shared)
    boundary.tell_ifuncs()


class _Gates:
    def __init__(self, context: Context, boundary: Boundary) -> None:
        self._context, self._edits, self._types = context, context.edits, context.module.types
        self._boundary = boundary
        self._groups = Groups(context.module, context.edits)
        self._code = GateCode(context, self._groups)
        self.inline = InlineFunctions(context)
        self.direct = DirectCalls(context, self._groups, boundary.closed_to_the_host)
        self.bodies: dict[str, str] = {}  # of gated functions: where their blocks are
        self.redirected: set[str] = set()  # direct calls of these go to the body
        self.shared: dict[str, str] = {}  # bodies that have global names

    def rewrite(self, function: Function) -> None:
        """Gives one function its section, and a gate when it needs one."""
        if function.helper:
            return
        self._context.function, self._context.line = function, function.start
        header = function.header
        definition = read_definition(self._types, header.before, header.parameters, header.after)
        if definition.linkage == "available_externally":
            return
        if definition.linkage in LINKAGES and not self._boundary.no_gate(function, definition):
            self._rewrite_inline(function, definition)
        elif self._boundary.needs_gate(function, definition):
            self._rewrite_gated(function, definition)
        else:
            self._name(function, definition, header.before, function.name, definition.comdat)

    def _name(
        self, function: Function, definition: Definition, before: str, name: str, comdat: str, last: str = ""
    ) -> None:
        """The body's define line. last: stands for the dots."""
        after = after_name(definition, " ".join(definition.groups), comdat, definition.tail)
        parameters = [last if last and text == "..." else text for text in function.header.parameters]
        self._edits.replace(function.start, f"{before} {name}({', '.join(parameters)}){after}")

    def _rewrite_inline(self, function: Function, definition: Definition) -> None:
        taken = self._boundary.is_taken(function.name)
        body, comdat = self.inline.add(function, definition, taken)
        self._name(function, definition, function.header.before, body, comdat)
        if taken:
            gate, comdat = self.inline.gate(function, definition)
            closed = self._boundary.is_closed(function, definition)
            self._code.gate(function, definition, (gate, body), comdat, closed)
            self._context.stats["gates"] += 1
        else:
            self._boundary.tell_inline(function)

    def _rewrite_gated(self, function: Function, definition: Definition) -> None:
        body = sibling(function.name, BODY_SUFFIX)
        comdat = f" comdat(${function.name[1:]})" if definition.comdat == " comdat" else definition.comdat
        closed = self._boundary.is_closed(function, definition)
        shared = self.direct.shares(definition)
        before = f"define {'hidden' if shared else 'internal'} "
        if definition.signature.variadic and listed_arguments.can_be_listed(self._context.module, function, definition):
            self._rewrite_listed(function, definition, before, body, comdat, closed)
        else:
            self._name(function, definition, f"{before}{definition.returns_text}", body, comdat)
            self._code.gate(function, definition, (function.name, body), comdat, closed)
            self.bodies[function.name] = body
        if not self.direct.replaceable(definition):
            self.redirected.add(function.name)
        if shared:
            self.shared[function.name] = body
        self._context.stats["gates"] += 1

    def _rewrite_listed(
        self, function: Function, definition: Definition, before: str, body: str, comdat: str, closed: bool
    ) -> None:
        gate, inner = listed_arguments.names(function.name)
        internal, group = "define internal ", self._groups.for_gate(definition.groups)
        listed_arguments.take_list(self._context, function)
        last = f"ptr {listed_arguments.LIST}"
        self._name(function, definition, f"{internal}{definition.returns_text}", inner, comdat, last)
        fixed = listed_arguments.listed(definition.signature)
        self._code.gate(function, definition, (gate, inner), comdat, closed, internal, fixed)
        for own, start, callee in ((function.name, definition.before, gate), (body, before, inner)):
            text = listed_arguments.with_list(self._context, definition, start, own, callee, group, comdat)
            self._edits.define(own, text)
        self.bodies[function.name] = inner
        self._context.stats["variadic gates"] += 1


def _redirect(context: Context, gates: _Gates) -> None:
    edits, bodies, direct = context.edits, gates.bodies, gates.direct
    for number, line in enumerate(context.module.lines):
        if "@" not in line or line[:1] in ("d", ";"):
            continue
        new = gates.inline.renamed(edits.current(number))
        if line[:1] == "!":
            if new != line:
                edits.replace(number, new)
            continue
        if line[:2] == "  " and ("call " in line or "invoke " in line):
            match = _CALLED.search(blanked(new))
            name = new[match.start(1) : match.end(1)] if match else ""
            if match and (target := _target(name, gates, direct)) != name:
                call = parse_call(new)
                if call and call.callee == name:
                    new = f"{new[: match.start()]} {target}({new[match.end() :]}"
        if "blockaddress(" in new:
            new = _BLOCK_ADDRESS.sub(
                lambda found: f"blockaddress({bodies[found[1]]}," if found[1] in bodies else found[0],
                new,
            )
        if new != edits.current(number):
            edits.replace(number, new)


def _target(name: str, gates: _Gates, direct: DirectCalls) -> str:
    return sibling(name, BODY_SUFFIX) if name in gates.redirected else direct.target(name)
