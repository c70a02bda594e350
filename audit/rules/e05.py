"""E05: Relocations that stay writable, text that is relocated, addresses that are fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.binary.elf import Elf
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Function pointers in the GOT that stay writable (no RELRO, or partial: lazy binding) are the first thing that a
write primitive is used for; a TEXTREL makes code writable while it is loaded; a program that is not PIE has its own
gadgets at known addresses.

**What to do.** `-Wl,-z,relro,-z,now`, `-fPIC`, `-pie`. rustc does so by default.

**Source.** BinSkim BA3010; ld(1).
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for elf in subject.linked:
        name = elf.path.rsplit("/", 1)[-1]
        for problem, words, text in _problems(elf):
            seen = Evidence("elf", text, Location(elf.path))
            yield rule.finding(f"{name} {words}", f"{name}:{problem}", seen)


def _problems(elf: Elf) -> Iterator[tuple[str, str, str]]:
    if elf.tags:  # a static program without a dynamic section has no GOT to fill
        if not elf.has_relro:
            yield "relro", "has no RELRO: its GOT stays writable", "no PT_GNU_RELRO"
        elif not elf.binds_now and elf.tags.get("DT_PLTRELSZ"):
            yield "relro", "has partial RELRO: it binds lazily, so function pointers stay writable", "no BIND_NOW"
        if "DT_TEXTREL" in elf.tags or elf.tags.get("DT_FLAGS", 0) & 4:
            yield "textrel", "relocates its own code (TEXTREL)", "DT_TEXTREL"
    if elf.kind == "ET_EXEC":
        yield "pie", "is not position-independent: its code lies at known addresses", "ET_EXEC"


RULE = Rule(
    id="E05",
    title="Relocations that stay writable, text that is relocated, addresses that are fixed",
    severity=Severity.MEDIUM,
    confidence=Confidence.HIGH,
    cwe=693,
    page=_PAGE,
    check=_check,
)
