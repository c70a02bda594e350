"""Pass `lend-calls`: the host's side of a prebuilt library. For C and Rust of the host.

Calls of the functions that the policy's `lend-calls` names, which this module declares and
nobody rewrites, go through a wrapper (runtime/host_call.py) that lends the arguments and
closes the domain. Where a function's address is used, it becomes the wrapper's, so that
pointers to it lead through the gate too. Host functions given to it get callback gates
(host_functions.py). Functions with a gate of galeed-cc's own need none of this.

Invariant: no mention of a named function is left in the module's own code. What cannot be
prepared is reported as Missed and ends the process when the host comes to it; it is never
called with the host's rights. Calls through pointers that come from elsewhere (dlsym) are
not seen: an Analysis remark says where there are any.

Attacker: is the library. Runs only when it is named, on code that no other pass rewrites.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from llvm_pass.errors import AlreadyRewritten, UsageError
from llvm_pass.ir.module import Function
from llvm_pass.ir.signature import Signature, Value, read_returns, read_value
from llvm_pass.ir.syntax import GLOBAL, Call, Header, argument_value, bare, metadata_of, parse_call, parse_header
from llvm_pass.libc.table import Shape, Use, builtin
from llvm_pass.passes.base import Context
from llvm_pass.passes.checked_calls import rows_of
from llvm_pass.passes.groups import Groups
from llvm_pass.passes.host_functions import HostFunctions
from llvm_pass.policy import PolicyError
from llvm_pass.policy.keys import FUNCTION
from llvm_pass.remarks import Remark
from llvm_pass.runtime.helpers import NOT_A_NAME, Helpers
from llvm_pass.runtime.host_call import Foreign, HostWrapper, in_ir, unfit

_PREFIX = "@galeed.host."
_RUNTIME = ("@galeed_gate_enter", "@mpk_gate_enter", "@_mpk_fatal")
_OWN = re.compile(r"llvm\.|galeed_|mpk_|__gcc_|__gxx_|__rust_|__cxa_|_Unwind_|rust_eh_personality$|rust_begin_unwind$")
# Rust's own names, which a pattern with stars never means.
_RUST = re.compile(r"_R[NICYMXBKT\d]|_ZN.*17h[0-9a-f]{16}E(?:\.|$)")
# A name that is not called, outside of strings; possessive, so that @lib of @lib.sum( is none.
_ADDRESS = re.compile(r'(@(?:[\w.$-]++|"[^"]*"))(?!\()|(?<!@)"[^"]*"')
_CALLED = re.compile(rf"(?:call|invoke) .*?({GLOBAL})\(")
_INDIRECT = re.compile(r'(?:call|invoke) [^@]*?%(?:[\w.$-]+|"[^"]*")\(')
_GROUPS = re.compile(r" (#\d+)")
_TABLES = ("@vtable.", "@_ZTV", "@llvm.")  # of addresses that nobody gives away one by one


def run(context: Context) -> None:
    """Edits calls and addresses of the named functions. Raises PolicyError, UsageError, AlreadyRewritten."""
    patterns = context.policy.names("lend-calls")
    if patterns is None:
        raise UsageError("pass lend-calls has no function to gate; name some with --lend-calls or in galeed.toml")
    module = context.module
    if any(function.name in _RUNTIME for function in module.functions):
        raise UsageError("this module is of the runtime, which works on either side of the gates")
    if any(function.name.startswith(_PREFIX) for function in module.functions):
        raise AlreadyRewritten("this module has been through lend-calls already")
    for name in patterns:
        if not _starred(name) and _OWN.match(name):
            raise PolicyError(
                f"lend-calls names {name}, which is no function of a library: it serves the gates themselves"
            )
    named = {name: None for name in module.declarations if _means(patterns, bare(name))}
    if named:
        _LendCalls(context, named).run()


def _starred(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _means(patterns: tuple[str, ...], name: str) -> bool:
    if _OWN.match(name) or not re.match(FUNCTION, name):
        return False
    rust = _RUST.match(name) is not None
    return any(fnmatchcase(name, pattern) and not (rust and _starred(pattern)) for pattern in patterns)


class _LendCalls:
    def __init__(self, context: Context, named: dict[str, None]) -> None:
        self._context, self._module, self._named = context, context.module, named
        self._types = context.module.types
        self._table = {**builtin(), **rows_of(context.policy)}
        self._mode = context.policy.word("on-unrewritten-call") or "copy"
        self._helpers = Helpers(context.edits, context.module.metadata)
        self._groups = Groups(context.module, context.edits)
        self._functions = HostFunctions(context, self._helpers)
        self._made: dict[tuple[str, Signature, str, bool, bool], str] = {}
        self._addresses: dict[str, str] = {}
        self._said: set[str] = set()
        self._any_function = False  # may a pointer computed at run time be a function?

    def run(self) -> None:
        for number, line in self._module.globals_named("@"):
            self._replace(number, line, self._renamed(line))
        for function in self._module.functions:
            self._context.function = function
            self._look_into(function)
        if self._any_function:
            self._all_taken()
        if self._made or self._addresses:
            self._functions.define()

    def _look_into(self, function: Function) -> None:
        indirect = ""
        for number in range(function.start + 1, function.end):
            line = self._module.lines[number]
            if line[:2] != "  ":
                continue
            self._context.line = number
            calls = "call " in line or "invoke " in line
            if calls and not indirect and _INDIRECT.search(line):
                indirect = line
            if "@" not in line:
                continue
            new = self._renamed(line)
            match = _CALLED.search(new) if calls else None
            if match and match.group(1) in self._named:
                call = parse_call(new)
                if call is not None and call.callee in self._named:
                    new = self._call(function, new, call)
            self._replace(number, line, new)
        if indirect:
            why = "a call through a pointer is not gated: foreign code that it leads to past all gates has the host's rights"
            self._say(function, "IndirectCall", why, indirect)

    def _replace(self, number: int, old: str, new: str) -> None:
        if new != old:
            self._context.edits.replace(number, new)

    def _renamed(self, line: str) -> str:
        """The line with wrappers' addresses in place of functions'."""
        if "@" not in line:
            return line
        return _ADDRESS.sub(lambda match: self._address(match.group(1) or "") or match.group(), line)

    def _address(self, name: str) -> str:
        """The wrapper's name for a named function's, else ""."""
        if name not in self._named:
            return ""
        if name not in self._addresses:
            header = parse_header(self._module.lines[self._module.declarations[name]])
            made = self._of_declaration(name, header)
            self._addresses[name] = made
            self._context.stats["addresses"] += 1
        return self._addresses[name]

    def _of_declaration(self, name: str, header: Header) -> str:
        words = header.before.removeprefix("declare").strip()
        convention, result, _ = read_returns(self._types, words)
        fixed = [text for text in header.parameters if text != "..."]
        values = tuple(read_value(self._types, f"{text} %x")[0] for text in fixed)
        variadic = len(fixed) < len(header.parameters)
        signature = Signature(convention, result, values, variadic)
        safe = self._groups.has(tuple(_GROUPS.findall(header.after)), "nounwind")
        dots = f"({', '.join([*(value.kind.text for value in values), '...'])})" if variadic else ""
        reason = "it is called through a pointer, and variadic" if variadic else ""
        return self._wrapper(Foreign(name, self._shape(name, signature), signature, dots, reason, safe), "")

    def _call(self, function: Function, line: str, call: Call) -> str:
        """The line that calls the wrapper instead. Raises PolicyError by `on-unrewritten-call`."""
        convention, result, dots = read_returns(self._types, call.signature)
        values = tuple(read_value(self._types, text)[0] for text in call.arguments)
        signature = Signature(convention, result, values, variadic="..." in dots)
        shape = self._shape(call.callee, signature)
        self._of_row(function, line, call.callee)
        header = parse_header(self._module.lines[self._module.declarations[call.callee]])
        groups = (*_GROUPS.findall(call.rest.split("[", 1)[0]), *_GROUPS.findall(header.after))
        safe = call.kind == "call" and self._groups.has(groups, "nounwind")
        wrapper = self._wrapper(Foreign(call.callee, shape, signature, dots, "", safe), line)
        self._given_functions(function, line, call, shape)
        marker = call.marker if call.marker == "musttail" else "notail" if call.kind == "call" else ""
        target = f"{call.result} = " if call.result else ""
        returns = call.signature.removesuffix(dots).rstrip()
        words = " ".join(word for word in (marker, call.kind, returns, wrapper) if word)
        self._context.stats["calls"] += 1
        return f"  {target}{words}({', '.join(call.arguments)}){call.rest}"

    def _shape(self, name: str, signature: Signature) -> Shape:
        row = self._table.get(bare(name))
        if row is not None and not row.instead:
            return in_ir(row, signature, self._types)
        uses = []
        for value in signature.parameters:
            written = value.written(self._types)
            if written is not None:
                uses.append(Use("out", "bytes", True, unit=written.alloc_bytes))
            elif value.kind.kind == "pointer" and not value.in_memory and self._mode == "copy":
                uses.append(Use("rest", "rest"))
            else:
                uses.append(Use("-", "opaque"))
        return Shape(tuple(uses))

    def _of_row(self, function: Function, line: str, callee: str) -> None:
        """What is said of a function without a row, once."""
        name = bare(callee)
        if name in self._table or name in self._said:
            return
        self._said.add(name)
        if self._mode == "refuse":
            place = self._module.metadata.place(metadata_of(line).get("dbg"))
            where = f"{place.file}:{place.line}: " if place else ""
            raise PolicyError(
                f"{where}{bare(function.name)} calls {name}, which has no row in calls: "
                f"{self._context.policy.where('on-unrewritten-call')} refuses that; describe it in [calls.{name}]"
            )
        what = {
            "copy": "private memory is copied from each pointer to the end of its lease, in and out",
            "lend": "it gets pseudo-pointers as they are, and its first use of one traps",
        }[self._mode]
        self._say(function, "NoRow", f"{name} has no row in calls: {what}", line)

    def _wrapper(self, foreign: Foreign, line: str) -> str:
        reason = foreign.reason or unfit(foreign.signature, foreign.shape)
        takes_dots = not line and foreign.signature.variadic  # a function's address may be called with any
        key = (foreign.callee, foreign.signature, foreign.dots, foreign.safe, takes_dots)
        if key in self._made:
            return self._made[key]
        plain = name = f"{_PREFIX}{NOT_A_NAME.sub('.', foreign.callee[1:])}"
        number = 0
        while name in self._made.values():  # also where two functions' names end alike
            number += 1
            name = f"{plain}.{number}"
        self._made[key] = name
        made = Foreign(foreign.callee, foreign.shape, foreign.signature, foreign.dots, reason, foreign.safe)
        if reason:
            function = self._context.function if line else None
            text = f"{foreign.callee[1:]} cannot be called by the host, which ends there: {reason}"
            self._context.missed("LendCall", text, function, line)
        elif any(map(self._holds_pointers, made.signature.parameters)):
            text = (
                f"pointers inside a structure that {foreign.callee[1:]} gets by value stay addresses, which trap there"
            )
            self._context.missed("PointersInside", text, self._context.function, line)
        HostWrapper(self._helpers, self._context.edits, name, made).define(takes_dots)
        self._context.stats["wrappers"] += 1
        return name

    def _holds_pointers(self, value: Value) -> bool:
        """Is it a structure, in memory or in registers, with pointers in it?"""
        kind = value.copied(self._types) if value.in_memory else value.kind
        return kind is not None and kind.pointers and (value.in_memory or kind.kind != "pointer")

    def _given_functions(self, function: Function, line: str, call: Call, shape: Shape) -> None:
        for number, text in enumerate(call.arguments):
            if not text.startswith("ptr"):
                continue
            match = re.search(rf"({GLOBAL})$", text)
            name = match.group(1) if match else ""
            if name and self._functions.is_function(name) and not name.startswith(_PREFIX):
                if not self._functions.add(name):
                    why = f"{bare(name)} cannot be called back by {bare(call.callee)}: no gate can pass its arguments"
                    self._context.missed("Callback", why, function, line)
            elif number < len(shape.uses) and shape.uses[number].word == "code" and argument_value(text):
                self._any_function = True
                why = (
                    f"which function {bare(call.callee)} is given is known at run time only: any whose address this "
                    "module takes can be called back, others end the process"
                )
                self._say(function, "Callback", why, line)

    def _all_taken(self) -> None:
        """Gates for all functions whose address is taken here, in the order of lines."""
        for line in self._module.lines:
            if "@" not in line or line[:1] in ("!", "d", ";", "$") or line.startswith(_TABLES):
                continue
            own = line.split(" ", 1)[0] if line[0] == "@" else ""
            for name in filter(None, _ADDRESS.findall(line)):
                host = name != own and name not in self._named and not _OWN.match(bare(name))
                if host and self._functions.is_function(name):
                    self._functions.add(name)

    def _say(self, function: Function, name: str, why: str, line: str) -> None:
        place = self._module.metadata.place(metadata_of(line).get("dbg"))
        remark = Remark("Analysis", self._context.pass_name, name, bare(function.name), why, place)
        self._context.remarks.append(remark)
