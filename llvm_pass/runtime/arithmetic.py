"""What atomicrmw computes, for operations that the runtime has no function for.

Source: LLVM LangRef, "atomicrmw Instruction".
"""

from __future__ import annotations

from llvm_pass.ir.types import Type

_PLAIN = {"fadd": "fadd", "fsub": "fsub"}
_INTRINSICS = {
    "fmax": "maxnum",
    "fmin": "minnum",
    "fmaximum": "maximum",
    "fminimum": "minimum",
    "usub_sat": "usub.sat",
}
_WRAPPING = {
    # old >= operand ? 0 : old + 1
    "uinc_wrap": ("add {t} %old, 1", "icmp uge {t} %old, %operand", "{t} 0, {t} %moved"),
    # old == 0 or old > operand ? operand : old - 1; 0 - 1 is greater than any operand
    "udec_wrap": ("sub {t} %old, 1", "icmp uge {t} %moved, %operand", "{t} %operand, {t} %moved"),
    # old >= operand ? old - operand : old
    "usub_cond": ("sub {t} %old, %operand", "icmp uge {t} %old, %operand", "{t} %moved, {t} %old"),
}
_FLOATS = {"half": "f16", "bfloat": "bf16", "float": "f32", "double": "f64"}

# Operations that have a retried form; those of abi.RMW have a function.
RETRIED = frozenset((*_PLAIN, *_INTRINSICS, *_WRAPPING))


def new_value(operation: str, kind: Type) -> tuple[str, str]:
    """IR that makes %new of %old and %operand, and the intrinsic that it calls or "". pre: in RETRIED."""
    text = kind.text
    if operation in _PLAIN:
        return f"  %new = {_PLAIN[operation]} {text} %old, %operand", ""
    if operation in _INTRINSICS:
        name = f"@llvm.{_INTRINSICS[operation]}.{_mangled(kind)}"
        return f"  %new = call {text} {name}({text} %old, {text} %operand)", name
    moved, test, sides = (part.format(t=text) for part in _WRAPPING[operation])
    return f"  %moved = {moved}\n  %test = {test}\n  %new = select i1 %test, {sides}", ""


def _mangled(kind: Type) -> str:
    if kind.kind == "vector":
        return f"v{kind.count}{_mangled(kind.parts[0])}"
    return f"i{kind.bits}" if kind.kind == "integer" else _FLOATS[kind.text]
