"""Attributes that a rewrite turns into lies.

Where an access became a call, "reads only its arguments", "never calls back",
"does not capture" and their kind no longer hold, and LLVM would believe them.
attribute_table.py says of each why.
"""

from __future__ import annotations

import re

from llvm_pass.ir.attribute_table import FUNCTION, VALUE, dropped

_STRINGS = re.compile(r'("[^"]*")')
_NESTED = r"\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)"
_FUNCTION_LIES = re.compile(rf" (?:{'|'.join(dropped(FUNCTION))})(?:{_NESTED})?(?= )")
# A handle keeps the low 12 bits of the address: larger alignments are lies about it.
_VALUE_LIES = re.compile(
    r" (?:(?<!\) )align (?:8192|(?:1[6-9]|[2-9]\d|\d{3,})\d{3})|"
    rf"(?:{'|'.join(dropped(VALUE))})(?:{_NESTED})?)(?=[ ,)])"
)
_VALUE_HINT = re.compile(rf"align \d{{4}}|{'|'.join(dropped(VALUE))}")
_METADATA_LIES = re.compile(r", !(?:dereferenceable(?:_or_null)?|nofree) !\d+|, !align !\d+")
_ASSUMED_LIES = re.compile(
    r'"(?:dereferenceable|dereferenceable_or_null)"(?=\()|"align"(?=\([^()]*, i64 (?:8192|[1-9]\d{4,})[,)])'
)

_METADATA_HINT = re.compile(r"!(?:dereferenceable|nofree|align) ")

# Kept on gates: how the code is generated, nothing about what the body does. Not nounwind:
# exceptions of others pass through C's frames, and must not pass a gate unseen.
_GATE_KEEPS = re.compile(
    r"uwtable(?:\(\w+\))?|ssp|sspstrong|sspreq|noredzone|nocf_check|null_pointer_is_valid|shadowcallstack|"
    r'"(?:target-cpu|tune-cpu|target-features|frame-pointer|stack-protector-buffer-size|min-legal-vector-width|'
    r'probe-stack|stack-probe-size)"="[^"]*"'
)
_GROUP = re.compile(r"^attributes (#\d+) = \{ (.*) \}$")


def without_function_lies(group: str) -> str:
    """The text of an attribute group (`attributes #0 = {...}`) without what became false.

    Groups of the allocator's own declarations are left: LLVM knows malloc by them.
    """
    if "allockind(" in group:
        return group
    # A string's words are nobody's attribute. LLVM refuses a group with nothing in it.
    parts = (part if part[:1] == '"' else _FUNCTION_LIES.sub("", part) for part in _STRINGS.split(group))
    return "".join(parts).replace("{ }", '{ "galeed-none-left" }')


def without_value_lies(line: str) -> str:
    """A define, declare, call or load line without what became false about its pointers."""
    if _METADATA_HINT.search(line):
        line = _METADATA_LIES.sub("", line)
    if "@llvm.assume(" in line:
        line = _ASSUMED_LIES.sub('"ignore"', line)
    if not _VALUE_HINT.search(line):
        return line
    # Names, assembly and bundles' tags may hold any words.
    return "".join(part if part[:1] == '"' else _VALUE_LIES.sub("", part) for part in _STRINGS.split(line))


def groups(lines: list[str], start: int) -> dict[str, str]:
    """{"#0": "nounwind uwtable ..."} of the groups at or behind a line."""
    found = {}
    for line in lines[start:]:
        if line.startswith("attributes "):
            match = _GROUP.match(line)
            if match:
                found[match.group(1)] = match.group(2)
    return found


def gate_attributes(group: str) -> str:
    """What a gate keeps of its function's attributes."""
    return " ".join(match.group(0) for match in _GATE_KEEPS.finditer(group))
