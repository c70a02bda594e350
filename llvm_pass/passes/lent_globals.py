"""The globals of `lend-everything`: which move, and how functions reach them then.

Each function loads the pseudo-pointers of the globals that it names in its entry
block, and computes there what constant expressions made of their addresses.

Invariant: a global moves only if every mention of it is understood; all pointers
among the globals' own values are listed, so that they can be moved along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import GLOBAL, bare, closing, split_list
from llvm_pass.ir.types import Type, TypeSyntaxError
from llvm_pass.passes.base import Context
from llvm_pass.runtime.convert import pointer_paths

_DEFINED = re.compile(rf"^({GLOBAL}) = (?:internal|private) (?:(?:local_)?unnamed_addr )?(?:global|constant) (.*)$")
_STAYS = re.compile(r'thread_local|, (?:section|comdat|partition)\b|^\[\d+ x i8\] c"')
_ALIGN = re.compile(r", align (\d+)")
_KEPT = "@llvm.compiler.used"
_MENTION = re.compile(rf"{GLOBAL}(?![\w(])")
_EXPRESSION = re.compile(
    r"(?<=[ (<\[])(getelementptr|ptrtoint|ptrtoaddr|inttoptr|bitcast|trunc|add|sub|xor)((?: [a-z]+(?:\([^()]*\))?)*) \("
)
_CAST = re.compile(r"^(.*) to (\S.*)$", re.DOTALL)
_CLOSES = {"{": "}", "<": ">", "[": "]"}
_VECTOR = re.compile(r"(<\d+ x [^<>]+>) (<|splat \()")


@dataclass(slots=True)
class _Global:
    kind: Type
    align: int
    text: str  # behind its name
    mentions: set[str] = field(default_factory=set)  # globals in its value


class _NotUnderstood(Exception):
    """A mention in a place that cannot be rewritten."""


class LentGlobals:
    """Finds them when made; renames in functions; describes them for the runtime at last."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines = context.module.lines
        self._found: dict[str, _Global] = {}
        self._collect()
        self._exclude()

    def _collect(self) -> None:
        for _, line in self._context.module.globals_named("@"):
            match = _DEFINED.match(line)
            if match is None or match.group(1).startswith(("@llvm.", "@galeed.")) or _STAYS.search(match.group(2)):
                continue
            try:
                kind, _ = self._context.module.types.prefix(match.group(2))
            except TypeSyntaxError:
                continue
            if not kind.alloc_bytes:
                continue
            align = _ALIGN.search(match.group(2))
            self._found[match.group(1)] = _Global(kind, int(align.group(1)) if align else kind.align_bytes, line)

    def _exclude(self) -> None:
        """Drops those that are mentioned where they cannot be renamed."""
        module = self._context.module
        for function in module.functions:
            for number in range(function.start, function.end):
                line = self._lines[number]
                if "@" not in line or line.startswith("    #dbg"):
                    continue
                mentioned = self._mentioned(line)
                if not mentioned:
                    continue
                try:
                    if line[:2] != "  " or line[2] == " " or " asm " in line:
                        raise _NotUnderstood
                    _Renaming(self, _Names()).line(line)
                except (_NotUnderstood, ValueError):
                    self._drop(mentioned, "named where no pseudo-pointer can stand")
        limit = module.functions[0].start if module.functions else len(self._lines)
        stays: list[set[str]] = []
        for line in self._lines[:limit]:
            if line[:1] == "@" and "@" in line[1:]:
                name = line.split(" = ", 1)[0]
                mentioned = self._mentioned(line) - {name}
                if name in self._found:
                    self._found[name].mentions = mentioned
                elif not name.startswith("@llvm."):
                    stays.append(mentioned)
                else:
                    self._drop(mentioned, "kept by the compiler's own lists")
        while stays:  # the value of one that stays is a constant: what it points to stays too
            for name in stays.pop():
                if name in self._found:
                    stays.append(self._found[name].mentions)
                    self._drop({name}, "pointed to by one that stays")

    def _mentioned(self, line: str) -> set[str]:
        return {name for name in _MENTION.findall(line) if name in self._found}

    def _drop(self, names: Iterable[str], reason: str) -> None:
        for name in names:
            if self._found.pop(name, None) is not None:
                self._context.missed("Global", f"{name} is not lent: {reason}")

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def rename(self, function: Function) -> tuple[list[str], dict[int, str]]:
        """(definitions for the entry block, line number -> line that uses them)."""
        names, renamed = _Names(), {}
        renaming = _Renaming(self, names)
        for number in range(function.start + 1, function.end):
            line = self._lines[number]
            if "@" in line and line[:2] == "  " and line[2] != " " and self._mentioned(line):
                renamed[number] = renaming.line(line)
        return names.lines, renamed

    def describe(self) -> None:
        """Adds the slots and the table for the runtime."""
        edits = self._context.edits
        for name, each in self._found.items():
            slot, offsets, row = (_own(name, part) for part in ("slot", "pointers", "row"))
            edits.declare(slot, f"{slot} = internal global ptr null, align 8")
            paths = list(pointer_paths(each.kind)) if each.mentions else []
            values = ", ".join(f"i64 ptrtoint (ptr {_step(each.kind, path)} to i64)" for path in paths)
            array = f"[{len(paths)} x i64] [{values}]" if paths else "[0 x i64] zeroinitializer"
            edits.declare(offsets, f"{offsets} = internal constant {array}, align 8")
            fields = f"ptr {name}, i64 {each.kind.alloc_bytes}, i64 {each.align}, ptr {slot}, ptr {offsets}, i64 {len(paths)}"
            edits.declare(
                row,
                f"{row} = internal constant {{ ptr, i64, i64, ptr, ptr, i64 }} {{ {fields} }}, "
                'section "galeed_lent", align 8',
            )
        self._context.stats["globals lent"] += len(self._found)
        self._keep([_own(name, "row") for name in self._found])

    def _keep(self, rows: list[str]) -> None:
        """Nothing names the rows; LLVM must not take them for unused."""
        names = [f"ptr {row}" for row in rows]
        number, line = next(self._context.module.globals_named(f"{_KEPT} ="), (None, ""))
        if number is not None:
            names = [*split_list(line[line.index("] [") + 3 : line.rindex("], section")]), *names]
        new = f'{_KEPT} = appending global [{len(names)} x ptr] [{", ".join(names)}], section "llvm.metadata"'
        if number is not None:
            self._context.edits.replace(number, new)
        elif names:
            self._context.edits.declare(_KEPT, new)


def _own(name: str, part: str) -> str:
    """A global of ours that belongs to one of the module's."""
    return f'@"galeed.lent.{part}.{bare(name)}"'


def _step(kind: Type, path: tuple[int, ...]) -> str:
    steps = "".join(f", i32 {index}" for index in path)
    return f"getelementptr ({kind.text}, ptr null, i64 0{steps})"


class _Names:
    """Definitions in a function's entry block, each once, under names that no other pass gives."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self.lines: list[str] = []

    def define(self, right: str) -> str:
        known = self._made.get(right)
        if known is None:
            known = self._made[right] = f"%galeed.lent.{len(self._made)}"
            self.lines.append(f"  {known} = {right}")
        return known


class _Renaming:
    """Rewrites the mentions in one function's lines."""

    def __init__(self, moving: LentGlobals, names: _Names) -> None:
        self._moving, self._names = moving, names

    def line(self, line: str) -> str:
        """The line with values of the entry block in place of addresses. Raises _NotUnderstood."""
        head, mark, tail = line.partition(", !")  # metadata names no globals
        return self._text(head, " = phi " in head) + mark + tail

    def _text(self, text: str, is_phi: bool = False) -> str:
        out, at, plain = [], 0, ""
        while at < len(text):
            expression, vector = _EXPRESSION.search(text, at), _VECTOR.search(text, at)
            first = min((m for m in (expression, vector) if m), key=lambda m: m.start(), default=None)
            if first is None:
                break
            start = first.start() if first is expression else first.start(2)
            end = closing(text, first.end() - 1) + 1
            whole = text[start:end]
            out.append(self._bare(text[at:start], plain, is_phi))
            plain += text[at:start]
            if not any(name in self._moving for name in _MENTION.findall(whole)):
                out.append(whole)
            elif first is expression:
                out.append(self._expression(first.group(1), whole))
            else:
                out.append(self._vector(first.group(1), whole))
            at = end
        return "".join([*out, self._bare(text[at:], plain, is_phi)])

    def _bare(self, text: str, before: str, is_phi: bool) -> str:
        """What stands outside expressions. before: the same, from the left."""

        def value(found: re.Match[str]) -> str:
            name = found.group()
            if name not in self._moving:
                return name
            left = before + text[: found.start()]
            brackets = "{<" if is_phi else "{<["
            if any(left.count(opening) > left.count(_CLOSES[opening]) for opening in brackets):
                raise _NotUnderstood  # in an array or structure, or in an operand bundle
            return self._names.define(f"load ptr, ptr {_own(name, 'slot')}, align 8")

        return _MENTION.sub(value, text)

    def _expression(self, opcode: str, whole: str) -> str:
        at = whole.index("(", len(opcode))
        while closing(whole, at) != len(whole) - 1:  # a flag's own bracket
            at = whole.index("(", at + 1)
        inside = whole[at + 1 : -1]
        if opcode in ("add", "sub", "xor"):
            left, right = (self._text(part) for part in split_list(inside))
            return self._names.define(f"{opcode} {left}, {right.split(' ', 1)[1]}")
        if opcode == "getelementptr":
            return self._names.define(f"getelementptr {', '.join(self._text(part) for part in split_list(inside))}")
        match = _CAST.match(inside)
        if match is None:
            raise _NotUnderstood
        return self._names.define(f"{opcode} {self._text(match.group(1))} to {match.group(2)}")

    def _vector(self, kind: str, whole: str) -> str:
        if whole.startswith("splat"):
            count = int(kind[1:].split(" ", 1)[0])
            parts = [whole[len("splat (") : -1]] * count
        else:
            parts = split_list(whole[1:-1])
        value = "poison"
        for index, part in enumerate(parts):
            value = self._names.define(f"insertelement {kind} {value}, {self._text(part)}, i64 {index}")
        return value
