"""Handles (pseudo-pointers) taken apart and put together.

A handle has a tag, an index, a generation and an offset; how the low bits are
split depends on the index (three classes). This is the codec of the crate
``galeed``, written a second time for tests, reports and Python hosts; the numbers
are the header's. Nothing here asks the table: a handle that decodes may well be
forged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pseudoptr import abi

PAGE_MASK = (1 << 12) - 1
"""The bits of an address that a handle keeps."""
INDICES = 1 << abi.INDEX_BITS
_MASK64 = (1 << 64) - 1


class Class(Enum):
    """How long an object may be, and so how many generations its index has."""

    SMALL = (0, abi.MEDIUM_FIRST, abi.SMALL_OFFSET_BITS)
    MEDIUM = (abi.MEDIUM_FIRST, abi.LARGE_FIRST, abi.MEDIUM_OFFSET_BITS)
    LARGE = (abi.LARGE_FIRST, INDICES, abi.LARGE_OFFSET_BITS)

    def __init__(self, first: int, end: int, offset_bits: int) -> None:
        self.first = first
        self.end = end
        self.offset_bits = offset_bits

    @property
    def last_generation(self) -> int:
        """After it the index is never used again."""
        return (1 << (abi.INDEX_SHIFT - self.offset_bits)) - 1

    @property
    def bias(self) -> int:
        """Offset field of the first byte of a page-aligned object."""
        return 1 << (self.offset_bits - 2)

    @property
    def longest_bytes(self) -> int:
        """Length of the longest object."""
        return 1 << (self.offset_bits - 1)

    @staticmethod
    def of_index(index: int) -> Class:
        """raises: ValueError for an index that no handle can have."""
        for each in Class:
            if each.first <= index < each.end:
                return each
        raise ValueError(f"index {index} is not in 0 .. {INDICES - 1}")

    @staticmethod
    def for_length(length_bytes: int) -> Class | None:
        """The class with the most generations that holds such an object; None: too long."""
        if length_bytes < 0:
            raise ValueError(f"a length of {length_bytes} bytes")
        return next((each for each in Class if length_bytes <= each.longest_bytes), None)


def is_handle(pointer: int) -> bool:
    """Does the 64-bit pointer carry the tag?"""
    return pointer & _MASK64 == pointer and pointer >> abi.TAG_SHIFT == abi.TAG


@dataclass(frozen=True, order=True)
class Handle:
    """A pseudo-pointer's fields. ``offset`` is the field: bias, page bits and distance in one."""

    index: int
    generation: int
    offset: int

    def __post_init__(self) -> None:
        kind = Class.of_index(self.index)
        if not 0 <= self.generation <= kind.last_generation:
            raise ValueError(f"generation {self.generation} is not in 0 .. {kind.last_generation}")
        if not 0 <= self.offset < 1 << kind.offset_bits:
            raise ValueError(f"offset {self.offset:#x} has more than {kind.offset_bits} bits")

    @property
    def kind(self) -> Class:
        """The class that the index belongs to."""
        return Class.of_index(self.index)

    @staticmethod
    def of_address(index: int, generation: int, address: int) -> Handle:
        """The handle of the first byte of an object at the address."""
        return Handle(index, generation, Class.of_index(index).bias + (address & PAGE_MASK))

    @staticmethod
    def decode(pointer: int) -> Handle:
        """raises: ValueError for a number that isn't 64 bits with the tag."""
        if not is_handle(pointer):
            raise ValueError(f"{pointer:#x} is not a pseudo-pointer: bits 63 and 62 must be 1 and 0")
        index = pointer >> abi.INDEX_SHIFT & (INDICES - 1)
        kind = Class.of_index(index)
        generation = pointer >> kind.offset_bits & kind.last_generation
        return Handle(index, generation, pointer & ((1 << kind.offset_bits) - 1))

    def encode(self) -> int:
        """The 64-bit pointer."""
        return (
            abi.TAG << abi.TAG_SHIFT
            | self.index << abi.INDEX_SHIFT
            | self.generation << self.kind.offset_bits
            | self.offset
        )

    def __str__(self) -> str:
        return f"{self.kind.name.lower()} {self.index}, generation {self.generation}, offset {self.offset:#x}"
