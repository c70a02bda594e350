"""LLVM IR: what functions promise and expect, and whom they call.

Invariant: LLVM parses and verifies in a child process (llvm_pass.ir.reader); whatever it does with the
input, the caller gets facts or an AuditError. Attributes are those of the compiler together with what
LLVM's function-attrs infers of the bodies: that inference is the contract that rules judge by.
Source: LLVM LangRef.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import AuditError
from llvm_pass.errors import UnreadableModule
from llvm_pass.ir.bitcode import is_bitcode
from llvm_pass.ir.metadata import unescaped
from llvm_pass.ir.module import Module as Text
from llvm_pass.ir.reader import Llvm, LlvmRefused, read_module
from llvm_pass.ir.syntax import LOCAL, bare, metadata_of, parse_call, parse_header, skip_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llvm_pass.ir.types import Type, TypeTable

_LOOKS_LIKE_TEXT = re.compile(
    rb"^(?:; ModuleID = |source_filename = |target (?:triple|datalayout) = |(?:define|declare) )", re.M
)
_TOLD_BY_BYTES = 1 << 16
_HEAD = re.compile(
    r"(?:define|declare) ?(?:![\w.]+ !\d+ )*(?:(private|internal|available_externally|"
    r"linkonce_odr|linkonce|weak_odr|weak|extern_weak|external) )?"
    r"(?:(?:dso_local|dso_preemptable) )?(?:(?:default|hidden|protected) )?(?:(?:dllimport|dllexport) )?"
    r"((?:\w*cc|cc ?\d+|x86_\w+|intel_ocl_bicc) )?"
)
_GROUP = re.compile(r"^attributes (#\d+) = \{ (.*) \}$")
_GROUP_USE = re.compile(r"(#\d+)\b")
_WORD = re.compile(r'"[^"]*"(?:="[^"]*")?|[a-z_]+(?:\((?:[^()]|\([^()]*\))*\))?')
_LANGUAGE = re.compile(r"language: (DW_LANG_\w+)")
_IDENT = re.compile(r'!"((?:rustc|clang|[\w. ]*clang)[^"]*)"')
_UNIT = re.compile(r"\bunit: (!\d+)")
_PRODUCER = re.compile(r'producer: "([^"]*)"')
_DERIVED = re.compile(rf"^  ({LOCAL}) = (getelementptr|phi|select|bitcast|freeze|addrspacecast) (.*)$")
_SUBPROGRAM = re.compile(r"!dbg (!\d+)")
_LINE, _SCOPE = re.compile(r"\bline: (\d+)"), re.compile(r"\bscope: (!\d+)")
_FILE, _INLINED = re.compile(r"\bfile: (!\d+)"), re.compile(r"\binlinedAt: (!\d+)")
_FILE_NAME, _FOLDER = re.compile(r'filename: "([^"]*)"'), re.compile(r'directory: "([^"]*)"')
_LIBRARY = re.compile(r"(?:^|/)(?:rustc/[0-9a-f]+|rustlib/src/rust|library)/")
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter, an argument or a result. value: as it is written, "" for none."""

    type: Type
    attributes: tuple[str, ...]
    value: str = ""

    def has(self, *names: str) -> bool:
        """Is one of these attributes there, whatever stands in its parentheses?"""
        return any(each.split("(")[0].split(" ")[0] in names for each in self.attributes)


@dataclass(frozen=True, slots=True)
class Call:
    """One call or invoke. callee: without @; "" where it is not named, and through: the value that is called then.
    line: of the function's body, from 0."""

    caller: str
    callee: str
    arguments: tuple[Value, ...]
    result: str | None
    attributes: frozenset[str]
    is_invoke: bool
    line: int
    place: Place | None
    through: str = ""


Place = tuple[str, int]  # file and line


@dataclass(frozen=True)
class Function:
    """A definition or a declaration. name: without @. attributes: with those of its groups."""

    name: str
    linkage: str
    convention: str
    result: Value
    parameters: tuple[Value, ...]
    variadic: bool
    attributes: frozenset[str]
    body: tuple[str, ...]
    module: Module = field(repr=False, compare=False)
    subprogram: str | None = None

    @property
    def is_defined(self) -> bool:
        return bool(self.body)

    @property
    def is_seen(self) -> bool:
        """Can another object link to it?"""
        return self.linkage not in ("private", "internal", "available_externally")

    @property
    def nounwind(self) -> bool:
        return "nounwind" in self.attributes

    @cached_property
    def language(self) -> str:
        """rust, c, c++ or "": a module that was linked may hold several."""
        nodes = self.module.text.metadata.nodes
        unit = _UNIT.search(nodes.get(self.subprogram or "", ""))
        return (_language([nodes[unit[1]]]) if unit and unit[1] in nodes else "") or self.module.language

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        return tuple(self._calls())

    @cached_property
    def derivations(self) -> tuple[tuple[str, str, str], ...]:
        """Values that are made of one other: name, opcode, operands; of a call that returns an argument, that argument."""
        found = [match.groups() for line in self.body if (match := _DERIVED.match(line))]
        for call in self.calls:
            declared = self.module.functions.get(call.callee) if call.result else None
            for argument, parameter in zip(call.arguments, declared.parameters if declared else (), strict=False):
                if call.result and parameter.has("returned"):
                    found.append((call.result, "call", argument.value))
        return tuple((name, opcode, operands) for name, opcode, operands in found)

    def _calls(self) -> Iterator[Call]:
        for number, line in enumerate(self.body):
            if "call " not in line and "invoke " not in line:
                continue
            call = parse_call(line)
            if call is None or call.callee == "asm" or call.callee.startswith("@llvm.dbg"):
                continue
            arguments = tuple(self.module.value(each) for each in call.arguments if not each.startswith("metadata "))
            rest = call.rest
            callee = bare(call.callee) if call.callee.startswith("@") else ""
            # What belongs to an invoke stands on its second line.
            end = self.body[number + 1] if call.kind == "invoke" and number + 1 < len(self.body) else line
            place = self.module.place(metadata_of(end).get("dbg"))
            yield Call(
                self.name, callee, arguments, call.result, self.module.attributes(rest), call.kind == "invoke", number, place,
                "" if callee else call.callee,
            )  # fmt: skip

    @cached_property
    def place(self) -> tuple[str, int] | None:
        """File and line of the definition, as debug information has it."""
        return self.module.subprogram(self.subprogram)


class Module:
    """One module. path: as given. language: rust, c, c++ or "", of the first unit that it is made of."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = Text(text)
        behind = self.text.lines[self.text.footer :]
        self.language = _language(behind)
        self.producer = _first(_IDENT, behind) or _first(_PRODUCER, behind)
        self._groups = {match[1]: match[2] for line in behind if (match := _GROUP.match(line))}

    @cached_property
    def functions(self) -> dict[str, Function]:
        """By name without @; a definition before a declaration. What is not understood is left out."""
        lines = self.text.lines
        found: dict[str, Function] = {}
        for number in self.text.declarations.values():
            self._add(found, number, ())
        for each in self.text.functions:
            self._add(found, each.start, tuple(lines[each.start + 1 : each.end]))
        return found

    @property
    def defined(self) -> Iterator[Function]:
        return (each for each in self.functions.values() if each.is_defined)

    @cached_property
    def constants(self) -> dict[str, str]:
        """Globals by name with @: what stands behind the equals sign."""
        last = self.text.functions[0].start if self.text.functions else len(self.text.lines)
        parts = (line.partition(" = ") for line in self.text.lines[:last] if line.startswith("@"))
        return {name: body for name, _, body in parts}

    @property
    def types(self) -> TypeTable:
        return self.text.types

    def _add(self, found: dict[str, Function], number: int, body: tuple[str, ...]) -> None:
        line = self.text.lines[number]
        try:
            header = parse_header(line)
            head = _HEAD.match(header.before + " ")
            if head is None:
                return
            words, at = skip_attributes(header.before + " ", head.end())
            result = Value(self.types.prefix(header.before, at)[0], tuple(words))
            parameters = tuple(self.value(each) for each in header.parameters if each != "...")
        except ValueError:  # target extension types and their like
            return
        name = bare(header.name).removeprefix("\\01")
        place = _SUBPROGRAM.search(header.after) or _SUBPROGRAM.search(header.before)
        found[name] = Function(
            name, head[1] or "", (head[2] or "").strip(), result, parameters, header.parameters[-1:] == ("...",),
            self.attributes(header.after), body or (("",) if line.startswith("define ") else ()), self,
            place[1] if place else None,
        )  # fmt: skip

    def value(self, text: str) -> Value:
        """A parameter or argument taken apart. Raises TypeSyntaxError."""
        kind, end = self.types.prefix(text)
        attributes, at = skip_attributes(text + " ", end + 1)
        return Value(kind, tuple(attributes), text[at:])

    def attributes(self, tail: str) -> frozenset[str]:
        """Those of the groups that stand behind a call or a function's parameters."""
        words: set[str] = set()
        for group in _GROUP_USE.findall(tail.split("!")[0]):
            words.update(_WORD.findall(self._groups.get(group, "")))
        return frozenset(words)

    def place(self, node: str | None) -> Place | None:
        """Where a !DILocation points: of code that was inlined from Rust's library, where it was called."""
        nodes, found = self.text.metadata.nodes, None
        for _ in range(_DEEPEST):
            body = nodes.get(node or "", "")
            if "!DILocation" not in body:
                break
            line, scope, outer = _LINE.search(body), _SCOPE.search(body), _INLINED.search(body)
            file = self._file(scope[1] if scope else "")
            if line and file:
                found = (file, int(line[1]))
                if not is_library(file):
                    break
            node = outer[1] if outer else None
        return found

    def subprogram(self, node: str | None) -> Place | None:
        """Where a !DISubprogram is defined."""
        line = _LINE.search(self.text.metadata.nodes.get(node or "", ""))
        file = self._file(node or "")
        return (file, int(line[1])) if line and file else None

    def _file(self, scope: str) -> str:
        nodes = self.text.metadata.nodes
        for _ in range(_DEEPEST):  # scopes nest; broken input must not make us loop
            body = nodes.get(scope, "")
            file, outer = _FILE.search(body), _SCOPE.search(body)
            body = nodes.get(file[1], "") if file else ""
            name, folder = _FILE_NAME.search(body), _FOLDER.search(body)
            if name:
                path = Path(unescaped(folder[1]) if folder else "") / unescaped(name[1])
                return os.path.normpath(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
            if outer is None:
                break
            scope = outer[1]
        return ""


def _first(pattern: re.Pattern[str], lines: list[str]) -> str:
    return next((match[1] for line in lines if (match := pattern.search(line))), "")


def _language(lines: list[str]) -> str:
    name = _first(_LANGUAGE, lines)
    if name:
        return "rust" if name == "DW_LANG_Rust" else "c++" if "C_plus_plus" in name else "c" if name[8:9] == "C" else ""
    ident = _first(_IDENT, lines)
    return "rust" if ident.startswith("rustc") else ""


def is_library(file: str) -> bool:
    """Is this a file of Rust's standard library?"""
    return bool(_LIBRARY.search(file))


def is_ir(data: bytes) -> bool:
    """By content: bitcode, or text that looks like a module."""
    return is_bitcode(data) or (b"\0" not in data and bool(_LOOKS_LIKE_TEXT.search(data, 0, _TOLD_BY_BYTES)))


def declares(data: bytes, names: frozenset[str]) -> bool:
    """Does a module declare one of these functions? Without reading its bodies. What cannot be read may: reading it says why."""
    if not any(name.encode() in data for name in names):
        return False
    try:
        with Llvm() as llvm:
            llvm.read(data, "bitcode" if is_bitcode(data) else "text")
            return bool(llvm.declared() & names)
    except (UnreadableModule, LlvmRefused):
        return True


def read(path: str, data: bytes, is_optimised: bool = False) -> tuple[Module, Module]:
    """As it was compiled, with variables as values and LLVM's inferences; and what -O1 makes of it. Raises AuditError.

    is_optimised: it comes from -O1, so that both are the same.
    """
    try:
        with Llvm() as llvm:
            read_module(llvm, data)
            if not is_optimised:
                llvm.promote()
            llvm.infer()
            plain = Module(path, llvm.text())
            if is_optimised:
                return plain, plain
            llvm.simplify()
            llvm.infer()
            return plain, Module(path, llvm.text())
    except (UnreadableModule, LlvmRefused) as error:
        raise AuditError(f"{path}: {error}") from error
