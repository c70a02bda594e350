"""What a value must be where some others are known: constants, parameters, comparisons.

Invariant: an answer is certain; None: it may be anything. Integers are as LLVM prints them, signed; of a pointer
only 0 (null) and NOT_NULL are told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.facts.llvm.blocks import Blocks

NOT_NULL = "not null"
Known = int | str
_COMPARED = re.compile(r"icmp (?:samesign )?(\w+) (ptr|i\d+) (\S+), (\S+?)(?:,|$)")
_COPIED = re.compile(r"(?:zext|sext|trunc|freeze)(?: (?:nneg|nuw|nsw))* (ptr|i\d+) (\S+?)(?: to i(\d+)|,|$)")
# What is likely changes no value.
_EXPECTED = re.compile(r"(?:tail )?call i\d+ @llvm\.expect(?:\.with\.probability)?\.i\d+\(i\d+ (\S+?),")
_LOGIC = re.compile(r"(and|or|xor) (?:disjoint )?i1 (\S+), (\S+?)(?:,|$)")
_NUMBERS = re.compile(
    r"(and|or|xor|add|sub|mul|shl|lshr|ashr)(?: (?:nuw|nsw|exact|disjoint))* i(\d+) (\S+), (\S+?)(?:,|$)"
)
SELECTED = re.compile(r"select i1 (\S+), (?:ptr|i\d+) (\S+), (?:ptr|i\d+) (\S+?)(?:,|$)")
_NOTHING: Mapping[str, str] = {}
_DEEPEST = 8


def constant(text: str) -> Known | None:
    """What an operand that is no name of a value is."""
    if text in ("true", "false"):
        return int(text == "true")
    if text == "null":
        return 0
    if text.startswith("@"):
        return NOT_NULL
    try:
        return int(text)
    except ValueError:
        return None


def value_of(
    text: str, blocks: Blocks, known: Mapping[str, Known], here: Mapping[str, str] = _NOTHING, depth: int = 0
) -> Known | None:
    """The value of an operand. here: what the phis of the block that is asked in are."""
    text = text.rstrip(",")
    if text in known:
        return known[text]
    if not text.startswith("%"):
        return constant(text)
    if depth > _DEEPEST:
        return None

    def of(operand: str) -> Known | None:
        return value_of(operand, blocks, known, here, depth + 1)

    if text in here:
        return value_of(here[text], blocks, known, _NOTHING, depth + 1)
    made = blocks.values.get(text, "")
    if made.startswith("alloca "):
        return NOT_NULL
    if match := _COMPARED.match(made):
        return _compared(match[1], of(match[3]), of(match[4]), int(match[2][1:]) if match[2] != "ptr" else 64)
    if match := _EXPECTED.match(made):
        return of(match[1])
    if match := _LOGIC.match(made):
        return _logic(match[1], of(match[2]), of(match[3]))
    if match := _NUMBERS.match(made):
        return _calculated(match[1], int(match[2]), of(match[3]), of(match[4]))
    if match := SELECTED.match(made):
        chosen = of(match[1])
        return None if chosen is None else of(match[2] if chosen else match[3])
    if match := _COPIED.match(made):
        found = of(match[2])
        if not isinstance(found, int):
            return found
        return _copied(made, found, match[1], match[3])
    if made.startswith("getelementptr inbounds"):
        base = re.search(r", ptr (\S+?),", made)
        return NOT_NULL if base and of(base[1]) == NOT_NULL else None
    return None


def _calculated(how: str, bits: int, left: Known | None, right: Known | None) -> int | None:
    if how == "and" and 0 in (left, right):
        return 0
    if (
        not isinstance(left, int)
        or not isinstance(right, int)
        or (how in ("shl", "lshr", "ashr") and not 0 <= right < bits)
    ):
        return None
    whole = left % (1 << bits)
    found = {
        "and": left & right, "or": left | right, "xor": left ^ right, "add": left + right, "sub": left - right,
        "mul": left * right, "shl": whole << (right if how == "shl" else 0),
        "lshr": whole >> (right if how == "lshr" else 0), "ashr": left >> (right if how == "ashr" else 0),
    }[how] % (1 << bits)  # fmt: skip
    return found - (1 << bits) if found >> (bits - 1) else found


def _copied(made: str, found: int, kind: str, to: str | None) -> int:
    if made.startswith("zext"):
        return found % (1 << int(kind[1:]))
    if made.startswith("trunc") and to:
        bits = int(to)
        low = found % (1 << bits)
        return low - (1 << bits) if bits > 1 and low >> (bits - 1) else low
    if made.startswith("sext") and kind == "i1":
        return -found
    return found


def _compared(how: str, left: Known | None, right: Known | None, bits: int) -> int | None:
    if isinstance(left, str) or isinstance(right, str):
        if left == 0 or right == 0:  # a pointer that is not null, and null
            return {"eq": 0, "ne": 1}.get(how)
        return None
    if left is None or right is None:
        return None
    if how in ("eq", "ne"):
        return int((left == right) == (how == "eq"))
    if how.startswith("u"):
        left, right = left % (1 << bits), right % (1 << bits)
    less, same = left < right, left == right
    return int({"lt": less, "le": less or same, "gt": not less and not same, "ge": not less}[how[1:]])


def _logic(how: str, left: Known | None, right: Known | None) -> int | None:
    if how == "xor":
        return int(left != right) if isinstance(left, int) and isinstance(right, int) else None
    strong = int(how == "or")
    if strong in (left, right):
        return strong
    return int(bool(left)) if isinstance(left, int) and isinstance(right, int) else None
