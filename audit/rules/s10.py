"""S10: A shared reference cast to a mutable pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.source import function_around, is_test, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`&x as *const T as *mut T` says that nobody writes, and hands out a pointer to write with. If the foreign function writes,
the behaviour is undefined: the compiler has assumed that `x` did not change. Not reported: `&mut`, `UnsafeCell::get`, `addr_of_mut!`.

**What to do.** Take `&mut x`, or declare the C function's parameter `*const T` where C declares it const.

**Source.** RUSTSEC-2024-0429 is of the kind; rustc's lint `invalid_reference_casting`.
"""

_CAST = """
(type_cast_expression
  value: (type_cast_expression
    value: (reference_expression . value: (_) @value) @reference
    type: (pointer_type "const"))
  type: (pointer_type (mutable_specifier))) @cast
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for file in subject.sources:
        for found in file.matches(_CAST):
            if text_of(found["reference"]).startswith("&mut") or is_test(found["cast"]):
                continue
            name = function_around(found["cast"]) or "?"
            row, column = found["cast"].start_point
            place = Location(file.path, row + 1, column + 1, symbol=name)
            seen = Evidence("rust", text_of(found["cast"]).replace("\n", " ")[:120], place)
            words = f"{name} makes a mutable pointer of the shared reference to {text_of(found['value'])[:60]}"
            yield rule.finding(words, f"{name}:{text_of(found['value'])}", seen)


RULE = Rule(
    id="S10",
    title="A shared reference cast to a mutable pointer",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=758,
    page=_PAGE,
    check=_check,
)
