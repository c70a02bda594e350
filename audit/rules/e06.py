"""E06: No control-flow enforcement (IBT, SHSTK)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.binary.elf import IBT, SHSTK
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Without the two properties in `.note.gnu.property` the loader turns off indirect-branch tracking and shadow stacks for the
whole process: one object that lacks them is enough. Then any byte of code can be jumped to, gadgets among them.

**What to do.** `-fcf-protection=full` for C and C++, assembler sources with the note. rustc marks nothing on stable.

**Source.** x86-64 psABI supplement; Intel SDM 1, chapter 17.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for elf in subject.linked:
        have = elf.features or 0
        missing = [word for word, bit in (("IBT", IBT), ("SHSTK", SHSTK)) if not have & bit]
        if missing:
            name = elf.path.rsplit("/", 1)[-1]
            note = "no note" if elf.features is None else f"X86_FEATURE_1_AND {elf.features:#x}"
            seen = Evidence("elf", note, Location(elf.path))
            yield rule.finding(f"{name} does not ask for {' and '.join(missing)}", f"{name}:{'+'.join(missing)}", seen)


RULE = Rule(
    id="E06",
    title="No control-flow enforcement (IBT, SHSTK)",
    severity=Severity.LOW,
    confidence=Confidence.HIGH,
    cwe=693,
    page=_PAGE,
    check=_check,
)
