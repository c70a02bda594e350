"""Signatures as gates and thunks need them: types, and the attributes that decide how values travel.

Invariant: a gate has exactly its function's calling convention, types and ABI
attributes; anything less would read arguments from the wrong registers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llvm_pass.ir.syntax import skip_attributes
from llvm_pass.ir.types import Type, TypeTable

_ABI = re.compile(
    r"(?:signext|zeroext|noext|inreg|nest|swiftself|swiftasync|swifterror|(?:byval|byref|sret|inalloca|preallocated)\(.*\))$"
)
_FAST_MATH = re.compile(r"(?:nnan|ninf|nsz|arcp|contract|afn|reassoc|fast) ")
_CONVENTION = re.compile(
    r"(\w*cc|cc ?\d+|x86_\w+|intel_ocl_bicc|(?:aarch64|amdgpu|arm|avr|msp430|ptx|riscv|spir)_\w+(?:\(\d+\))?) "
)
_LINKAGE = re.compile(
    r"define (?:(private|internal|available_externally|linkonce_odr|linkonce|weak_odr|weak|external) )?"
    r"(?:(?:dso_local|dso_preemptable) )?(?:(default|hidden|protected) )?(?:(?:dllimport|dllexport) )?"
)
_AFTER = re.compile(
    r"^((?: (?:local_)?unnamed_addr)?(?: addrspace\(\d+\))?)((?: #\d+)*)(?: section \"[^\"]*\")?(?: partition \"[^\"]*\")?"
    r'( comdat(?:\(\$(?:[\w.$-]+|"[^"]*")\))?)?((?: align \d+)?)((?: (?:gc|prefix|prologue|personality|!|\{).*)?)$'
)
_COPIED = re.compile(r"byval\((.*?)\)(?: align \d+)?$")
_WRITTEN = re.compile(r"sret\((.*)\)$")
_BY_VALUE = ("byval(", "byref(", "inalloca(", "preallocated(")


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter or a result: its type, and what decides where it travels."""

    kind: Type
    attributes: str  # "signext", 'byval(%struct.s) align 8', or ""

    @property
    def in_memory(self) -> bool:
        """Passed as a copy on the stack: the pointer is not one that anybody lent."""
        return self.attributes.startswith(("byval(", "inalloca(", "preallocated("))

    @property
    def in_place(self) -> bool:
        """Built by the caller where the callee will find it: nobody else can call."""
        return self.attributes.startswith(("inalloca(", "preallocated("))

    def copied(self, types: TypeTable) -> Type | None:
        """What lies behind a byval pointer: a copy that belongs to the callee."""
        match = _COPIED.match(self.attributes)
        return types.parse(match.group(1)) if match else None

    def written(self, types: TypeTable) -> Type | None:
        """What lies behind an sret pointer: the result, written by the callee."""
        match = _WRITTEN.match(self.attributes)
        return types.parse(match.group(1)) if match else None

    def text(self) -> str:
        """As a parameter or argument without its value, or as a result."""
        return f"{self.kind.text} {self.attributes}".rstrip()


@dataclass(frozen=True, slots=True)
class Signature:
    """Everything but names. convention: "" or "fastcc"."""

    convention: str
    result: Value
    parameters: tuple[Value, ...]
    variadic: bool

    def returns(self) -> str:
        """What stands between define or call and the name."""
        words = (self.convention, self.result.attributes, self.result.kind.text)
        return " ".join(word for word in words if word)

    @property
    def is_void(self) -> bool:
        """Has it no result?"""
        return self.result.kind.kind == "void"


def _abi(attributes: list[str]) -> str:
    kept = [word for word in attributes if _ABI.match(word)]
    if any(word.startswith(_BY_VALUE) for word in kept):
        kept += [word for word in attributes if word.startswith("align ")]
    kept.sort(key=lambda word: not word.startswith(_BY_VALUE))
    return " ".join(kept)


def read_value(types: TypeTable, text: str) -> tuple[Value, str]:
    """A parameter or argument taken apart: (type and ABI attributes, value). Raises TypeSyntaxError."""
    kind, end = types.prefix(text)
    attributes, at = skip_attributes(text + " ", end + 1)
    return Value(kind, _abi(attributes)), text[at:]


def read_returns(types: TypeTable, text: str) -> tuple[str, Value, str]:
    """ "fastcc noundef zeroext i8" taken apart: (convention, result, what is left over)."""
    start = 0
    while match := _FAST_MATH.match(text, start):
        start = match.end()
    convention = ""
    match = _CONVENTION.match(text, start)
    if match:
        convention, start = match.group(1), match.end()
    attributes, start = skip_attributes(text, start)
    kind, end = types.prefix(text, start)
    return convention, Value(kind, _abi(attributes)), text[end:].strip()


@dataclass(frozen=True, slots=True)
class Definition:
    """A define line taken apart as far as gates need it."""

    linkage: str  # "" for external
    visibility: str
    before: str  # linkage to visibility, as it stands, with "define" and a blank
    signature: Signature
    returns_text: str  # convention, all return attributes and type, as they stand
    names: tuple[str, ...]  # of the parameters
    address: str  # " local_unnamed_addr" or "", and the address space
    groups: tuple[str, ...]  # attribute groups
    comdat: str  # " comdat", " comdat($x)" or ""
    align: str
    tail: str  # gc, prefix, personality, metadata, brace


def read_definition(types: TypeTable, before: str, parameters: tuple[str, ...], after: str) -> Definition:
    """The parts of a define line (a Header's). Raises TypeSyntaxError, ValueError."""
    linkage = _LINKAGE.match(before + " ")
    rest = _AFTER.match(after)
    if linkage is None or rest is None:
        raise ValueError(f"this define line is not understood: {before} ...{after}")
    returns_text = before[linkage.end() :]
    convention, result, _ = read_returns(types, returns_text)
    variadic = bool(parameters) and parameters[-1] == "..."
    read = [read_value(types, text) for text in parameters if text != "..."]
    signature = Signature(convention, result, tuple(value for value, _ in read), variadic)
    return Definition(
        linkage.group(1) or "", linkage.group(2) or "", linkage.group(0), signature, returns_text,
        tuple(name for _, name in read), rest.group(1), tuple(rest.group(2).split()), rest.group(3) or "",
        rest.group(4), rest.group(5),
    )  # fmt: skip
