"""Pass `lend-everything`: a test instrument. A module's own objects become lent ones.

Globals, stack buffers and heap blocks move to memory that a host lends, so that every
access to them meets a pseudo-pointer and takes the path that raw pointers never take.
A program that was right before is right after, and says the same.

Runs before every other pass, and only when it is named. What the module then calls
(`galeed_lent_new`, ...) experiments/csmith/program defines; it fills the slots of the
globals that section `galeed_lent` lists, before any other code of the module runs.

Invariant: an object moves whole or stays whole. What a calling convention builds in
place (inalloca), another module names (external linkage), a thread owns, or a constant
holds in a way that is not understood, stays where it is. Nothing is assumed of an attacker.
"""

from __future__ import annotations

import re

from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import LOCAL
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.passes.lent_globals import LentGlobals

_ALLOCA = re.compile(rf"^  ({LOCAL}) = alloca (.+?), align (\d+)(?:, !.*)?$")
_DIRECT = re.compile(rf"^  (?:{LOCAL} = load (?:volatile )?.+?|store (?:volatile )?.+?), ptr ({LOCAL}), align \d+")
_LIFETIME = re.compile(rf"^  call void @llvm\.lifetime\.(?:start|end)\.p0\(.*?({LOCAL})\)")
_COPIED = re.compile(rf"(?:(?:inalloca|preallocated)\([^()]*\)|swifterror)[^,()%]*({LOCAL})")
_USED = re.compile(LOCAL)
_ALLOCATOR = {"@malloc": "ptr", "@calloc": "ptr", "@realloc": "ptr", "@free": "void"}
_CALLED = re.compile(r"(call(?: [^@(]*?)?(?:ptr|void)) @(malloc|calloc|realloc|free)\((.*)$")
_PARAMETERS = {"malloc": "i64", "calloc": "i64, i64", "realloc": "ptr, i64", "free": "ptr"}


def run(context: Context) -> None:
    """Edits definitions of globals and the functions that use them; stack buffers; calls of the allocator."""
    moving = LentGlobals(context)
    for function in context.module.functions:
        if function.helper:
            continue
        context.function = function
        body = _Body(context, function)
        body.run(moving)
    moving.describe()


class _Body:
    """One function."""

    def __init__(self, context: Context, function: Function) -> None:
        self._context, self._function = context, function
        self._lines = context.module.lines
        self._head = self._entry_end()

    def _entry_end(self) -> int:
        """The first line of the entry block that is no alloca: there new values may be defined."""
        for number in range(self._function.start + 1, self._function.end):
            line = self._lines[number]
            if line[:2] == "  " and line[2] != " " and not _ALLOCA.match(line) and " = alloca " not in line:
                return number
        return self._function.end

    def run(self, moving: LentGlobals) -> None:
        lent = self._lent_buffers()
        setup, renamed = moving.rename(self._function)
        suffix = debug_suffix(self._context, self._function)
        edits = self._context.edits
        edits.insert_before(self._head, *setup)
        ends = [
            f"  call void @galeed_lent_end(ptr {name}, i64 {kind.alloc_bytes}, i64 {align}){suffix}"
            for name, (_, kind, align) in lent.items()
        ]
        for name, (number, kind, align) in lent.items():
            call = f"  {name} = call ptr @galeed_lent_new(i64 {kind.alloc_bytes}, i64 {align}){suffix}"
            edits.replace(number, call)
        if lent:
            edits.declare("@galeed_lent_new", "declare ptr @galeed_lent_new(i64, i64)")
            edits.declare("@galeed_lent_end", "declare void @galeed_lent_end(ptr, i64, i64)")
        self._context.stats["stack buffers lent"] += len(lent)
        for number in range(self._function.start + 1, self._function.end):
            line = self._lines[number]
            match = _LIFETIME.match(line) if lent else None
            if match and match.group(1) in lent:
                edits.replace(number)
                continue
            new = self._allocator(renamed.get(number, line))
            if new is not line:
                edits.replace(number, new)
            if ends and (line.startswith("  ret ") or (" musttail call " in line)):
                if line.startswith("  ret ") and " musttail call " in self._lines[number - 1]:
                    continue
                edits.insert_before(number, *ends)

    def _lent_buffers(self) -> dict[str, tuple[int, Type, int]]:
        """Allocas of the entry block whose address is used other than in a plain load or store."""
        found: dict[str, tuple[int, Type, int]] = {}
        for number in range(self._function.start + 1, self._head):
            match = _ALLOCA.match(self._lines[number])
            if match:
                try:
                    kind = self._context.module.types.parse(match.group(2))
                except TypeSyntaxError:
                    continue  # counted, or inalloca
                if kind.alloc_bytes:
                    found[match.group(1)] = (number, kind, int(match.group(3)))
        if not found:
            return {}
        taken: set[str] = set()
        for number in range(self._function.start + 1, self._function.end):
            line = self._lines[number]
            if line[:2] != "  " or line.startswith("    #dbg") or _LIFETIME.match(line):
                continue
            for name in _COPIED.findall(line):
                found.pop(name, None)
            match = _DIRECT.match(line)
            plain = match.group(1) if match else None
            for name in _USED.findall(line.split(" = ", 1)[-1]):
                if name in found and (name != plain or line.count(name) > 1):
                    taken.add(name)
        return {name: where for name, where in found.items() if name in taken}

    def _allocator(self, line: str) -> str:
        """Calls of the C library's allocator go to the host's."""
        if "alloc(" not in line and "@free(" not in line:
            return line
        match = _CALLED.search(line)
        if match is None or f"@{match.group(2)}" not in self._context.module.declarations:
            return line
        name = match.group(2)
        result = _ALLOCATOR[f"@{name}"]
        self._context.edits.declare(
            f"@galeed_lent_{name}", f"declare {result} @galeed_lent_{name}({_PARAMETERS[name]})"
        )
        self._context.stats["allocator calls"] += 1
        # Attribute groups of the old callee speak of the C library's allocator: they go.
        rest = re.sub(r"\) (?:#\d+ ?)", ")", match.group(3), count=1)
        return f"{line[: match.start(1)]}call {result} @galeed_lent_{name}({rest}"
