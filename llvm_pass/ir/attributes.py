"""Attributes that a rewrite turns into lies.

Where an access became a call, "reads only its arguments", "never calls back",
"does not capture" and their kind no longer hold, and LLVM would believe them.
Source: LLVM LangRef, "Function Attributes" and "Parameter Attributes".
"""

from __future__ import annotations

import re

_NESTED = r"\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)"
_FUNCTION_LIES = re.compile(
    rf" (?:memory{_NESTED}|readnone|readonly|writeonly|argmemonly|inaccessiblememonly|inaccessiblemem_or_argmemonly|"
    r"nofree|nosync|willreturn|nocallback|speculatable|norecurse)(?= )"
)
# A handle keeps the low 12 bits of the address: larger alignments are lies about it.
_VALUE_LIES = re.compile(
    r" (?:(?<!\) )align (?:8192|(?:1[6-9]|[2-9]\d|\d{3,})\d{3})|"
    rf"(?:captures|dereferenceable|dereferenceable_or_null|initializes){_NESTED}|"
    r"nocapture|readonly|writeonly|readnone|nofree|writable)(?=[ ,)])"
)
_VALUE_HINT = re.compile(
    r"align \d{4}|captures\(|dereferenceable|initializes\(|readonly|writeonly|readnone|nofree|writable|nocapture"
)
_METADATA_LIES = re.compile(r", !(?:dereferenceable(?:_or_null)?|nofree) !\d+|, !align !\d+")
_ASSUMED_LIES = re.compile(
    r'"(?:dereferenceable|dereferenceable_or_null)"(?=\()|"align"(?=\([^()]*, i64 (?:8192|[1-9]\d{4,})[,)])'
)

_METADATA_HINT = re.compile(r"!(?:dereferenceable|nofree|align) ")

# Kept on gates: how the code is generated, nothing about what the body does.
_GATE_KEEPS = re.compile(
    r"nounwind|uwtable(?:\(\w+\))?|ssp|sspstrong|sspreq|noredzone|nocf_check|null_pointer_is_valid|shadowcallstack|"
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
    # LLVM refuses a group with nothing in it.
    return _FUNCTION_LIES.sub("", group).replace("{ }", '{ "galeed-none-left" }')


def without_value_lies(line: str) -> str:
    """A define, declare, call or load line without what became false about its pointers."""
    if _METADATA_HINT.search(line):
        line = _METADATA_LIES.sub("", line)
    if "@llvm.assume(" in line:
        line = _ASSUMED_LIES.sub('"ignore"', line)
    return _VALUE_LIES.sub("", line) if _VALUE_HINT.search(line) else line


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
