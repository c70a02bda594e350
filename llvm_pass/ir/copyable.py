"""Instructions that may stand twice, and the types of what they define.

Invariant: result_type answers only for instructions without effects besides loading, whose
copy under another name means the same. Source: LLVM LangRef, "Instruction Reference".
"""

from __future__ import annotations

import re

from llvm_pass.ir.syntax import LOCAL, parse_call, skip_attributes, split_list
from llvm_pass.ir.types import TypeSyntaxError, TypeTable


class Uncopyable(Exception):
    """The instruction must stand once, or its type is not plain to see."""


_DEFINITION = re.compile(rf"^  ({LOCAL}) = (?:tail )?([a-z]\w*) ")
_FLAGS = re.compile(
    r"(?:(?:nuw|nsw|nusw|exact|disjoint|nneg|samesign|fast|nnan|ninf|nsz|arcp|contract|afn|reassoc|inbounds|volatile) )*"
)
_FIRST_TYPE = frozenset(
    "add sub mul udiv sdiv urem srem shl lshr ashr and or xor fadd fsub fmul fdiv frem fneg freeze load".split()
)
_CASTS = frozenset(
    "trunc zext sext fptrunc fpext fptoui fptosi uitofp sitofp ptrtoint ptrtoaddr inttoptr bitcast addrspacecast".split()
)
_PREDICATE = re.compile(r"[a-z]+ ")
_PURE = re.compile(
    r"@llvm\.(?:[us](?:min|max)|abs|bswap|bitreverse|ctpop|ctlz|cttz|fsh[lr]|[us](?:add|sub|shl)\.sat|"
    r"[us](?:add|sub|mul)\.with\.overflow|fabs|sqrt|fma|fmuladd|copysign|minnum|maxnum|floor|ceil|trunc|rint|"
    r"nearbyint|round|roundeven|canonicalize|vector\.reduce\.\w+)\.[\w.]+"
)


def defined_name(line: str) -> str | None:
    """The value that an instruction defines, with its %; None when it defines none."""
    match = _DEFINITION.match(line)
    return match.group(1) if match else None


def result_type(types: TypeTable, line: str) -> str:
    """The type of what the instruction defines, as text. Raises Uncopyable."""
    match = _DEFINITION.match(line)
    if match is None:
        raise Uncopyable(line)
    opcode, at = match.group(2), match.end()
    try:
        if opcode in _FIRST_TYPE:
            if line.startswith("atomic ", at):
                at += len("atomic ")
            return _type_at(types, line, at)
        if opcode in _CASTS:
            return types.prefix(line, line.rindex(" to ") + 4)[0].text
        if opcode in ("icmp", "fcmp"):
            return _comparison(types, line, at)
        if opcode == "getelementptr" and ", <" not in line and "addrspace(" not in line:
            return "ptr"
        if opcode == "select":
            chosen = split_list(line[_flags_end(line, at) :])[1]
            return types.prefix(chosen)[0].text
        if opcode in ("extractelement", "insertelement"):
            vector = types.prefix(line, at)[0]
            return vector.parts[0].text if opcode == "extractelement" else vector.text
        if opcode == "call":
            return _intrinsic(types, line)
    except (TypeSyntaxError, IndexError, ValueError) as error:
        raise Uncopyable(line) from error
    raise Uncopyable(line)


def _flags_end(line: str, at: int) -> int:
    match = _FLAGS.match(line, at)
    assert match is not None
    return match.end()


def _type_at(types: TypeTable, line: str, at: int) -> str:
    return types.prefix(line, _flags_end(line, at))[0].text


def _comparison(types: TypeTable, line: str, at: int) -> str:
    at = _flags_end(line, at)
    predicate = _PREDICATE.match(line, at)
    if predicate is None:
        raise Uncopyable(line)
    compared = types.prefix(line, predicate.end())[0]
    return f"<{compared.count} x i1>" if compared.kind == "vector" else "i1"


def _intrinsic(types: TypeTable, line: str) -> str:
    call = parse_call(line)
    if call is None or not _PURE.fullmatch(call.callee):
        raise Uncopyable(line)
    at = _flags_end(call.signature, 0)
    _, at = skip_attributes(call.signature, at)
    return types.prefix(call.signature, at)[0].text
