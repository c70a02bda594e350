"""LLVM's bitstream: fixed and variable width integers, abbreviations, records."""

from __future__ import annotations

_CHAR6 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"
_LONGEST_RECORD = 256


class BitstreamError(ValueError):
    """The bits end or make no sense."""


class BitReader:
    """Bits of a byte string, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")
        self._length = len(data) * 8
        self._at = 0

    def fixed(self, width: int) -> int:
        """Raises BitstreamError at the end."""
        if self._at + width > self._length or width > 64:
            raise BitstreamError("the bits end")
        value = (self._bits >> self._at) & ((1 << width) - 1)
        self._at += width
        return value

    def vbr(self, width: int) -> int:
        """Variable width: the top bit of each chunk says that another follows."""
        high, value, shift = 1 << (width - 1), 0, 0
        while True:
            chunk = self.fixed(width)
            value |= (chunk & (high - 1)) << shift
            if not chunk & high:
                return value
            shift += width - 1
            if shift > 64:
                raise BitstreamError("an integer of more than 64 bits")

    def align(self) -> None:
        """To the next 32 bits."""
        self._at = -(-self._at // 32) * 32

    def abbreviation(self) -> list[tuple[str, int]]:
        """One DEFINE_ABBREV: [(encoding, value)]."""
        operands: list[tuple[str, int]] = []
        for _ in range(self.vbr(5)):
            if self.fixed(1):
                operands.append(("literal", self.vbr(8)))
                continue
            encoding = self.fixed(3)
            if encoding in (1, 2):
                operands.append(("fixed" if encoding == 1 else "vbr", self.vbr(5)))
            elif encoding in (3, 4):
                operands.append(("array" if encoding == 3 else "char6", 0))
            else:
                raise BitstreamError("an abbreviation that no identification block has")
        return operands

    def unabbreviated(self) -> list[int]:
        """[code, operands...]."""
        code, count = self.vbr(6), self.vbr(6)
        if count > _LONGEST_RECORD:
            raise BitstreamError("a record too long")
        return [code, *(self.vbr(6) for _ in range(count))]

    def abbreviated(self, abbreviations: list[list[tuple[str, int]]], index: int) -> list[int]:
        """[code, operands...] by an abbreviation of this block."""
        if index >= len(abbreviations):
            raise BitstreamError("an abbreviation that is not defined")
        record: list[int] = []
        operands = abbreviations[index]
        at = 0
        while at < len(operands):
            encoding, value = operands[at]
            if encoding == "array":
                count = self.vbr(6)
                if count > _LONGEST_RECORD or at + 1 >= len(operands):
                    raise BitstreamError("an array too long")
                at += 1
                record.extend(self._scalar(*operands[at]) for _ in range(count))
            else:
                record.append(self._scalar(encoding, value))
            at += 1
        return record

    def _scalar(self, encoding: str, value: int) -> int:
        if encoding == "literal":
            return value
        if encoding == "char6":
            return ord(_CHAR6[self.fixed(6)])
        return self.fixed(value) if encoding == "fixed" else self.vbr(value)
