"""Pass `attributes`: drops what LLVM had inferred about functions and stops being true.

Runs before every other pass, always: each of them turns accesses into calls, or
calls into gates. LLVM infers again what is still so when the module is optimised. What
goes and what stays, attribute by attribute: ir/attribute_table.py.
"""

from __future__ import annotations

import re

from llvm_pass.analysis.roots import OWN_MEMORY
from llvm_pass.ir.attributes import without_function_lies, without_value_lies
from llvm_pass.ir.syntax import parse_header
from llvm_pass.passes.base import Context

_KEPT = OWN_MEMORY | {"@free", "@_ZdlPv", "@_ZdaPv", "@_ZdlPvm", "@_ZdaPvm"}


_LOADED = re.compile(r"!(?:dereferenceable|nofree|align)")


def run(context: Context) -> None:
    """Edits define, declare, call and load lines and the attribute groups."""
    edits, changed = context.edits, 0
    for number, line in enumerate(context.module.lines):
        new = line
        first = line[:1]
        if first == " ":
            if "call " in line or "invoke " in line or "callbr " in line or (", !" in line and _LOADED.search(line)):
                new = without_value_lies(line)
        elif first == "d":
            if line.startswith("define ") or (line.startswith("declare ") and not _builtin(line)):
                new = without_value_lies(line)
        elif first == "a" and line.startswith("attributes #"):
            new = without_function_lies(line)
        if new is not line and new != line:
            edits.replace(number, new)
            changed += 1
    context.stats["lines with attributes dropped"] += changed


def _builtin(line: str) -> bool:
    name = parse_header(line).name
    return name.startswith("@llvm.") or name in _KEPT
