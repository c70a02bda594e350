"""Types as LLVM prints them: where one ends, how many bytes it takes, where its pointers are.

Invariant: `store_bytes` is exactly what a load or store of the type touches on
x86-64 (LLVM's DataLayout::getTypeStoreSize); a check that is one byte short or
long is a hole or a false alarm. Source: LLVM LangRef, "Type System" and "Data
Layout"; System V ABI x86-64 for alignments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from llvm_pass.ir.syntax import closing

_FLOATS = {
    "half": (2, 2),
    "bfloat": (2, 2),
    "float": (4, 4),
    "double": (8, 8),
    "x86_fp80": (10, 16),
    "fp128": (16, 16),
    "ppc_fp128": (16, 16),
}
_WORD = re.compile(r'%(?:[\w.$-]+|"[^"]*")|[a-z]\w*(?: addrspace\(\d+\))?')
_SPACE = re.compile(r"ptr addrspace\((\d+)\)")
_NARROW = frozenset(("270", "271"))  # x86: pointers of 32 bits
_SIZED = re.compile(r"[<\[]\s*(vscale x )?(\d+) x ")
_INTEGER = re.compile(r"i(\d+)")
_NAMED = re.compile(r'^(%(?:[\w.$-]+|"[^"]*")) = type (.+)$')


class TypeSyntaxError(ValueError):
    """The text does not start with a type that we know how to measure."""


@dataclass(frozen=True, slots=True)
class Type:
    """One type. kind: void integer float pointer vector array struct other."""

    text: str
    kind: str
    store_bytes: int = 0
    alloc_bytes: int = 0
    align_bytes: int = 1
    bits: int = 0
    count: int = 0
    parts: tuple[Type, ...] = ()
    packed: bool = False

    @property
    def unmeasured(self) -> bool:
        """Has it no size that we know: scalable, opaque, the target's own?"""
        return self.kind == "other" and not self.store_bytes

    @property
    def pointers(self) -> bool:
        """Does a value of this type hold (default address space) pointers anywhere?"""
        return self.kind == "pointer" or any(part.pointers for part in self.parts)

    @property
    def plain_bits(self) -> bool:
        """Can the value be bitcast to an integer of store_bytes * 8 bits?"""
        if self.kind in ("integer", "float"):
            return self.bits == self.store_bytes * 8
        return (
            self.kind == "vector" and self.parts[0].kind in ("integer", "float") and self.bits == self.store_bytes * 8
        )


def _round(value: int, align: int) -> int:
    return -(-value // align) * align


def _struct(text: str, fields: list[Type], packed: bool) -> Type:
    if any(field.unmeasured for field in fields):
        return Type(text, "other", parts=tuple(fields))
    offset, align = 0, 1
    for field in fields:
        if not packed:
            offset = _round(offset, field.align_bytes)
            align = max(align, field.align_bytes)
        offset += field.alloc_bytes
    size = _round(offset, align)
    return Type(text, "struct", size, size, align, parts=tuple(fields), packed=packed)


class TypeTable:
    """Reads types; knows the module's named ones. Named types are read on first use."""

    def __init__(self, lines: list[str]) -> None:
        self._named_text: dict[str, str] = {}
        self._named: dict[str, Type] = {}
        for line in lines:
            if line.startswith("%"):
                match = _NAMED.match(line)
                if match:
                    self._named_text[match.group(1)] = match.group(2)
            elif line.startswith("define "):
                break
        self.names = frozenset(self._named_text)
        # One cache a module: the same few dozen texts come again and again.
        self.parse = lru_cache(maxsize=4096)(self._parse)

    def _parse(self, text: str) -> Type:
        """The type that the whole text is. Raises TypeSyntaxError."""
        found, end = self.prefix(text)
        if end != len(text):
            raise TypeSyntaxError(f"'{text}' is not one type")
        return found

    def prefix(self, text: str, start: int = 0) -> tuple[Type, int]:
        """The type at text[start:] and the index just behind it. Raises TypeSyntaxError."""
        opening = text[start : start + 1]
        if opening == "{" or text.startswith("<{", start):
            return self._fields(text, start)
        if opening in ("<", "["):
            return self._sequence(text, start)
        if text.startswith("target(", start):
            end = closing(text, start + len("target")) + 1
            return Type(text[start:end], "other"), end
        match = _WORD.match(text, start)
        if match is None:
            raise TypeSyntaxError(f"no type at '{text[start : start + 40]}'")
        return self._word(match.group(0)), match.end()

    def _word(self, word: str) -> Type:
        if word == "ptr":
            return Type(word, "pointer", 8, 8, 8, 64)
        integer = _INTEGER.fullmatch(word)
        if integer:
            bits = int(integer.group(1))
            size = (bits + 7) // 8
            align = min(16, 1 << (size - 1).bit_length())
            return Type(word, "integer", size, _round(size, align), align, bits)
        if word in _FLOATS:
            size, align = _FLOATS[word]
            return Type(word, "float", size, _round(size, align), align, size * 8)
        if word.startswith("%"):
            return self._name(word)
        space = _SPACE.fullmatch(word)
        if space:
            nbytes = 4 if space.group(1) in _NARROW else 8
            return Type(word, "other", nbytes, nbytes, nbytes, nbytes * 8)
        if word in ("void", "metadata", "label", "token", "opaque", "x86_amx"):
            return Type(word, "void" if word == "void" else "other")
        raise TypeSyntaxError(f"unknown type '{word}'")

    def _name(self, word: str) -> Type:
        known = self._named.get(word)
        if known is None:
            if word not in self._named_text:
                raise TypeSyntaxError(f"type '{word}' is not defined")
            inner = self._parse(self._named_text[word])
            known = self._named[word] = replace(inner, text=word)
        return known

    def _fields(self, text: str, start: int) -> tuple[Type, int]:
        packed = text[start] == "<"
        at = start + (2 if packed else 1)
        fields: list[Type] = []
        while True:
            while text[at : at + 1] in (" ", ","):
                at += 1
            if text[at : at + 1] == "}":
                break
            field, at = self.prefix(text, at)
            fields.append(field)
        end = at + (2 if packed else 1)
        return _struct(text[start:end], fields, packed), end

    def _sequence(self, text: str, start: int) -> tuple[Type, int]:
        match = _SIZED.match(text, start)
        if match is None:
            raise TypeSyntaxError(f"no type at '{text[start : start + 40]}'")
        element, at = self.prefix(text, match.end())
        end, count = at + 1, int(match.group(2))
        whole = text[start:end]
        if match.group(1) or element.unmeasured:
            return Type(whole, "other"), end
        if text[start] == "[":
            size = element.alloc_bytes * count
            return Type(whole, "array", size, size, element.align_bytes, count=count, parts=(element,)), end
        bits = element.bits * count
        size = (bits + 7) // 8
        align = 1 << (size - 1).bit_length() if size else 1
        return Type(whole, "vector", size, _round(size, align), align, bits, count, (element,)), end
