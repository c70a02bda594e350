"""E08: The address of a function that opens domains is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules import openers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
As E07, but worse to find: a pointer to the function lies in data (a relocation puts it there), or its name stands among
the file's strings while the file imports `dlsym`. Whoever can write an indirect call's target finds it there.

**What to do.** As for E07; and keep such tables in memory that is read-only after loading (RELRO).

**Source.** [PKU Pitfalls], section 4.
"""

_R_X86_64_64 = 1


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for elf in subject.linked:
        name, meant = elf.path.rsplit("/", 1)[-1], openers.mine(elf)
        kept = openers.kept(elf)
        for each in elf.relocations:
            if each.kind == _R_X86_64_64 and each.symbol in kept:
                place = Location(elf.path, address=each.address, symbol=each.symbol)
                seen = Evidence("elf", f"R_X86_64_64 of {each.symbol}", place)
                yield rule.finding(
                    f"{name} keeps the address of {each.symbol} in data", f"{name}:{each.symbol}:data", seen
                )
        if any(symbol.name == "dlsym" for symbol in elf.imports):
            for asked in sorted(elf.strings & meant.keys()):
                seen = Evidence("elf", f"the string {asked!r}, and dlsym is imported", Location(elf.path, symbol=asked))
                words = f"{name} may ask dlsym for {asked}"
                yield rule.finding(words, f"{name}:{asked}:dlsym", seen, confidence=Confidence.MEDIUM)


RULE = Rule(
    id="E08",
    title="The address of a function that opens domains is taken",
    severity=Severity.MEDIUM,
    confidence=Confidence.HIGH,
    cwe=749,
    page=_PAGE,
    check=_check,
)
