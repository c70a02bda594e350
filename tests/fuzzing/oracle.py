"""What LLVM says of a module, beside what the line model reads in its text.

LLVM's own objects (llvmlite's ValueRefs: opcodes, operands, names, types) are the oracle;
nothing here looks at text except by the line model's own functions, and by the rules that
LLVM numbers and quotes names by. `differences` gives a line for each thing that was read
wrong: functions, headers, blocks, instructions, accesses and their pointers, callees,
arguments, definitions, steps back from a pointer, phis and selects, sizes of types.

pre: the text is what LLVM prints of the module (canonical). Source: LLVM LangRef,
"Identifiers"; lib/IR/AsmWriter.cpp, SlotTracker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import llvmlite.binding as llvm

from llvm_pass.analysis.loops import blocks_of
from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.copyable import Uncopyable, defined_name, result_type
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.module import Function, Module, predecessors
from llvm_pass.ir.signature import read_definition
from llvm_pass.ir.syntax import argument_value, groups_of, metadata_of, parse_call, parse_header
from llvm_pass.ir.types import TypeSyntaxError
from llvm_pass.passes import access

# What a module with a layout string is measured by; others have LLVM's default one.
LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
CALLS = frozenset(("call", "invoke", "callbr"))
ACCESSES = frozenset(("load", "store", "atomicrmw", "cmpxchg", "va_arg")) | CALLS
_POINTER_OPERAND = {"load": 0, "store": 1, "atomicrmw": 0, "cmpxchg": 0}
_PATTERNS = {"load": access._LOAD, "store": access._STORE, "atomicrmw": access._RMW, "cmpxchg": access._CMPXCHG}
_POINTER_GROUP = {"load": 4, "store": 3, "atomicrmw": 4, "cmpxchg": 3}
_TYPE_GROUP = {"load": 2, "store": 1, "atomicrmw": 5, "cmpxchg": 4}
_OPCODE = re.compile(r'^  (?:%(?:[\w.$-]+|"[^"]*") = )?(?:tail |musttail |notail )?([a-z]\w*)')
_PLAIN_NAME = re.compile(rb"[-a-zA-Z._][-a-zA-Z0-9._]*")
_MOST = 20  # differences of one module that are worth reading


def canonical(source: str | bytes) -> tuple[llvm.ModuleRef, str]:
    """Text or bitcode as LLVM reads and prints it. Raises RuntimeError for what LLVM refuses."""
    context = llvm.create_context()
    parse = llvm.parse_bitcode if isinstance(source, bytes) else llvm.parse_assembly
    module = parse(source, context)
    module.verify()
    return module, str(module)


def differences(source: str | bytes) -> list[str]:
    """Everything that the line model reads other than LLVM. Raises RuntimeError for what LLVM refuses."""
    module, text = canonical(source)
    found: list[str] = []
    for line in _compare(module, text):
        found.append(line)
        if len(found) == _MOST:
            break
    return found


def _compare(theirs: llvm.ModuleRef, text: str) -> Iterator[str]:
    ours = Module(text)
    if str(ours) != text:
        yield "the text does not come back"
    unchanged = "\n".join(Edits(ours).lines())
    if unchanged.rstrip("\n") != text.rstrip("\n"):
        yield "no edits change the text"
    again = str(llvm.parse_assembly(unchanged, llvm.create_context()))
    if _settled(again) != _settled(text):
        yield "LLVM prints something else after reading its own print"
    theirs_defined = [f for f in theirs.functions if not f.is_declaration]
    names = [_global(f) for f in theirs_defined]
    if [f.name for f in ours.functions] != names:
        yield f"functions {[f.name for f in ours.functions]}, not {names}"
        return
    declared = {_global(f) for f in theirs.functions if f.is_declaration}
    if ours.declarations.keys() != declared:
        yield f"declarations {sorted(ours.declarations)}, not {sorted(declared)}"
    for function in theirs.functions:
        if function.is_declaration and _global(function) in ours.declarations:
            yield from _declaration(ours, function)
    layout = llvm.create_target_data(theirs.data_layout or LAYOUT)
    for mine, function in zip(ours.functions, theirs_defined, strict=True):
        for said in _Compared(ours, mine, function, layout).run():
            yield f"{mine.name}: {said}"


def _settled(text: str) -> list[str]:
    """All that is the module's own. Not so: the input's name, which comes from where it was read; the order of
    predecessors, which is that of use lists; an empty `module asm`, which LLVM prints and then drops."""
    lines = []
    for line in text.split("\n"):
        before, preds, listed = line.partition("; preds = ")
        if line != 'module asm ""' and not line.startswith("; ModuleID = "):
            lines.append(before + ", ".join(sorted(listed.split(", "))) if preds else line)
    return lines


def _declaration(ours: Module, theirs: Any) -> Iterator[str]:
    header = parse_header(ours.lines[ours.declarations[_global(theirs)]])
    if header.text() != ours.lines[ours.declarations[_global(theirs)]]:
        yield f"declaration of {header.name} does not come back"
    count = len([text for text in header.parameters if text != "..."])
    if count != len(list(theirs.arguments)):
        yield f"declaration of {header.name} has {count} parameters, not {len(list(theirs.arguments))}"


def _bytes_name(value: Any) -> bytes:
    return bytes(llvm.ffi.lib.LLVMPY_GetValueName(value))


def printed(sigil: str, name: bytes) -> str:
    """A name as LLVM writes it, quoted where it must be."""
    if _PLAIN_NAME.fullmatch(name):
        return sigil + name.decode()
    quoted = "".join(
        "\\\\" if char == 0x5C else chr(char) if 0x20 <= char < 0x7F and char != 0x22 else f"\\{char:02X}"
        for char in name
    )
    return f'{sigil}"{quoted}"'


def _global(value: Any) -> str:
    return printed("@", _bytes_name(value))


def _address(value: Any) -> int:
    return int(llvm.ffi.ctypes.cast(value._ptr, llvm.ffi.ctypes.c_void_p).value or 0)


_NOWHERE = re.compile(r"ptr (?:null|undef|poison)")


class _Compared:
    """One function of both."""

    def __init__(self, ours: Module, mine: Function, theirs: Any, layout: llvm.TargetData) -> None:
        self._ours, self._mine, self._theirs, self._layout = ours, mine, theirs, layout
        self._blocks = [(block, list(block.instructions)) for block in theirs.blocks]
        self._names: dict[int, str] = {}
        self._number()

    def _number(self) -> None:
        """Names of all local values: their own, or the next number."""
        count = 0

        def add(value: Any) -> None:
            nonlocal count
            name = _bytes_name(value)
            if name:
                self._names[_address(value)] = printed("%", name)
            else:
                self._names[_address(value)] = f"%{count}"
                count += 1

        for argument in self._theirs.arguments:
            add(argument)
        for block, instructions in self._blocks:
            add(block)
            for instruction in instructions:
                if instruction.type.type_kind != llvm.TypeKind.void:
                    add(instruction)

    def _operand(self, value: Any) -> str | None:
        """Its name when it is a local value, None for a constant."""
        return self._names.get(_address(value))

    def run(self) -> Iterator[str]:
        yield from self._header()
        lines = self._ours.lines
        numbers = [
            number
            for number in range(self._mine.start + 1, self._mine.end)
            if lines[number][:2] == "  " and lines[number][2] not in " ]"
        ]
        flat = [instruction for _, instructions in self._blocks for instruction in instructions]
        read = [match.group(1) if (match := _OPCODE.match(lines[number])) else "" for number in numbers]
        opcodes = [instruction.opcode for instruction in flat]
        if read != opcodes:
            yield f"instructions {read}, not {opcodes}"
            return
        roots = Roots(self._ours, self._mine)
        yield from self._labels()
        wanted = [(number, opcode) for number, opcode in zip(numbers, opcodes, strict=True) if opcode in ACCESSES]
        seen = [(number, opcode) for number, opcode in roots.accesses]
        plain = [(number, "call" if opcode in CALLS else opcode) for number, opcode in wanted]
        if [(number, "call" if opcode in CALLS else opcode) for number, opcode in seen] != plain:
            yield f"accesses {seen}, not {wanted}"
            return
        for number, instruction in zip(numbers, flat, strict=True):
            for said in self._instruction(roots, number, instruction):
                yield f"{said} in '{lines[number].strip()[:300]}'"
        yield from self._places(roots, flat, numbers)

    def _header(self) -> Iterator[str]:
        header, theirs = self._mine.header, self._theirs
        if header.text() != self._ours.lines[self._mine.start]:
            yield "the header does not come back"
        names = [self._operand(argument) for argument in theirs.arguments]
        fixed = [text for text in header.parameters if text != "..."]
        if [argument_value(text) for text in fixed] != names:
            yield f"parameters {header.parameters}, not {names}"
        try:
            definition = read_definition(self._ours.types, header.before, header.parameters, header.after)
        except TypeSyntaxError as error:
            yield f"header with a type that is not understood: {error}"
            return
        if list(definition.names) != names:
            yield f"parameters named {definition.names}, not {names}"
        linkage = {"": "external"}.get(definition.linkage, definition.linkage)
        if linkage != theirs.linkage.name.removesuffix("_any"):
            yield f"linkage {linkage}, not {theirs.linkage.name}"
        if (definition.visibility or "default") != theirs.visibility.name:
            yield f"visibility {definition.visibility}, not {theirs.visibility.name}"
        kind = theirs.global_value_type
        if definition.signature.variadic != kind.is_function_vararg:
            yield "variadic or not"
        types = [(definition.signature.result.kind, kind.get_function_return())]
        types += zip(
            (value.kind for value in definition.signature.parameters), kind.get_function_parameters(), strict=True
        )
        for mine, real in types:
            yield from self._type(mine, real)

    def _labels(self) -> Iterator[str]:
        wanted = [self._names[_address(block)] for block, _ in self._blocks]
        entry_named = bool(_bytes_name(self._blocks[0][0]))
        labels = list(self._mine.blocks)
        if labels != wanted[0 if entry_named else 1 :]:
            yield f"blocks {labels}, not {wanted}"
        blocks = blocks_of(self._ours.lines, self._mine)
        if list(blocks) != wanted:
            yield f"blocks {list(blocks)}, not {wanted}"
            return
        before: dict[str, set[str]] = {name: set() for name in wanted}
        for name, (_, instructions) in zip(wanted, self._blocks, strict=True):
            followed = {self._operand(operand) or "" for operand in instructions[-1].operands} & before.keys()
            if set(blocks[name].successors) != followed:
                yield f"block {name} leads to {blocks[name].successors}, not to {sorted(followed)}"
            for target in followed:
                before[target].add(name)
        for name, line in self._mine.blocks.items():
            read = set(predecessors(self._ours.lines[line]))
            if read != before.get(name):
                yield f"block {name} follows {sorted(read)}, not {sorted(before.get(name, ()))}"

    def _instruction(self, roots: Roots, number: int, instruction: Any) -> Iterator[str]:
        opcode, line = instruction.opcode, self._ours.lines[number]
        operands = list(instruction.operands)
        for kind, node in metadata_of(line).items():
            if node not in self._ours.metadata.nodes:
                yield f"!{kind} {node}, which is no node,"
        name = self._operand(instruction)
        if name is not None and (roots.line_of(name), roots.opcode_of(name)) != (number, opcode):
            yield f"{name} is defined by line {roots.line_of(name)} ({roots.opcode_of(name)}), not {number}"
        if defined_name(line) != name:
            yield f"defines {defined_name(line)}, not {name}"
        elif name is not None:
            yield from self._result(line, instruction)
        if opcode in _POINTER_OPERAND:
            yield from self._access(opcode, line, instruction, operands)
        elif opcode in CALLS:
            yield from self._call(opcode, line, instruction, operands)
        elif name is not None and instruction.type.is_pointer:
            yield from self._step(roots, name, opcode, instruction, operands)

    def _result(self, line: str, instruction: Any) -> Iterator[str]:
        try:
            found = result_type(self._ours.types, line)
        except Uncopyable:
            return
        kind = str(instruction.type)
        if kind.startswith("%"):  # llvmlite prints a named structure with its body
            kind = kind.split(" = type ")[0]
        if found != kind:
            yield f"result of type {found}, not {kind}"

    def _access(self, opcode: str, line: str, instruction: Any, operands: list[Any]) -> Iterator[str]:
        pointer = self._operand(operands[_POINTER_OPERAND[opcode]])
        match = groups_of(_PATTERNS[opcode], line)
        found = match[_POINTER_GROUP[opcode]] if match else None
        if found != pointer:
            yield f"access through {found}, not {pointer}"
        if match is None:
            return
        value = instruction if opcode == "load" else operands[0 if opcode == "store" else 1]
        text = match[_TYPE_GROUP[opcode]]
        try:
            kind, end = self._ours.types.prefix(text)
        except TypeSyntaxError as error:
            if "target(" not in line:
                yield f"type not understood: {error}"
            return
        if opcode == "load" and end != len(text):
            yield f"type {text} is read as {kind.text}"
        yield from self._type(kind, value.type)
        if opcode == "store" and argument_value(text) != self._operand(operands[0]):
            yield f"stored value {argument_value(text)}, not {self._operand(operands[0])}"

    def _call(self, opcode: str, line: str, instruction: Any, operands: list[Any]) -> Iterator[str]:
        call = parse_call(line)
        if call is None:
            yield "no call was read"
            return
        callee = operands[-1]
        wanted = self._operand(callee)
        if wanted is None:
            wanted = _callee(callee)
        if wanted is not None and call.callee != wanted:
            yield f"callee {call.callee}, not {wanted}"
        if wanted is None and call.callee:
            plain = any(word in line for word in ("dso_local_equivalent", "no_cfi"))
            if not plain:
                yield f"callee {call.callee}, where it is a constant expression"
        if call.kind != opcode:
            yield f"a {call.kind}, not {opcode}"
        if call.callee and wanted is not None:
            names = [argument_value(text) for text in call.arguments if not text.startswith("metadata ")]
            theirs = [
                self._operand(each)
                for each in operands
                if each.type.type_kind not in (llvm.TypeKind.metadata, llvm.TypeKind.label)
            ]
            if names != theirs[: len(names)]:
                yield f"arguments {names}, not {theirs}"
        result = call.result if instruction.type.type_kind != llvm.TypeKind.void else None
        if result != call.result or (call.result or None) != self._operand(instruction):
            yield f"result {call.result}, not {self._operand(instruction)}"

    def _step(self, roots: Roots, name: str, opcode: str, instruction: Any, operands: list[Any]) -> Iterator[str]:
        if opcode in ("getelementptr", "freeze", "bitcast") and not operands[0].type.is_vector:
            before = roots._before(name)
            if before != self._operand(operands[0]):
                yield f"one step back from {name} is {before}, not {self._operand(operands[0])}"
        elif opcode in ("phi", "select") and " ptr" in instruction.type.name + " ptr":
            in_space = "addrspace" in str(instruction.type)
            merge = roots._merge_of(name)
            if merge is None:
                if not in_space and "vector" not in str(instruction.type):
                    yield f"{opcode} {name} is not read"
                return
            values = operands if opcode == "phi" else operands[1:]
            # What leads nowhere has no origin.
            leads = [not _NOWHERE.fullmatch(str(value)) for value in values]
            wanted = [self._operand(value) for value, goes in zip(values, leads, strict=True) if goes]
            if merge.partial != (not all(leads)):
                yield f"{name} is partial: {merge.partial}"
            if [value for value, _ in merge.inputs] != wanted:
                yield f"inputs {merge.inputs}, not {wanted}"
            if opcode == "phi":
                incoming = zip(instruction.incoming_blocks, leads, strict=True)
                blocks = [self._names[_address(block)] for block, goes in incoming if goes]
                if [block for _, block in merge.inputs] != blocks:
                    yield f"inputs {merge.inputs} from {blocks}"

    def _places(self, roots: Roots, flat: list[Any], numbers: list[int]) -> Iterator[str]:
        """Where entries are computed: among the entry block's first instructions."""
        first = len(self._blocks[0][1])
        leading = 0
        while leading < first and flat[leading].opcode == "alloca":
            leading += 1
        last_alloca = numbers[leading - 1] if leading else None
        if last_alloca is not None and roots.first_line != last_alloca + 1:
            yield f"the first line behind the allocas is {roots.first_line}, not {last_alloca + 1}"
        if not self._mine.start < roots.entry_line <= numbers[0]:
            yield f"the entry block starts at {roots.entry_line}, not at {numbers[0]}"

    def _type(self, mine: Any, real: Any) -> Iterator[str]:
        if mine.kind in ("other", "void"):
            return
        nbytes = self._layout.get_abi_size(real)
        if nbytes != mine.alloc_bytes:
            yield f"type {mine.text} takes {mine.alloc_bytes} bytes, not {nbytes}"
        align = self._layout.get_abi_alignment(real)
        if self._layout.get_abi_size(real) and align != mine.align_bytes:
            yield f"type {mine.text} is aligned to {mine.align_bytes}, not {align}"


def _callee(value: Any) -> str | None:
    """A constant callee as the line model names it: a global, "asm", or None for an expression."""
    try:
        kind = value.value_kind
    except ValueError:  # llvmlite does not know the newest constants
        return None
    if kind == llvm.ValueKind.inline_asm:
        return "asm"
    named = (
        llvm.ValueKind.function,
        llvm.ValueKind.global_ifunc,
        llvm.ValueKind.global_alias,
        llvm.ValueKind.global_variable,
    )
    return _global(value) if kind in named else None
