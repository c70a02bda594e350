"""How values travel in a call on x86-64, and whether two sides agree on it.

Invariant: what two compilers lower differently but pass in the same registers is no difference: a structure as
one value or as its parts, a pointer or a word, a vector of floats or a double. Source: System V ABI x86-64
3.2.3; LLVM LangRef on zeroext and signext: the callee trusts the caller to have extended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function, Value
    from llvm_pass.ir.types import Type

_WORD_BYTES = 8
_WHOLE = (1, 2, 4, 8)
_BOOL_BITS = 1


@dataclass(frozen=True)
class Piece:
    """What takes one register, or a place on the stack. bits: of the value. extended: zeroext, signext or ""."""

    kind: Literal["integer", "float", "memory", "result", "other"]
    bits: int
    extended: str = ""
    alone: bool = True  # no part of a structure

    def __str__(self) -> str:
        if self.kind in ("memory", "result"):
            return f"{self.bits // 8} bytes {'by value in memory' if self.kind == 'memory' else 'through a hidden pointer'}"
        if self.bits == _BOOL_BITS:
            return "bool"
        sign = {"zeroext": "unsigned ", "signext": "signed "}.get(self.extended, "")
        return f"{sign}{self.bits}-bit {self.kind}"


@dataclass(frozen=True)
class Difference:
    """text: what the two sides think. grade: harm (wrong values read), loss (values cut short), form (works on x86-64)."""

    where: str
    text: str
    grade: Literal["harm", "loss", "form"]


def _pieces(kind: Type, extended: str, alone: bool = True) -> list[Piece]:
    if kind.kind == "pointer":
        return [Piece("integer", 64, "", alone)]
    if kind.kind == "integer":
        if kind.bits > 64:
            return [Piece("integer", 64, "", False)] * -(-kind.bits // 64)
        return [Piece("integer", kind.bits, extended, alone)]
    if kind.kind == "float" and kind.store_bytes <= _WORD_BYTES:
        return [Piece("float", kind.store_bytes * 8, "", alone)]
    if kind.kind == "vector" and kind.store_bytes <= _WORD_BYTES:
        return [Piece("float", kind.store_bytes * 8, "", False)]
    if kind.kind == "struct":
        return [piece for part in kind.parts for piece in _pieces(part, "", False)]
    if kind.kind == "array":
        return (
            [piece for piece in _pieces(kind.parts[0], "", False) for _ in range(kind.count)] if kind.count <= 8 else []
        )
    if kind.kind == "void":
        return []
    return [Piece("other", kind.store_bytes * 8, "", False)]


def _of(function: Function, value: Value) -> list[Piece]:
    types = function.module.types
    for word in value.attributes:
        for mark, kind in (("byval(", "memory"), ("sret(", "result")):
            if word.startswith(mark):
                return [Piece(kind, types.parse(word[len(mark) : -1]).alloc_bytes * 8)]  # type: ignore[arg-type]
    extended = next((word for word in value.attributes if word in ("zeroext", "signext")), "")
    return _pieces(value.type, extended)


def _split(function: Function) -> tuple[list[Piece], list[Piece]]:
    """Result and parameters."""
    result = _of(function, function.result)
    parameters = [piece for each in function.parameters for piece in _of(function, each)]
    hidden = [piece for piece in parameters if piece.kind == "result"]
    return hidden or result, [piece for piece in parameters if piece.kind != "result"]


def differences(declared: Function, defined: Function) -> list[Difference]:
    """What the caller's declaration and the definition do not agree on. Raises TypeSyntaxError for types unknown."""
    result, parameters = _split(declared)
    real_result, real_parameters = _split(defined)
    found = _results(result, real_result)
    if declared.variadic and not parameters and not declared.parameters:
        return found  # declared without a prototype
    if len(parameters) != len(real_parameters) and not (declared.variadic or defined.variadic):
        more = len(parameters) > len(real_parameters)
        text = f"{len(parameters)} are declared, {len(real_parameters)} defined"
        found.append(Difference("parameters", text, "form" if more else "harm"))
    elif declared.variadic != defined.variadic:
        words = ("variadic", "not variadic")
        text = f"declared {words[not declared.variadic]}, defined {words[not defined.variadic]}"
        found.append(Difference("parameters", text, "loss" if defined.variadic else "form"))
        if len(parameters) < len(real_parameters):
            return found
    for number, (mine, real) in enumerate(zip(parameters, real_parameters, strict=False), 1):
        grade = _parameter(mine, real)
        if grade:
            found.append(Difference(f"parameter {number}", f"declared {mine}, defined {real}", grade))
    return found


def _parameter(mine: Piece, real: Piece) -> Literal["harm", "loss", "form"] | None:
    if mine.kind != real.kind:
        return None if "other" in (mine.kind, real.kind) else "harm"
    if mine.kind == "memory":
        return "harm" if mine.bits != real.bits else None
    if mine.kind == "float":
        return "harm" if mine.bits != real.bits and mine.alone and real.alone else None
    if mine.kind != "integer" or not (mine.alone and real.alone):
        return None
    if mine.bits == real.bits or (_BOOL_BITS in (mine.bits, real.bits) and max(mine.bits, real.bits) <= 8):
        # Below 32 bits the callee reads the upper ones as it believes them to be.
        both = mine.extended and real.extended
        return "harm" if both and mine.extended != real.extended and mine.bits > _BOOL_BITS else None
    if mine.bits < real.bits:
        return "harm" if real.bits > 32 and mine.bits >= 8 else None  # up to 32 bits callers extend
    return "loss"


def _results(mine: list[Piece], real: list[Piece]) -> list[Difference]:
    if not mine or any(each.kind == "other" for each in (*mine, *real)):
        return (
            []
            if not (real and real[0].kind == "result")
            else [Difference("result", f"declared none, defined {real[0]}", "harm")]
        )
    if not real:
        return [Difference("result", f"declared {mine[0]}, defined none", "harm")]
    one, other = mine[0], real[0]
    text = f"declared {one}, defined {other}"
    if [each.kind for each in mine] != [each.kind for each in real]:
        return [Difference("result", text, "harm")]
    if one.kind == "result":
        if one.bits == other.bits:
            return []
        return [Difference("result", text, "harm" if one.bits < other.bits else "form")]
    if not (one.alone and other.alone) or len(mine) > 1:
        return []
    if one.bits == other.bits:
        both = one.extended and other.extended and one.extended != other.extended
        return [Difference("result", text, "harm")] if both and one.bits > _BOOL_BITS else []
    if one.kind == "float" or one.bits > other.bits > _BOOL_BITS:
        return [Difference("result", text, "harm")]
    if one.bits == _BOOL_BITS and other.bits > 8:
        return [Difference("result", text, "harm")]  # anything but 0 and 1 is no bool
    return (
        [Difference("result", text, "loss")]
        if one.bits < other.bits and _BOOL_BITS not in (one.bits, other.bits)
        else []
    )
