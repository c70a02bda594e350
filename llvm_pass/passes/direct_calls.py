"""Direct calls from file to file: to the body where the callee was rewritten, past its gate.

A rewritten file gives the bodies of its visible functions global names, `<name>.foreign`,
hidden from other shared objects. A file that calls `f` defines `f.foreign` as well, weakly:
a jump to `f`. The linker takes the body where there is one and the jump where not (assembler,
system libraries, weak functions, other compilers' objects), in archives and without them.

Invariant: only code that runs with foreign rights calls by these names. A file in which
somebody arrives without a gate (`main`, an ifunc's resolver) has none of these calls: what it
calls elsewhere must take the rights away. Nobody outside has the names: they are no names of C,
and no shared object exports them. Assumes of the attacker: nothing. Source: ELF gABI, "Symbol
Table" (a strong definition goes before weak ones).
"""

from __future__ import annotations

import re

from llvm_pass.ir.signature import Definition, read_definition
from llvm_pass.ir.syntax import bare, parse_header, sibling
from llvm_pass.ir.types import TypeSyntaxError
from llvm_pass.passes.base import Context
from llvm_pass.passes.groups import Groups
from llvm_pass.passes.known_names import known

BODY_SUFFIX = ".foreign"
SECTION = ' section "galeed_text"'
# Calls of these are no ordinary calls, or a jump cannot stand for them.
_NOT_WITH = ("returns_twice", "naked", "alwaysinline", "strictfp", "optnone")
_DECLARE = re.compile(r"^declare (?:![\w.]+ !\d+ )*")  # with debug information: declare !dbg !7 ...
_INTERPOSED = re.compile(r'!"SemanticInterposition", i32 1\b')
_ALIAS = re.compile(
    r"^(?P<name>@\S+) = (?:(?:dso_local|dso_preemptable) )?(?:(?:default|hidden|protected) )?"
    r"(?:(?:local_)?unnamed_addr )?alias (?P<type>.+ \(.*\)), ptr (?P<of>@\S+)$"
)


class DirectCalls:
    """Those of one module. bound: False: a call of another file's function stays as it is."""

    def __init__(self, context: Context, groups: Groups, bound: bool) -> None:
        self._module, self._edits, self._groups, self._bound = context.module, context.edits, groups, bound
        self._stats = context.stats
        self._targets: dict[str, str] = {}
        self._interposed = any(line[:1] == "!" and _INTERPOSED.search(line) for line in context.module.lines)

    def shares(self, definition: Definition) -> bool:
        """May other files call this body? Whoever may put another function in its place keeps the right to."""
        return definition.linkage in ("", "external") and not self.replaceable(definition)

    def replaceable(self, definition: Definition) -> bool:
        """Can a function of the same name, of the program or another library, be called in its place?"""
        if definition.linkage in ("weak", "weak_odr"):
            return True
        local = "dso_local" in definition.before or definition.visibility in ("hidden", "protected")
        return self._interposed and not local

    def target(self, name: str) -> str:
        """Whom a direct call of a function that is only declared goes to."""
        if not self._bound:
            return name
        found = self._targets.get(name)
        if found is None:
            found = self._targets[name] = self._jump(name)
        return found

    def _jump(self, name: str) -> str:
        number = self._module.declarations.get(name)
        if number is None or known(bare(name)) or "@" in bare(name):
            return name
        line = self._module.lines[number]
        if line.startswith("declare extern_weak "):
            return name
        header = parse_header(_DECLARE.sub("define ", line))
        try:
            declared = read_definition(self._module.types, header.before, header.parameters, header.after)
        except (TypeSyntaxError, ValueError):  # a type that is not known: its calls go to the gate
            return name
        signature = declared.signature
        odd = signature.convention or any(value.in_place for value in signature.parameters)
        if odd or any(self._groups.has(declared.groups, word) for word in _NOT_WITH):
            return name
        new = sibling(name, BODY_SUFFIX)
        dots = ["..."] if signature.variadic else []
        own = [f"{value.text()} %a{at}" for at, value in enumerate(signature.parameters)]
        comdat = sibling(f"${name[1:]}", BODY_SUFFIX)
        self._edits.declare(comdat, f"{comdat} = comdat any")
        words = " ".join((*declared.groups, self._groups.group("noinline optsize")))
        target, result = ("", "void") if signature.is_void else ("%same = ", f"{signature.result.kind.text} %same")
        shape = f" ({', '.join([value.kind.text for value in signature.parameters] + dots)})" if dots else ""
        arguments = ", ".join(own + dots)
        self._edits.define(
            new,
            f"define weak hidden {declared.returns_text} {new}({arguments}) {words}{SECTION} comdat {{\n"
            f"  {target}musttail call {signature.returns()}{shape} {name}({arguments})\n  ret {result}\n}}",
        )
        self._stats["functions of other files"] += 1
        return new

    def alias(self, line: str, bodies: dict[str, str]) -> None:
        """An alias of a function whose body has a global name has one for that body too.

        bodies: the bodies of such functions by their plain names.
        """
        match = _ALIAS.match(line)
        body = bodies.get(match["of"]) if match else None
        if match and body and not self._interposed:
            new = sibling(match["name"], BODY_SUFFIX)
            self._edits.declare(new, f"{new} = hidden alias {match['type']}, ptr {body}")


def after_name(definition: Definition, groups: str, comdat: str, tail: str) -> str:
    """What follows the parameters of a gate or a body."""
    groups = f" {groups}" if groups else ""
    return f"{definition.address}{groups}{SECTION}{comdat}{definition.align}{tail}"
