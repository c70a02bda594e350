"""What runs on every way through a function.

Invariant: a way is one that returns: what ends the program on the way is none. Loops are taken to end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function

_LABEL = re.compile(r'^([\w.$-]+|"[^"]*"):')
_TARGET = re.compile(r'label (%[\w.$-]+|%"[^"]*")')


def always(function: Function, line: int) -> bool:
    """Does a line of the body run whenever the function is called and returns?"""
    starts, names = [0], [""]
    for number, text in enumerate(function.body):
        match = _LABEL.match(text)
        if match and number:
            starts.append(number)
            names.append(f"%{match[1]}")
        elif match:
            names[0] = f"%{match[1]}"
    ends = [*starts[1:], len(function.body)]
    mine = next(at for at, end in enumerate(ends) if line < end)
    numbers = {name: at for at, name in enumerate(names)}
    todo, seen = [0], {mine}
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        for text in function.body[starts[at] : ends[at]]:
            if text.startswith("  ret "):
                return False
            todo += [numbers[each] for each in _TARGET.findall(text) if each in numbers]
    return True
