"""What galeed-opt says about a rewrite: counts, times, remarks.

Passed remarks are made here from a pass's own edits, so that no pass has to say twice
what it does: an instruction that became a call of a helper or of the runtime was rewritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from llvm_pass.ir.syntax import bare, metadata_of
from llvm_pass.passes.base import Context
from llvm_pass.remarks import Remark

_HELPER = re.compile(r"@galeed(?!\.entry\()[.\w]*")  # the entry is asked for by the way
_OPCODE = re.compile(r"^  (?:%\S+ = )?(?:tail |musttail |notail )?([a-z]\w*)")


def say(text: str) -> bool:
    """A line on stderr. False: it did not get there, and no later one will."""
    if sys.stderr is None:
        return False
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        give_up(2)
        sys.stderr = None  # as Python has it where there is none
        return False
    return True


def give_up(descriptor: int) -> None:
    """Keeps the interpreter from failing to write the rest once more, which would change the exit status."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def printable(text: str) -> str:
    """One line, with no control characters of the input for the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(text.split()))


def passed(context: Context) -> list[Remark]:
    """A remark for each instruction that became a call of a helper, or has one for handles."""
    remarks = []
    lines, place = context.module.lines, context.module.metadata.place
    for function in context.module.functions:
        for number, told in context.edits.replaced(function.start + 1, function.end):
            helper = next((match.group() for line in told.lines if (match := _HELPER.search(line))), None)
            opcode = _OPCODE.match(lines[number])
            if helper is None or opcode is None:
                continue
            name = opcode.group(1)
            reason = f"{name} became a call of {helper[1:]}{' for pseudo-pointers' if told.note else ''}"
            at = place(metadata_of(lines[number]).get("dbg"))
            remarks.append(Remark("Passed", context.pass_name, name.capitalize(), bare(function.name), reason, at))
    return remarks


def remark_line(remark: Remark) -> str:
    """As LLVM's -pass-remarks print them."""
    where = f"{remark.place.file}:{remark.place.line}:{remark.place.column}: " if remark.place else ""
    return printable(f"remark: {where}{remark.function}: {remark.reason} [{remark.pass_name}]")


def counted(stats: Counter[str]) -> dict[str, int]:
    """In the order of names: the same for one job or many."""
    return dict(sorted(stats.items()))


def stats_json(modules: Iterable[dict[str, Any]]) -> bytes:
    """The file of --stats-json."""
    listed = list(modules)
    total: Counter[str] = Counter()
    for module in listed:
        total.update(module["stats"])
    whole = {"modules": listed, "total": {"lines": sum(each["lines"] for each in listed), "stats": counted(total)}}
    return (json.dumps(whole, indent=2) + "\n").encode()
