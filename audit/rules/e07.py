"""E07: A function that opens domains is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules import openers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Who can call `pkey_mprotect`, `process_vm_writev` or their like needs no gadget: the kernel does the work. The import
says that the code calls it, or can be made to through the PLT. Not reported: what galeed's runtime and Rust's
std use themselves in files that hold them (`mprotect` for guard pages).

**What to do.** Hardening (parts `syscalls` and `deputy`) refuses these calls. Better: code that has no need of them.

**Source.** [PKU Pitfalls], section 4.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for elf in subject.linked:
        name, meant = elf.path.rsplit("/", 1)[-1], openers.mine(elf)
        for symbol in elf.imports:
            if symbol.name in meant:
                seen = Evidence("elf", f"imports {symbol.name}", Location(elf.path, symbol=symbol.name))
                words = f"{name} imports {symbol.name}, which {meant[symbol.name]}"
                weak = Severity.MEDIUM if symbol.name in ("mprotect", "dlopen") else rule.severity
                yield rule.finding(words, f"{name}:{symbol.name}", seen, severity=weak)


RULE = Rule(
    id="E07",
    title="A function that opens domains is imported",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=749,
    page=_PAGE,
    check=_check,
)
